#include "network/layer.h"

#include <fmt/format.h>

#include <stdexcept>

namespace trainer {

void Layer::request_dense_gradient() {
  throw std::logic_error(fmt::format("a {} layer has no weight, so no dense gradient can be asked for", kind()));
}

std::span<const float> Layer::dense_gradient() const {
  throw std::logic_error(fmt::format("a {} layer has no weight and keeps no dense gradient", kind()));
}

}  // namespace trainer
