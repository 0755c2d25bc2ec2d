#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "processor/golden/bank.h"
#include "processor/golden/job.h"

namespace trainer::golden {

/// The output part of the global buffer with its adders: a sum that it already holds is read, added to and written.
class OutputBuffer {
 public:
  void use(Job* job);
  /// The sums of an item, of each PE of its group.
  void take(const Item& item, const std::vector<Bank>& banks);

 private:
  int64_t sums_of(const Item& item, const std::vector<Bank>& banks) const;

  Job* job_ = nullptr;
  std::set<std::pair<int64_t, int64_t>> held_;  // FF, BP: sums of a tile and block; WG: of a block and slice
};

}  // namespace trainer::golden
