#include "processor/golden/item_port.h"

#include <algorithm>

namespace trainer::golden {

int64_t port_cycles(const Job& job, const Item& item) {
  const int64_t positions = job.positions({item.tile, item.tile + 1});
  return port_cycles(job, item.block, item.slice, positions, job.all_positions, positions);
}

int64_t port_cycles(const Job& job, int64_t b, int64_t slice, int64_t positions, int64_t all,
                    int64_t shortcut_positions) {
  const Block& block = job.blocks[static_cast<size_t>(b)];
  const auto channels = static_cast<int64_t>(block.channels.size());
  const int64_t inputs = job.inputs_of_slice(slice).size();
  const Layer& layer = job.layer;
  const int64_t streamed = job.phase == Phase::BP ? job.dZ_bits() : job.X_bits();
  int64_t bits = divide_up(streamed * positions * inputs, all * job.inputs_per_group * layer.groups);
  bits += divide_up(job.block_bits(block) * inputs, job.inputs_per_group);
  if (job.phase == Phase::WG) {
    bits += divide_up(job.dZ_bits() * positions * channels, all * layer.k);
  }
  if (job.speculated && layer.reads_shortcut) {
    bits += job.processor.value_bits * shortcut_positions * channels;
  }
  if (job.masked) {
    bits += divide_up(layer.n * layer.h * layer.w * positions * channels, all);
  }
  return std::max<int64_t>(1, divide_up(bits, job.processor.port_bits));
}

}  // namespace trainer::golden
