#pragma once

#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "processor/golden/bank.h"
#include "processor/golden/job.h"

namespace trainer::golden {

/// The output part of the global buffer with its adders: a sum that it already holds is read, added to and written.
///
/// A pixel of dX may be summed up by items of several tiles, whose exchange is not counted (contract, section 15);
/// their products meet here, and are added in the order of section 16.
class OutputBuffer {
 public:
  void use(Job* job);
  /// The sums of an item, of each PE of its group.
  void take(const Item& item, const std::vector<Bank>& banks);
  /// All items have been taken: rounds results as they are stored.
  void finish();

 private:
  int64_t sums_of(const Item& item, const std::vector<Bank>& banks) const;

  /// Products of one pixel of dX from one slice.
  struct Terms {
    int64_t slice = 0;
    std::vector<std::pair<int64_t, float>> products;  // with their columns
  };

  void gather(const Item& item, const Bank& bank);
  void add_terms();

  Job* job_ = nullptr;
  std::unordered_map<int64_t, std::vector<Terms>> pixels_;  // BP; slices in the order in which they drained first
  std::set<std::pair<int64_t, int64_t>> held_;  // FF, BP: sums of a tile and block; WG: of a block and slice
};

}  // namespace trainer::golden
