#include "processor/golden/passes.h"

#include <algorithm>
#include <utility>

namespace trainer::golden {
namespace {

int64_t half_bits(int64_t kilobytes) { return kilobytes * 1024 * 8 / 2; }

class Planner {
 public:
  explicit Planner(const Job& job);
  PassPlan plan() const;

 private:
  enum class Order { tiles_first, blocks_first };

  int64_t bits_of_block(int64_t block) const;
  int64_t held(Range blocks) const;
  bool tiles_fit(Range tiles) const;
  bool blocks_fit(Range blocks) const;
  std::vector<Range> cut_tiles() const;
  std::vector<Range> cut_blocks() const;
  std::vector<Pass> in_order(Order order) const;
  void set_loads(Pass& pass, const Pass* before) const;
  void set_loads_of_outputs(Pass& pass) const;
  int64_t channels(Range blocks) const;
  void set_stores(Pass& pass) const;

  const Job& job_;
  int64_t activation_bits_ = 0;  // what the activations part holds
  bool activations_too_large_ = false;
  bool weights_too_large_ = false;
  bool sums_too_large_ = false;
};

Planner::Planner(const Job& job) : job_(job) {
  activation_bits_ = (job.phase == Phase::BP ? 0 : job.X_bits()) + (job.phase == Phase::FF ? 0 : job.dZ_bits());
  for (int64_t tile = 0; tile < job.tiles; ++tile) {
    activations_too_large_ = activations_too_large_ || !tiles_fit({tile, tile + 1});
  }
  for (int64_t b = 0; b < static_cast<int64_t>(job.blocks.size()); ++b) {
    weights_too_large_ = weights_too_large_ || bits_of_block(b) > half_bits(job.processor.weights_KB);
    sums_too_large_ = sums_too_large_ ||
                      (job.phase == Phase::WG && kSumBits * held({b, b + 1}) > half_bits(job.processor.outputs_KB));
  }
}

int64_t Planner::bits_of_block(int64_t b) const { return job_.block_bits(job_.blocks[static_cast<size_t>(b)]); }

int64_t Planner::held(Range blocks) const {
  int64_t sum = 0;
  for (int64_t b = blocks.first; b < blocks.end; ++b) {
    sum += job_.blocks[static_cast<size_t>(b)].held;
  }
  return sum;
}

bool Planner::tiles_fit(Range tiles) const {
  return job_.share(activation_bits_, tiles) <= half_bits(job_.processor.activations_KB);
}

bool Planner::blocks_fit(Range blocks) const {
  int64_t bits = 0;
  for (int64_t b = blocks.first; b < blocks.end; ++b) {
    bits += bits_of_block(b);
  }
  return bits <= half_bits(job_.processor.weights_KB) &&
         (job_.phase != Phase::WG || kSumBits * held(blocks) <= half_bits(job_.processor.outputs_KB));
}

std::vector<Range> Planner::cut_tiles() const {
  std::vector<Range> spans;
  for (int64_t first = 0; first < job_.tiles; first = spans.back().end) {
    Range span{first, first + 1};
    while (!weights_too_large_ && span.end < job_.tiles && tiles_fit({first, span.end + 1})) {
      ++span.end;
    }
    spans.push_back(span);
  }
  return spans;
}

std::vector<Range> Planner::cut_blocks() const {
  const auto all = static_cast<int64_t>(job_.blocks.size());
  std::vector<Range> spans;
  for (int64_t first = 0; first < all; first = spans.back().end) {
    Range span{first, first + 1};
    while (!activations_too_large_ && span.end < all && blocks_fit({first, span.end + 1})) {
      ++span.end;
    }
    spans.push_back(span);
  }
  return spans;
}

int64_t Planner::channels(Range blocks) const {
  int64_t sum = 0;
  for (int64_t b = blocks.first; b < blocks.end; ++b) {
    sum += static_cast<int64_t>(job_.blocks[static_cast<size_t>(b)].channels.size());
  }
  return sum;
}

void Planner::set_loads(Pass& pass, const Pass* before) const {
  OperandBits& moved = pass.loaded;
  OperandBits& bits = pass.on_chip;
  if (before == nullptr || before->tiles.first != pass.tiles.first || activations_too_large_) {
    if (job_.phase == Phase::BP) {
      bits.dZ += job_.share(job_.dZ_bits(), pass.tiles);
      moved.dZ += job_.share(job_.moved_dZ_bits(), pass.tiles);
    } else {
      bits.X += job_.share(job_.X_bits(), pass.tiles);
      moved.X += job_.share(job_.moved_X_bits(), pass.tiles);
    }
  }
  if (before == nullptr || before->blocks.first != pass.blocks.first || weights_too_large_) {
    for (int64_t b = pass.blocks.first; b < pass.blocks.end; ++b) {
      bits.W += bits_of_block(b);
    }
    moved.W = bits.W;
  }
  if (job_.phase == Phase::WG) {
    int64_t own_dZ = 0;
    int64_t own_moved_dZ = 0;
    for (int64_t b = pass.blocks.first; b < pass.blocks.end; ++b) {
      for (const int64_t k : job_.blocks[static_cast<size_t>(b)].channels) {
        own_dZ += job_.tensor_bits(job_.nonzeros_dZ[static_cast<size_t>(k)], job_.all_positions);
        own_moved_dZ += job_.moved_dZ_bits(k);
      }
    }
    bits.dZ += job_.share(own_dZ, pass.tiles);
    moved.dZ += job_.share(own_moved_dZ, pass.tiles);
    if (sums_too_large_ && pass.tiles.first != 0) {
      moved.sums = bits.sums = kSumBits * held(pass.blocks);
    }
  }
  set_loads_of_outputs(pass);
  pass.load_bytes = divide_up(moved.total(), 8);
}

/// What streams through to say which outputs are wanted.
void Planner::set_loads_of_outputs(Pass& pass) const {
  const int64_t n = channels(pass.blocks);
  if (job_.speculated && job_.layer.reads_shortcut) {
    pass.on_chip.shortcut = pass.loaded.shortcut = job_.processor.value_bits * n * job_.positions(pass.tiles);
  }
  if (job_.masked) {
    pass.on_chip.bitmap = pass.loaded.bitmap = n * job_.share(job_.layer.n * job_.layer.h * job_.layer.w, pass.tiles);
  }
}

void Planner::set_stores(Pass& pass) const {
  const int64_t n = channels(pass.blocks);
  const int64_t value_bytes = job_.processor.value_bits / 8;
  switch (job_.phase) {
    case Phase::FF:
      pass.stored_values = n * job_.positions(pass.tiles);
      pass.store_bytes = value_bytes * pass.stored_values;
      break;
    case Phase::BP:
      pass.stored_values = n * job_.share(job_.layer.n * job_.layer.h * job_.layer.w, pass.tiles);
      pass.store_bytes = value_bytes * pass.stored_values;
      break;
    case Phase::WG:
      if (pass.tiles.end == job_.tiles) {
        pass.stored_values = held(pass.blocks);
        pass.store_bytes = 2 * pass.stored_values;
      } else if (sums_too_large_) {
        pass.stored_values = held(pass.blocks);
        pass.store_bytes = 4 * pass.stored_values;
      }
      break;
  }
}

std::vector<Pass> Planner::in_order(Order order) const {
  const std::vector<Range> tiles = cut_tiles();
  const std::vector<Range> blocks = cut_blocks();
  const bool tiles_first = order == Order::tiles_first;
  const std::vector<Range>& outer = tiles_first ? blocks : tiles;
  const std::vector<Range>& inner = tiles_first ? tiles : blocks;
  std::vector<Pass> passes;
  for (const Range& slow : outer) {
    for (const Range& quick : inner) {
      Pass pass;
      pass.tiles = tiles_first ? quick : slow;
      pass.blocks = tiles_first ? slow : quick;
      set_loads(pass, passes.empty() ? nullptr : &passes.back());
      set_stores(pass);
      passes.push_back(pass);
    }
  }
  return passes;
}

PassPlan Planner::plan() const {
  PassPlan plan;
  plan.activations_too_large = activations_too_large_;
  plan.weights_too_large = weights_too_large_;
  plan.sums_too_large = sums_too_large_;
  plan.passes = in_order(Order::tiles_first);
  if (job_.phase == Phase::WG) {
    return plan;
  }
  std::vector<Pass> blocks_first = in_order(Order::blocks_first);
  const auto loaded = [](const std::vector<Pass>& passes) {
    int64_t sum = 0;
    for (const Pass& pass : passes) {
      sum += pass.load_bytes;
    }
    return sum;
  };
  if (loaded(blocks_first) <= loaded(plan.passes)) {
    plan.passes = std::move(blocks_first);
  }
  return plan;
}

}  // namespace

PassPlan plan_passes(const Job& job) { return Planner(job).plan(); }

int64_t transfer_cycles(const Processor& processor, int64_t bytes) {
  if (bytes == 0) {
    return 0;
  }
  const int64_t latency = divide_up(processor.latency_ns * processor.clock_kHz, 1000000);
  return latency + divide_up(bytes * processor.clock_kHz, processor.bandwidth_MBps * 1000);
}

}  // namespace trainer::golden
