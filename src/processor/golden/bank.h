#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace trainer::golden {

/// BP: a product on its way to a pixel of dX.
struct Term {
  int64_t output = 0;  ///< index in dX
  int64_t column = 0;
  float product = 0;
};

/// The accumulators of one PE for one item.
struct Bank {
  std::unordered_map<int64_t, float> estimates;  ///< of unwanted outputs, where FF is speculated
  std::vector<Term> terms;                       ///< BP
  std::unordered_map<int64_t, float> sums;       ///< by index in the output; with the sums that stay 0
  int64_t slots = 0;                             ///< sums that leave one by one (contract, section 3, "drain": S)
};

}  // namespace trainer::golden
