#include "processor/memory/passes.h"

#include <algorithm>

#include "processor/integer.h"

namespace trainer {
namespace {

constexpr int64_t kGradientBytes = 2;
constexpr int64_t kBitsOfHalfKB = 1024 * 8 / 2;

struct Span {
  int64_t begin;
  int64_t end;
  bool operator==(const Span&) const = default;
};

// Greedy: as many as fit, at least one. `fits(begin, end)`.
template <typename Fits>
std::vector<Span> cut(int64_t count, bool one_each, Fits fits) {
  std::vector<Span> spans;
  for (int64_t begin = 0; begin < count;) {
    int64_t end = begin + 1;
    while (!one_each && end < count && fits(begin, end + 1)) {
      ++end;
    }
    spans.push_back({begin, end});
    begin = end;
  }
  return spans;
}

class Planner {
 public:
  Planner(const PhaseShape& shape, const Selection& selection, const ProcessorParameters& parameters,
          const Tiles& tiles, const Blocks& blocks, const HeldCounts& held, const OperandSizes& sizes)
      : shape_(shape), selection_(selection), parameters_(parameters), tiles_(tiles), sizes_(sizes), dram_(parameters) {
    sum_over(blocks, block_channels_, [](int64_t) { return 1; });
    sum_over(blocks, block_held_, [&](int64_t o) { return held.of_channels()[static_cast<size_t>(o)]; });
    const bool wg = shape.phase == Phase::WG;
    sum_over(blocks, block_dZ_, [&](int64_t o) { return wg ? sizes.dZ_channel(o) : 0; });
    sum_over(blocks, block_moved_dZ_, [&](int64_t o) { return wg ? sizes.moved_dZ_channel(o) : 0; });
    cut_spans(blocks.size());
  }

  PassPlan plan() const {
    if (shape_.phase == Phase::WG) {
      return in_order(true);
    }
    PassPlan blocks_first = in_order(false);
    PassPlan tiles_first = in_order(true);
    return tiles_first.load_bytes < blocks_first.load_bytes ? tiles_first : blocks_first;
  }

 private:
  // Running sums of value(channel) over the blocks, from 0.
  template <typename Value>
  static void sum_over(const Blocks& blocks, std::vector<int64_t>& sums, Value value) {
    sums.push_back(0);
    for (int64_t b = 0; b < blocks.size(); ++b) {
      sums.push_back(sums.back());
      for (const int64_t channel : blocks.block(b)) {
        sums.back() += value(channel);
      }
    }
  }

  static int64_t between(const std::vector<int64_t>& sums, const Span& span) {
    return sums[static_cast<size_t>(span.end)] - sums[static_cast<size_t>(span.begin)];
  }

  int64_t share(int64_t total, const Span& span) const {
    const auto before = [&](int64_t t) {
      return scale_down(total, tiles_.positions_before[static_cast<size_t>(t)], shape_.positions);
    };
    return before(span.end) - before(span.begin);
  }

  int64_t positions(const Span& span) const {
    return tiles_.positions_before[static_cast<size_t>(span.end)] -
           tiles_.positions_before[static_cast<size_t>(span.begin)];
  }

  int64_t weight_bits(const Span& span) const {
    return sizes_.weights(between(block_channels_, span), between(block_held_, span));
  }

  void cut_spans(int64_t blocks) {
    const int64_t activations_half = parameters_.activations_KB * kBitsOfHalfKB;
    const int64_t weights_half = parameters_.weights_KB * kBitsOfHalfKB;
    const int64_t outputs_half = parameters_.outputs_KB * kBitsOfHalfKB;
    const auto tiles_fit = [&](int64_t begin, int64_t end) {
      return share(sizes_.activations(), {begin, end}) <= activations_half;
    };
    const auto sums_fit = [&](int64_t begin, int64_t end) {
      return shape_.phase != Phase::WG || kSumBits * between(block_held_, {begin, end}) <= outputs_half;
    };
    const auto weights_fit = [&](int64_t begin, int64_t end) { return weight_bits({begin, end}) <= weights_half; };
    for (int64_t t = 0; t < tiles_.size(); ++t) {
      activations_too_large_ = activations_too_large_ || !tiles_fit(t, t + 1);
    }
    for (int64_t b = 0; b < blocks; ++b) {
      weights_too_large_ = weights_too_large_ || !weights_fit(b, b + 1);
      sums_too_large_ = sums_too_large_ || !sums_fit(b, b + 1);
    }
    tile_spans_ = cut(tiles_.size(), weights_too_large_, tiles_fit);
    block_spans_ = cut(blocks, activations_too_large_,
                       [&](int64_t begin, int64_t end) { return weights_fit(begin, end) && sums_fit(begin, end); });
  }

  PassPlan in_order(bool tiles_first) const {
    PassPlan plan;
    const size_t outer = tiles_first ? block_spans_.size() : tile_spans_.size();
    const size_t inner = tiles_first ? tile_spans_.size() : block_spans_.size();
    const Span* last_tiles = nullptr;
    const Span* last_blocks = nullptr;
    for (size_t i = 0; i < outer; ++i) {
      for (size_t j = 0; j < inner; ++j) {
        const Span& tiles = tile_spans_[tiles_first ? j : i];
        const Span& blocks = block_spans_[tiles_first ? i : j];
        Pass pass{tiles.begin, tiles.end, blocks.begin, blocks.end, 0, 0, 0, {}, {}};
        load(pass, tiles, blocks, last_tiles != &tiles, last_blocks != &blocks);
        store(pass, tiles, blocks);
        add(plan, pass);
        last_tiles = &tiles;
        last_blocks = &blocks;
      }
    }
    return plan;
  }

  void load(Pass& pass, const Span& tiles, const Span& blocks, bool new_tiles, bool new_blocks) const {
    OperandBits& bits = pass.on_chip;
    const bool bp = shape_.phase == Phase::BP;
    const bool new_activations = new_tiles || activations_too_large_;
    if (new_activations) {
      (bp ? bits.dZ : bits.X) = share(sizes_.streamed(), tiles);
    }
    if (new_blocks || weights_too_large_) {
      bits.W = weight_bits(blocks);
    }
    if (shape_.phase == Phase::WG) {
      bits.dZ = share(between(block_dZ_, blocks), tiles);
      if (sums_too_large_ && tiles.begin > 0) {
        bits.sums = kSumBits * between(block_held_, blocks);
      }
    }
    const int64_t channels = between(block_channels_, blocks);
    if (selection_.reads_shortcut) {
      bits.shortcut = parameters_.value_bits() * channels * positions(tiles);
    }
    if (selection_.masked) {
      bits.bitmap = channels * share(shape_.output_pixels, tiles);
    }
    pass.loaded = bits;
    if (new_activations) {
      (bp ? pass.loaded.dZ : pass.loaded.X) = share(sizes_.moved_streamed(), tiles);
    }
    if (shape_.phase == Phase::WG) {
      pass.loaded.dZ = share(between(block_moved_dZ_, blocks), tiles);
    }
    pass.load_bytes = ceil_div(pass.loaded.total(), 8);
  }

  void store(Pass& pass, const Span& tiles, const Span& blocks) const {
    const bool last_tiles = tiles.end == tiles_.size();
    if (shape_.phase != Phase::WG) {
      pass.stored_values = between(block_channels_, blocks) * share(shape_.output_pixels, tiles);
      pass.store_bytes = pass.stored_values * parameters_.value_bits() / 8;
    } else if (last_tiles || sums_too_large_) {
      pass.stored_values = between(block_held_, blocks);
      pass.store_bytes = pass.stored_values * (last_tiles ? kGradientBytes : kSumBits / 8);
    }
  }

  void add(PassPlan& plan, const Pass& pass) const {
    plan.passes.push_back(pass);
    plan.load_bytes += pass.load_bytes;
    plan.loaded += pass.loaded;
    plan.on_chip += pass.on_chip;
    plan.store_bytes += pass.store_bytes;
    plan.stored_values += pass.stored_values;
    if (shape_.phase != Phase::WG || pass.tile_end == tiles_.size()) {
      plan.final_values += pass.stored_values;
    }
    plan.memory_cycles += dram_.cycles(pass.load_bytes) + dram_.cycles(pass.store_bytes);
  }

  const PhaseShape& shape_;
  const Selection& selection_;
  const ProcessorParameters& parameters_;
  const Tiles& tiles_;
  const OperandSizes& sizes_;
  Dram dram_;
  std::vector<int64_t> block_channels_;
  std::vector<int64_t> block_held_;
  std::vector<int64_t> block_dZ_;
  std::vector<int64_t> block_moved_dZ_;
  bool activations_too_large_ = false;
  bool weights_too_large_ = false;
  bool sums_too_large_ = false;
  std::vector<Span> tile_spans_;
  std::vector<Span> block_spans_;
};

}  // namespace

PassPlan plan_passes(const PhaseShape& shape, const Selection& selection, const ProcessorParameters& parameters,
                     const Tiles& tiles, const Blocks& blocks, const HeldCounts& held, const OperandSizes& sizes) {
  return Planner(shape, selection, parameters, tiles, blocks, held, sizes).plan();
}

}  // namespace trainer
