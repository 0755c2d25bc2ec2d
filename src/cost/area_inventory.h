#pragma once

#include <array>
#include <cstdint>

#include "cost/area_table.h"
#include "processor/parameters.h"

namespace trainer {

/// Equal memories.
struct MemoryCount {
  int64_t memories = 0;
  double KB_each = 0;
};

/// How many of each component a processor has, from its parameters (area_component_table() says how).
class Inventory {
 public:
  explicit Inventory(const ProcessorParameters& parameters);

  int64_t count(AreaComponent component) const { return counts_[static_cast<size_t>(component)]; }
  const MemoryCount& memory(AreaComponent component) const { return memories_[static_cast<size_t>(component)]; }

 private:
  std::array<int64_t, kAreaComponents> counts_{};
  std::array<MemoryCount, kAreaComponents> memories_{};
};

}  // namespace trainer
