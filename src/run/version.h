#pragma once

#include <string_view>

namespace trainer {

/// Of this program, such as "0.2.0".
std::string_view version();

}  // namespace trainer
