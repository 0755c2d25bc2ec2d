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
/// Sums are added in the order of section 16, whenever they come: those that come before their turn wait here, and so
/// do products of a pixel of dX that items of several tiles sum up (neither is counted: contract, section 15).
class OutputBuffer {
 public:
  void use(Job* job);
  /// The sums of an item, of each PE of its group.
  void take(const Item& item, const std::vector<Bank>& banks);
  /// All items have been taken: adds up what waits, and rounds results as they are stored.
  void finish();

 private:
  /// What one slice (FF, BP) or one tile (WG) adds to an output.
  struct Part {
    int64_t number = 0;
    float sum = 0;
    std::vector<std::pair<int64_t, float>> products;  ///< BP: with their columns
  };

  int64_t sums_of(const Item& item, const std::vector<Bank>& banks) const;
  Part& part_of(int64_t output, const Item& item);
  void keep(const Item& item, const Bank& bank);
  static float add(std::vector<Part>& parts);

  Job* job_ = nullptr;
  std::unordered_map<int64_t, std::vector<Part>> outputs_;
  std::set<std::pair<int64_t, int64_t>> held_;  // FF, BP: sums of a tile and block; WG: of a block and slice
};

}  // namespace trainer::golden
