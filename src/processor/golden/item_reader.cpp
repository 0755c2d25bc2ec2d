#include "processor/golden/item_reader.h"

namespace trainer::golden {
namespace {

void read_weights(Job& job, const Item& item) {
  const Block& block = job.blocks[static_cast<size_t>(item.block)];
  const Range columns = job.columns_of_slice(item.slice);
  const int64_t positions = job.positions({item.tile, item.tile + 1});
  int64_t held = 0;
  int64_t size = 0;
  for (const int64_t o : block.channels) {
    for (int64_t column = columns.first; column < columns.end; ++column) {
      ++size;
      if (job.held(o, column)) {
        ++held;
      } else {
        (job.phase == Phase::WG ? job.counts.skipped_by_output : job.counts.skipped_by_weight) += positions;
      }
    }
  }
  job.counts.weight_read += job.weight_bits(held, size);
  if (job.dataflow.compress == Compress::activations && job.hold) {
    job.counts.bitmap_read += size;
  }
}

void read_activations(Job& job, const Item& item) {
  const Block& block = job.blocks[static_cast<size_t>(item.block)];
  const Range inputs = job.inputs_of_slice(item.slice);
  const bool BP = job.phase == Phase::BP;
  const std::vector<int64_t>& nonzeros = BP ? job.nonzeros_dZ : job.nonzeros_X;
  const int64_t pixels = BP ? job.all_positions : job.layer.n * job.layer.h * job.layer.w;
  int64_t bits = 0;
  for (int64_t i = inputs.first; i < inputs.end; ++i) {
    const int64_t channel = block.conv_group * job.inputs_per_group + i;
    bits += job.tensor_bits(nonzeros[static_cast<size_t>(channel)], pixels);
  }
  const Range tile{item.tile, item.tile + 1};
  job.counts.activation_read += job.share(bits, tile);
  if (job.dataflow.compress == Compress::weights && job.zeros()) {
    job.counts.bitmap_read += inputs.size() * job.processor.tile;
  }
  if (job.phase != Phase::WG) {
    return;
  }
  int64_t dZ_bits = 0;
  for (const int64_t k : block.channels) {
    dZ_bits += job.tensor_bits(job.nonzeros_dZ[static_cast<size_t>(k)], job.all_positions);
    job.counts.bitmap_read += job.zeros() ? job.processor.tile : 0;
  }
  job.counts.activation_read += job.share(dZ_bits, tile);
  if (item.slice == 0 && job.layer.gradient_pruned && job.processor.speculation_gradients) {
    job.counts.prune += static_cast<int64_t>(block.channels.size()) * job.positions(tile);
  }
}

/// What says which outputs are wanted.
void read_wanted_outputs(Job& job, const Item& item) {
  const Range tile{item.tile, item.tile + 1};
  const auto channels = static_cast<int64_t>(job.blocks[static_cast<size_t>(item.block)].channels.size());
  if (job.selective) {
    job.counts.bitmap_read += channels * job.tile_places;
  }
  if (job.speculated && job.layer.reads_shortcut) {
    job.counts.activation_read += job.processor.value_bits * channels * job.positions(tile);
  }
  if (job.masked) {
    job.counts.activation_read += channels * job.share(job.layer.n * job.layer.h * job.layer.w, tile);
  }
}

}  // namespace

void read_item(Job& job, const Item& item) {
  read_weights(job, item);
  read_activations(job, item);
  read_wanted_outputs(job, item);
}

}  // namespace trainer::golden
