#pragma once

#include <cstdint>
#include <unordered_map>

namespace trainer::golden {

/// The accumulators of one PE for one item.
struct Bank {
  std::unordered_map<int64_t, float> sums;  ///< by index in the output; with the sums that stay 0
  int64_t slots = 0;                        ///< sums that leave one by one (contract, section 3, "drain": S)
};

}  // namespace trainer::golden
