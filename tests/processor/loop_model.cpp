#include "processor/loop_model.h"

#include <algorithm>

namespace trainer {
namespace {

struct Position {
  int64_t p, q, n;
};

// The positions of every tile, those of images that do not exist left out.
std::vector<std::vector<Position>> cut_into_tiles(const ConvolutionGeometry& g, int64_t T) {
  const int64_t padded_batch = (g.n + 7) / 8 * 8;
  std::vector<std::vector<Position>> tiles;
  int64_t place = 0;
  for (int64_t p = 0; p < g.p(); ++p) {
    for (int64_t q = 0; q < g.q(); ++q) {
      for (int64_t n = 0; n < padded_batch; ++n, ++place) {
        if (place % T == 0) {
          tiles.emplace_back();
        }
        if (n < g.n) {
          tiles.back().push_back({p, q, n});
        }
      }
    }
  }
  return tiles;
}

struct Weight {
  int64_t k, c, r, s;  // c of all C
};

// The held weights of output channel `channel` of the phase.
std::vector<Weight> held_weights(Phase phase, int64_t channel, const LayerCase& layer, const ProcessorParameters& par) {
  const ConvolutionGeometry& g = layer.geometry;
  std::vector<Weight> held;
  for (int64_t k = 0; k < g.k; ++k) {
    for (int64_t column = 0; column < g.weight_columns(); ++column) {
      const int64_t c = k / (g.k / g.groups) * (g.c / g.groups) + column / (g.r * g.s);
      if ((phase == Phase::BP ? c : k) != channel) {
        continue;
      }
      const bool keep = phase == Phase::WG ? !par.skip_pruned_gradients || layer.unpruned(k, column)
                                           : !par.skip_weight_zeros || layer.weight(k, column) != 0;
      if (keep) {
        held.push_back({k, c, column / g.s % g.r, column % g.s});
      }
    }
  }
  return held;
}

int64_t count_nonzeros(const Tensor& tensor) {
  return std::count_if(tensor.values().begin(), tensor.values().end(), [](float value) { return value != 0; });
}

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

PhaseCounts loop_model(Phase phase, const LayerCase& layer, const ProcessorParameters& par) {
  const ConvolutionGeometry& g = layer.geometry;
  const auto tiles = cut_into_tiles(g, par.tile);
  const int64_t channels = phase == Phase::BP ? g.c : g.k;
  const int64_t streamed_channels = (phase == Phase::BP ? g.k : g.c) / g.groups;
  const int64_t group_channels = channels / g.groups;
  const bool skip_held = phase == Phase::WG ? par.skip_pruned_gradients : par.skip_weight_zeros;
  PhaseCounts counts;
  EventCounts& e = counts.events;

  std::vector<std::vector<int64_t>> blocks;
  for (int64_t group = 0; group < g.groups; ++group) {
    for (int64_t first = 0; first < group_channels; first += par.pes_per_group) {
      blocks.emplace_back();
      for (int64_t i = first; i < std::min(first + par.pes_per_group, group_channels); ++i) {
        blocks.back().push_back(group * group_channels + i);
      }
    }
  }
  std::vector<std::vector<Weight>> held;
  int64_t held_size = 0;
  for (int64_t channel = 0; channel < channels; ++channel) {
    held.push_back(held_weights(phase, channel, layer, par));
    held_size += static_cast<int64_t>(held.back().size());
  }

  int64_t visits = 0;
  int64_t active = 0;
  int64_t in_round = 0;
  int64_t round = 0;
  for (const auto& tile : tiles) {
    for (const auto& block : blocks) {
      for (const int64_t channel : block) {
        int64_t pe_cycles = 0;
        for (const Weight& w : held[static_cast<size_t>(channel)]) {
          int64_t issued = 0;
          for (const Position& at : tile) {
            const int64_t y = at.p * g.stride + w.r * g.dilation - g.padding;
            const int64_t x = at.q * g.stride + w.s * g.dilation - g.padding;
            const bool inside = y >= 0 && y < g.h && x >= 0 && x < g.w;
            const bool x_nonzero = inside && layer.X.at(at.n, w.c, y, x) != 0;
            const bool dz_nonzero = layer.dZ.at(at.n, w.k, at.p, at.q) != 0;
            if (!par.skip_input_zeros) {
              ++issued;
            } else if (phase == Phase::BP && !inside) {
              ++counts.skipped_by_output;
            } else if ((phase == Phase::BP || x_nonzero) && (phase == Phase::FF || dz_nonzero)) {
              ++issued;
            } else {
              ++counts.skipped_by_input;
            }
          }
          ++visits;
          counts.effectual_macs += issued;
          pe_cycles += std::max<int64_t>(1, ceil_div(issued, par.lanes));
        }
        active += pe_cycles;
        round = std::max(round, pe_cycles);
      }
      if (++in_round == par.groups) {
        counts.cycles += round;
        in_round = 0;
        round = 0;
      }
    }
  }
  counts.cycles += round;

  const int64_t positions = g.n * g.p() * g.q();
  const int64_t weights = g.k * g.weight_columns();
  counts.dense_macs = positions * weights;
  (phase == Phase::WG ? counts.skipped_by_output : counts.skipped_by_weight) += (weights - held_size) * positions;

  e[Event::mac] = counts.effectual_macs;
  e[Event::cycle] = counts.cycles;
  e[Event::lane_active] = active * par.lanes;
  e[Event::lane_idle] = (counts.cycles * par.groups * par.pes_per_group - active) * par.lanes;
  const int64_t tile_count = static_cast<int64_t>(tiles.size());
  const int64_t block_count = static_cast<int64_t>(blocks.size());
  if (par.skip_input_zeros) {
    e[Event::bitmap_scan] = visits * par.tile * (phase == Phase::WG ? 2 : 1);
    e[Event::bitmap_read] = block_count * tile_count * streamed_channels * par.tile +
                            (phase == Phase::WG ? g.k * tile_count * par.tile : 0);
  }
  const bool lockstep = !par.skip_input_zeros && !skip_held;
  e[Event::operand_read] = lockstep ? block_count * streamed_channels * g.r * g.s * positions : counts.effectual_macs;
  if (phase == Phase::WG) {
    e[Event::operand_read] += counts.effectual_macs;
  }
  e[Event::accumulate] = phase == Phase::WG ? visits : counts.effectual_macs;

  const auto tensor_bits = [&](const Tensor& tensor) {
    return par.skip_input_zeros ? 16 * count_nonzeros(tensor) + tensor.size() : 16 * tensor.size();
  };
  const int64_t x_bits = tensor_bits(layer.X);
  const int64_t dz_bits = tensor_bits(layer.dZ);
  const int64_t weight_bits = par.skip_weight_zeros ? 16 * held_size + weights : 16 * weights;
  const int64_t mask_bits = par.skip_pruned_gradients ? weights : 0;
  const int64_t passes = block_count / g.groups;
  if (phase == Phase::WG) {
    e[Event::buffer_read] = passes * x_bits + dz_bits + tile_count * mask_bits + 32 * visits;
    e[Event::buffer_write] = 32 * visits;
    e[Event::dram_read] = ceil_div(x_bits, 8) + ceil_div(dz_bits, 8) + ceil_div(mask_bits, 8);
    e[Event::dram_write] = 2 * held_size;
  } else {
    const int64_t streamed_bits = phase == Phase::FF ? x_bits : dz_bits;
    const int64_t outputs = phase == Phase::FF ? layer.dZ.size() : layer.X.size();
    e[Event::buffer_read] = passes * streamed_bits + tile_count * weight_bits;
    e[Event::buffer_write] = 16 * outputs;
    e[Event::dram_read] = ceil_div(streamed_bits, 8) + ceil_div(weight_bits, 8);
    e[Event::dram_write] = 2 * outputs;
  }
  return counts;
}

}  // namespace trainer
