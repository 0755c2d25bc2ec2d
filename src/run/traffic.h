#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "processor/memory/operand_bits.h"

namespace trainer {

/// An operand that DRAM carries: its name in reports, and its bits.
struct OperandTraffic {
  std::string_view operand;
  int64_t OperandBits::*bits;
};

/// All of them, in the order of reports. W is the mask in WG.
const std::array<OperandTraffic, 6>& operand_traffic();

/// Loads need not be whole bytes, so this is a multiple of an eighth.
double loaded_bytes(const OperandBits& loaded, const OperandTraffic& traffic);

/// { "X": bytes, "W": bytes, ... }
nlohmann::json loaded_bytes_json(const OperandBits& loaded);

}  // namespace trainer
