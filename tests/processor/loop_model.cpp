// Sections 3, 7, 8 and 9 of docs/processor-contract.md.
#include "processor/loop_model.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "processor/loop_layer.h"

namespace trainer {
namespace {

using namespace loops;

struct Item {
  int64_t cycles = 0;
  int64_t sums = 0;      // S
  int64_t estimate = 0;  // of the estimator's visits
};

class LoopPhase {
 public:
  LoopPhase(const LoopLayer& layer, const Dataflow& dataflow)
      : layer_(layer),
        par_(layer.par),
        dataflow_(dataflow),
        tiles_(cut_into_tiles(layer.g, tile_places(dataflow, layer.phase, layer.par))),
        blocks_(cut_into_blocks(layer, dataflow)),
        passes_(cut_into_passes(layer, tiles_, blocks_)) {}

  PhaseCounts run() {
    std::vector<LoopItem> items;
    for (size_t i = 0; i < passes_.size(); ++i) {
      for (int64_t t = passes_[i].t0; t < passes_[i].t1; ++t) {
        for (int64_t b = passes_[i].b0; b < passes_[i].b1; ++b) {
          for (int64_t d = 0; d < dataflow_.grouping.input_channels; ++d) {
            const Item item = dataflow_.compress == Compress::weight ? weight_item(t, b, d) : activation_item(t, b, d);
            const int64_t pos = positions_of(tiles_[static_cast<size_t>(t)], layer_.g);
            const int64_t bits = item_bits(layer_, blocks_[static_cast<size_t>(b)], d,
                                           dataflow_.grouping.input_channels, pos, pos, layer_.M);
            items.push_back(
                {.group = group_of(t, b, d, dataflow_),
                 .slice = d,
                 .pass = static_cast<int64_t>(i),
                 .port = std::max<int64_t>(1, up(bits, par_.port_bits)),
                 .estimate = item.estimate + up(item.sums, par_.speculation_lanes),
                 .cycles = item.cycles,
                 .drain = std::max(up(item.sums, par_.drain), up(32 * group_sums(t, b, d), par_.output_port_bits))});
          }
        }
      }
    }
    const LoopQueues queues{layer_.speculated, dataflow_.assignment == Assignment::dynamic,
                            dataflow_.grouping.input_channels};
    counts_.cycles = end_to_end(items, queues, passes_, par_, false);
    counts_.compute_cycles = end_to_end(items, queues, passes_, par_, true);
    counts_.memory_cycles = memory_cycles(passes_, par_);
    count_macs();
    count_events(static_cast<int64_t>(items.size()));
    return counts_;
  }

 private:
  int64_t pixels() const { return layer_.phase == Phase::BP ? layer_.g.stride * layer_.g.stride : 1; }

  // Sg
  int64_t group_sums(int64_t t, int64_t b, int64_t d) const {
    const LoopBlock& block = blocks_[static_cast<size_t>(b)];
    if (layer_.phase != Phase::WG) {
      return positions_of(tiles_[static_cast<size_t>(t)], layer_.g) * static_cast<int64_t>(block.channels.size()) *
             pixels();
    }
    int64_t held = 0;
    for (const int64_t o : block.channels) {
      for (const Weight& w : layer_.held[static_cast<size_t>(o)]) {
        held += layer_.slice_of(layer_.input_of(w), dataflow_.grouping.input_channels) == d ? 1 : 0;
      }
    }
    return held;
  }

  Item weight_item(int64_t t, int64_t b, int64_t d) {
    const Tile& tile = tiles_[static_cast<size_t>(t)];
    Item item;
    for (const int64_t o : blocks_[static_cast<size_t>(b)].channels) {
      int64_t time = 0;
      int64_t estimate = 0;
      int64_t held = 0;
      for (const Weight& w : layer_.held[static_cast<size_t>(o)]) {
        if (layer_.slice_of(layer_.input_of(w), dataflow_.grouping.input_channels) != d) {
          continue;
        }
        int64_t met = 0;
        int64_t wanted = 0;
        for (const Position& at : tile) {
          met += at.n < layer_.g.n && layer_.meets(w, at) ? 1 : 0;
          wanted += at.n < layer_.g.n && layer_.wants(w, at) ? 1 : 0;
        }
        estimate += std::max<int64_t>(1, up(met, par_.speculation_lanes));
        time += std::max<int64_t>(1, up(wanted, par_.lanes));
        ++held;
        ++visits_;
      }
      active_ += time;
      item.cycles = std::max(item.cycles, time);
      item.estimate = std::max(item.estimate, estimate);
      item.sums = std::max(item.sums, layer_.phase == Phase::WG ? held : positions_of(tile, layer_.g) * pixels());
    }
    return item;
  }

  Item activation_item(int64_t t, int64_t b, int64_t d) {
    const Tile& tile = tiles_[static_cast<size_t>(t)];
    const LoopBlock& block = blocks_[static_cast<size_t>(b)];
    const bool wg = layer_.phase == Phase::WG;
    // bits of every column of the slice, and a weight that stands for the column
    std::map<std::tuple<int64_t, int64_t, int64_t>, std::pair<int64_t, Weight>> columns;
    for (const int64_t o : block.channels) {
      for (const Weight& w : layer_.held[static_cast<size_t>(o)]) {
        const int64_t i = layer_.input_of(w);
        if (layer_.slice_of(i, dataflow_.grouping.input_channels) == d) {
          auto& column = columns[{i, w.r, w.s}];
          ++column.first;
          column.second = w;
        }
      }
    }
    const std::map<int64_t, int64_t> pe_of_input = wg ? deal_inputs(block, d) : std::map<int64_t, int64_t>{};
    const int64_t w_places = up(tile_places(dataflow_, layer_.phase, par_), par_.pes_per_group);
    std::vector<int64_t> time(static_cast<size_t>(par_.pes_per_group));
    std::vector<int64_t> sums(time.size());
    std::vector<int64_t> estimates(time.size());
    std::vector<int64_t> positions(time.size());
    for (size_t place = 0; place < tile.size(); ++place) {
      const Position& at = tile[place];
      if (at.n >= layer_.g.n) {
        continue;
      }
      ++positions[place / static_cast<size_t>(w_places)];
      for (const auto& [key, column] : columns) {
        const auto& [bits, weight] = column;
        const bool is_held = !par_.skip_input_zeros || (wg ? layer_.x_nonzero(weight, at) : layer_.meets(weight, at));
        if (is_held) {
          const size_t pe =
              wg ? static_cast<size_t>(pe_of_input.at(std::get<0>(key))) : place / static_cast<size_t>(w_places);
          time[pe] += up(bits, par_.lanes);
          estimates[pe] += up(bits, par_.speculation_lanes);
          active_ += up(bits, par_.lanes);
          ++visits_;
        }
      }
    }
    for (const auto& [key, column] : columns) {
      if (wg) {
        sums[static_cast<size_t>(pe_of_input.at(std::get<0>(key)))] += column.first;
      }
    }
    const int64_t most_positions = *std::max_element(positions.begin(), positions.end());
    return {*std::max_element(time.begin(), time.end()),
            wg ? *std::max_element(sums.begin(), sums.end())
               : most_positions * static_cast<int64_t>(block.channels.size()) * pixels(),
            *std::max_element(estimates.begin(), estimates.end())};
  }

  // WG: which PE owns which input channel of the slice.
  std::map<int64_t, int64_t> deal_inputs(const LoopBlock& block, int64_t d) const {
    const int64_t first_channel = block.channels.front() / layer_.Og * layer_.I;
    const auto channel_nonzeros = [&](int64_t i) {
      const float* channel = layer_.layer.X.channel(first_channel + i);
      return std::count_if(channel, channel + layer_.layer.X.shape().channel_size(),
                           [](float value) { return value != 0; });
    };
    std::vector<int64_t> list;
    for (int64_t i = 0; i < layer_.I; ++i) {
      if (layer_.slice_of(i, dataflow_.grouping.input_channels) == d) {
        list.push_back(i);
      }
    }
    const bool balanced = dataflow_.assignment != Assignment::in_order;
    if (balanced) {
      std::sort(list.begin(), list.end(), [&](int64_t a, int64_t b) {
        return channel_nonzeros(a) != channel_nonzeros(b) ? channel_nonzeros(a) > channel_nonzeros(b) : a < b;
      });
    }
    std::map<int64_t, int64_t> pe_of;
    for (size_t x = 0; x < list.size(); ++x) {
      const auto at = static_cast<int64_t>(x);
      pe_of[list[x]] = balanced ? loops::snake(at, par_.pes_per_group) : at % par_.pes_per_group;
    }
    return pe_of;
  }

  void count_macs() {
    const ConvolutionGeometry& g = layer_.g;
    const int64_t weights = g.k * g.weight_columns();
    counts_.dense_macs = layer_.M * weights;
    (layer_.phase == Phase::WG ? counts_.skipped_by_output : counts_.skipped_by_weight) +=
        (weights - layer_.held_size) * layer_.M;
    for (const Tile& tile : cut_into_tiles(g, par_.tile)) {
      for (const Position& at : tile) {
        if (at.n >= g.n) {
          continue;
        }
        for (const auto& held : layer_.held) {
          for (const Weight& w : held) {
            met_ += layer_.meets(w, at) ? 1 : 0;
            if (layer_.wants(w, at)) {
              ++counts_.effectual_macs;
            } else if (layer_.output_unwanted(w, at) || (layer_.phase == Phase::BP && !layer_.inside(w, at))) {
              ++counts_.skipped_by_output;
            } else {
              ++counts_.skipped_by_input;
            }
          }
        }
      }
    }
  }

  void count_events(int64_t items) {
    const ConvolutionGeometry& g = layer_.g;
    const bool wg = layer_.phase == Phase::WG;
    const bool wc = dataflow_.compress == Compress::weight;
    const bool zeros = par_.skip_input_zeros;
    const bool hold = layer_.skips_held();
    const int64_t v = layer_.value_bits();
    const bool selective = layer_.selective();
    const int64_t scans = layer_.speculated ? 2 : 1;
    const int64_t gc = dataflow_.grouping.input_channels;
    const int64_t tiles = static_cast<int64_t>(tiles_.size());
    const int64_t B = static_cast<int64_t>(blocks_.size());
    const int64_t effectual = counts_.effectual_macs;
    EventCounts& e = counts_.events;
    e[v == 8 ? Event::mac_fp8 : Event::mac] = effectual;
    e[Event::cycle] = counts_.cycles;
    e[Event::lane_active] = active_ * par_.lanes;
    e[Event::lane_idle] = (counts_.cycles * par_.groups * par_.pes_per_group - active_) * par_.lanes;
    e[Event::dispatch] = items;
    if (wc) {
      const bool lockstep = layer_.held_size == layer_.O * layer_.J && !selective &&
                            (!wg || !zeros || layer_.dz_nonzeros == layer_.layer.dZ.size());
      e[Event::bitmap_scan] = zeros ? visits_ * par_.tile * (scans + (wg ? 1 : 0)) : 0;
      e[Event::bitmap_read] = zeros ? B * tiles * layer_.I * par_.tile + (wg ? gc * g.k * tiles * par_.tile : 0) : 0;
      const int64_t values =
          (lockstep ? effectual / (layer_.O / g.groups) * (B / g.groups) : effectual) + (wg ? effectual : 0);
      e[Event::operand_read] = up(v * values, 16);
      e[Event::accumulate] = wg ? visits_ : effectual;
    } else {
      const int64_t A = block_width(dataflow_, par_);
      e[Event::bitmap_scan] =
          (hold ? scans * visits_ * A : 0) + (selective ? visits_ * A : 0) + (wg && zeros ? visits_ * A : 0);
      e[Event::bitmap_read] =
          (hold ? tiles * layer_.O * layer_.J : 0) + (wg && zeros ? gc * g.k * tiles * par_.tile : 0);
      e[Event::operand_read] = up(v * effectual, 16);
      e[Event::accumulate] = effectual;
    }
    if (selective) {
      e[Event::bitmap_scan] += wc ? visits_ * par_.tile : 0;
      e[Event::bitmap_read] += gc * layer_.O * tiles * tile_places(dataflow_, layer_.phase, par_);
    }
    if (layer_.speculated) {
      e[Event::estimate] = e[Event::exponent_read] = met_;
      e[Event::predict] = layer_.layer.dZ.size();
    }
    e[Event::prune] = wg && layer_.layer.gradient_pruned && par_.speculates_gradients ? layer_.layer.dZ.size() : 0;
    const int64_t outs = wg                          ? layer_.held_size
                         : layer_.phase == Phase::FF ? layer_.layer.dZ.size()
                                                     : layer_.layer.X.size();
    const int64_t sums = outs * (wg ? tiles : gc);
    int64_t weights = 0;
    for (const LoopBlock& block : blocks_) {
      weights += block_bits(layer_, block);
    }
    const int64_t x = tensor_bits(layer_, layer_.layer.X.size(), layer_.x_nonzeros);
    const int64_t dz = tensor_bits(layer_, layer_.layer.dZ.size(), layer_.dz_nonzeros);
    const int64_t streamed = B / g.groups * (layer_.phase == Phase::BP ? dz : x) + (wg ? gc * dz : 0);
    int64_t values = 0;
    OperandBits on_chip;
    for (const LoopPass& pass : passes_) {
      e[Event::dram_read] += pass.load_bytes;
      counts_.loaded += pass.loaded;
      on_chip += pass.on_chip;
      e[Event::dram_write] += pass.store_bytes;
      values += pass.values;
    }
    e[Event::reduce] = sums - outs;
    e[Event::activation_read] =
        streamed + (layer_.speculated && layer_.layer.reads_shortcut ? v * outs : 0) + (layer_.masked ? gc * outs : 0);
    e[Event::weight_read] = tiles * weights;
    e[Event::output_read] = 32 * (sums - outs) + 32 * values;
    e[Event::activation_write] = on_chip.X + on_chip.dZ + on_chip.shortcut + on_chip.bitmap;
    e[Event::weight_write] = on_chip.W;
    e[Event::output_write] = 32 * sums + on_chip.sums;
  }

  const LoopLayer& layer_;
  const ProcessorParameters& par_;
  Dataflow dataflow_;
  std::vector<Tile> tiles_;
  std::vector<LoopBlock> blocks_;
  std::vector<LoopPass> passes_;
  int64_t visits_ = 0;
  int64_t active_ = 0;
  int64_t met_ = 0;
  PhaseCounts counts_;
};

}  // namespace

PhaseCounts loop_model_in(const Dataflow& dataflow, Phase phase, const LayerCase& layer,
                          const ProcessorParameters& parameters) {
  const LoopLayer loop_layer(phase, layer, parameters);
  return LoopPhase(loop_layer, dataflow).run();
}

LoopResult loop_model(Phase phase, const LayerCase& layer, const ProcessorParameters& parameters) {
  const LoopLayer loop_layer(phase, layer, parameters);
  LoopResult best;
  bool first = true;
  for (const Dataflow& dataflow : candidates(loop_layer)) {
    const LoopPrediction prediction = predict(loop_layer, dataflow);
    if (first || prediction.cycles < best.predicted_cycles ||
        (prediction.cycles == best.predicted_cycles && prediction.compute < best.predicted_compute)) {
      best.dataflow = dataflow;
      best.predicted_cycles = prediction.cycles;
      best.predicted_compute = prediction.compute;
      first = false;
    }
  }
  best.counts = LoopPhase(loop_layer, best.dataflow).run();
  return best;
}

}  // namespace trainer
