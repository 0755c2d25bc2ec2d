// Sections 5 and 6 of docs/processor-contract.md: passes, and the recursion of times.
#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

#include "processor/loop_layer.h"

namespace trainer::loops {
namespace {

struct Cut {
  int64_t begin, end;
};

struct Operands {
  const LoopLayer& layer;
  std::vector<int64_t> pos;  // positions before each tile
  const std::vector<LoopBlock>& blocks;
  int64_t x_bits, dz_bits;
  std::vector<int64_t> dz_channel_bits;

  int64_t share(int64_t total, int64_t t0, int64_t t1) const {
    return total * pos[static_cast<size_t>(t1)] / layer.M - total * pos[static_cast<size_t>(t0)] / layer.M;
  }
  int64_t weights(int64_t b0, int64_t b1) const {
    int64_t bits = 0;
    for (int64_t b = b0; b < b1; ++b) {
      bits += block_bits(layer, blocks[static_cast<size_t>(b)]);
    }
    return bits;
  }
  int64_t held(int64_t b0, int64_t b1) const {
    int64_t sum = 0;
    for (int64_t b = b0; b < b1; ++b) {
      sum += blocks[static_cast<size_t>(b)].held;
    }
    return sum;
  }
};

std::vector<Cut> greedy(int64_t count, bool single, const std::function<bool(int64_t, int64_t)>& fits) {
  std::vector<Cut> cuts;
  int64_t begin = 0;
  while (begin < count) {
    int64_t end = begin + 1;
    while (!single && end < count && fits(begin, end + 1)) {
      ++end;
    }
    cuts.push_back({begin, end});
    begin = end;
  }
  return cuts;
}

int64_t loaded_bytes(const std::vector<LoopPass>& passes) {
  int64_t bytes = 0;
  for (const LoopPass& pass : passes) {
    bytes += pass.load_bytes;
  }
  return bytes;
}

}  // namespace

std::vector<LoopPass> cut_into_passes(const LoopLayer& layer, const std::vector<Tile>& tiles,
                                      const std::vector<LoopBlock>& blocks) {
  const ProcessorParameters& par = layer.par;
  const int64_t v = layer.value_bits();
  Operands operands{layer, {0}, blocks, 0, 0, {}};
  for (const Tile& tile : tiles) {
    operands.pos.push_back(operands.pos.back() + positions_of(tile, layer.g));
  }
  operands.x_bits = tensor_bits(layer, layer.layer.X.size(), layer.x_nonzeros);
  operands.dz_bits = tensor_bits(layer, layer.layer.dZ.size(), layer.dz_nonzeros);
  for (int64_t k = 0; k < layer.g.k; ++k) {
    const float* channel = layer.layer.dZ.channel(k);
    operands.dz_channel_bits.push_back(
        tensor_bits(layer, layer.M, std::count_if(channel, channel + layer.M, [](float value) { return value != 0; })));
  }

  const bool wg = layer.phase == Phase::WG;
  const bool decoupled = par.batchnorm_unit == "decoupled";
  const bool dense_x = decoupled && layer.layer.input_from_batchnorm;
  const bool dense_dz = decoupled && layer.layer.output_to_batchnorm;
  const int64_t fit_bits = wg                         ? operands.x_bits + operands.dz_bits
                           : layer.phase == Phase::FF ? operands.x_bits
                                                      : operands.dz_bits;
  const int64_t tile_count = static_cast<int64_t>(tiles.size());
  const int64_t block_count = static_cast<int64_t>(blocks.size());
  const auto tiles_fit = [&](int64_t a, int64_t b) {
    return operands.share(fit_bits, a, b) <= par.activations_KB * 1024 * 8 / 2;
  };
  const auto weights_fit = [&](int64_t a, int64_t b) {
    return operands.weights(a, b) <= par.weights_KB * 1024 * 8 / 2;
  };
  const auto sums_fit = [&](int64_t a, int64_t b) {
    return !wg || 32 * operands.held(a, b) <= par.outputs_KB * 1024 * 8 / 2;
  };
  bool activations_too_large = false;
  bool weights_too_large = false;
  bool sums_too_large = false;
  for (int64_t t = 0; t < tile_count; ++t) {
    activations_too_large |= !tiles_fit(t, t + 1);
  }
  for (int64_t b = 0; b < block_count; ++b) {
    weights_too_large |= !weights_fit(b, b + 1);
    sums_too_large |= !sums_fit(b, b + 1);
  }
  const std::vector<Cut> tile_spans = greedy(tile_count, weights_too_large, tiles_fit);
  const std::vector<Cut> block_spans = greedy(
      block_count, activations_too_large, [&](int64_t a, int64_t b) { return weights_fit(a, b) && sums_fit(a, b); });

  const auto in_order = [&](bool tiles_first) {
    std::vector<LoopPass> passes;
    if (tiles_first) {
      for (const Cut& b : block_spans) {
        for (const Cut& t : tile_spans) {
          passes.push_back({t.begin, t.end, b.begin, b.end, 0, 0, 0, {}, {}});
        }
      }
    } else {
      for (const Cut& t : tile_spans) {
        for (const Cut& b : block_spans) {
          passes.push_back({t.begin, t.end, b.begin, b.end, 0, 0, 0, {}, {}});
        }
      }
    }
    for (size_t i = 0; i < passes.size(); ++i) {
      LoopPass& pass = passes[i];
      const bool last_tiles = pass.t1 == tile_count;
      OperandBits& bits = pass.on_chip;
      OperandBits& moved = pass.loaded;
      if (i == 0 || passes[i - 1].t0 != pass.t0 || activations_too_large) {
        if (layer.phase == Phase::BP) {
          bits.dZ = operands.share(operands.dz_bits, pass.t0, pass.t1);
          moved.dZ = operands.share(dense_dz ? v * layer.layer.dZ.size() : operands.dz_bits, pass.t0, pass.t1);
        } else {
          bits.X = operands.share(operands.x_bits, pass.t0, pass.t1);
          moved.X = operands.share(dense_x ? v * layer.layer.X.size() : operands.x_bits, pass.t0, pass.t1);
        }
      }
      if (i == 0 || passes[i - 1].b0 != pass.b0 || weights_too_large) {
        bits.W = moved.W = operands.weights(pass.b0, pass.b1);
      }
      int64_t channels = 0;
      int64_t dz = 0;
      for (int64_t b = pass.b0; b < pass.b1; ++b) {
        for (const int64_t o : blocks[static_cast<size_t>(b)].channels) {
          ++channels;
          dz += wg ? operands.dz_channel_bits[static_cast<size_t>(o)] : 0;
        }
      }
      if (wg) {
        bits.dZ = operands.share(dz, pass.t0, pass.t1);
        moved.dZ = dense_dz ? operands.share(channels * v * layer.M, pass.t0, pass.t1) : bits.dZ;
        bits.sums = moved.sums = sums_too_large && pass.t0 > 0 ? 32 * operands.held(pass.b0, pass.b1) : 0;
        pass.values = last_tiles || sums_too_large ? operands.held(pass.b0, pass.b1) : 0;
        pass.store_bytes = pass.values * (last_tiles ? 2 : 4);
      } else {
        pass.values = channels * operands.share(layer.phase == Phase::FF ? layer.M : layer.g.n * layer.g.h * layer.g.w,
                                                pass.t0, pass.t1);
        pass.store_bytes = pass.values * v / 8;
      }
      if (layer.speculated && layer.layer.reads_shortcut) {
        bits.shortcut = moved.shortcut = v * channels * operands.share(layer.M, pass.t0, pass.t1);
      }
      if (layer.masked) {
        bits.bitmap = moved.bitmap = channels * operands.share(layer.g.n * layer.g.h * layer.g.w, pass.t0, pass.t1);
      }
      pass.load_bytes = up(moved.X + moved.W + moved.dZ + moved.sums + moved.shortcut + moved.bitmap, 8);
    }
    return passes;
  };
  std::vector<LoopPass> tiles_first = in_order(true);
  std::vector<LoopPass> blocks_first = in_order(false);
  return wg || loaded_bytes(tiles_first) < loaded_bytes(blocks_first) ? tiles_first : blocks_first;
}

int64_t transfer_cycles(int64_t bytes, const ProcessorParameters& par) {
  const int64_t f = std::llround(par.clock_MHz * 1000);
  const int64_t m = std::llround(par.bandwidth_GBps * 1000);
  return bytes == 0 ? 0 : up(par.latency_ns * f, 1000000) + up(bytes * f, m * 1000);
}

int64_t memory_cycles(const std::vector<LoopPass>& passes, const ProcessorParameters& par) {
  int64_t cycles = 0;
  for (const LoopPass& pass : passes) {
    cycles += transfer_cycles(pass.load_bytes, par) + transfer_cycles(pass.store_bytes, par);
  }
  return cycles;
}

namespace {

// What happened to the items of one group, one after the other.
struct Times {
  std::vector<int64_t> taken, estimated, start, finish, drained;

  static int64_t last(const std::vector<int64_t>& list, int64_t back) {
    const int64_t at = static_cast<int64_t>(list.size()) - back;
    return at < 0 ? 0 : list[static_cast<size_t>(at)];
  }
  int64_t outstanding(int64_t ready) const {
    return std::count_if(finish.begin(), finish.end(), [&](int64_t when) { return when > ready; });
  }
};

// When an item asks for the output port, and from which group.
struct Ask {
  int64_t asked;
  int64_t group;
};

// Section 4, item by item, where it is known when each of them is granted the output port.
class Distributor {
 public:
  Distributor(const LoopQueues& queues, const ProcessorParameters& par)
      : queues_(queues), par_(par), groups_(static_cast<size_t>(par.groups)) {}

  Ask send(const LoopItem& item, int64_t gate, int64_t granted) {
    const int64_t ready = std::max(sent_, gate);
    const int64_t number = queues_.dynamic ? group_for(item.slice, ready) : item.group;
    Times& group = groups_[static_cast<size_t>(number)];
    sent_ = std::max(ready, Times::last(group.taken, par_.fifo_depth)) + item.port;
    const int64_t begun =
        std::max({sent_, Times::last(group.estimated, 1), Times::last(group.start, par_.speculation_fifo_depth)});
    const int64_t estimated = queues_.speculated ? begun + item.estimate : sent_;
    const int64_t start = std::max({estimated, Times::last(group.finish, 1), Times::last(group.drained, 2)});
    const int64_t finish = start + item.cycles;
    const int64_t asked = std::max(finish, Times::last(group.drained, 1));
    const int64_t drained = std::max(asked, granted) + item.drain;
    group.taken.push_back(queues_.speculated ? begun : start);
    group.estimated.push_back(estimated);
    group.start.push_back(start);
    group.finish.push_back(finish);
    group.drained.push_back(drained);
    all_drained_ = std::max(all_drained_, drained);
    return {asked, number};
  }

  int64_t all_drained() const { return all_drained_; }

 private:
  int64_t group_for(int64_t slice, int64_t ready) const {
    int64_t best = slice;
    for (int64_t group = slice; group < par_.groups; group += queues_.slices) {
      if (groups_[static_cast<size_t>(group)].outstanding(ready) <
          groups_[static_cast<size_t>(best)].outstanding(ready)) {
        best = group;
      }
    }
    return best;
  }

  LoopQueues queues_;
  const ProcessorParameters& par_;
  std::vector<Times> groups_;
  int64_t sent_ = 0;
  int64_t all_drained_ = 0;
};

struct Course {
  std::vector<Ask> asks;  // of every item
  int64_t end = 0;
};

Course course(const std::vector<LoopItem>& items, const LoopQueues& queues, const std::vector<LoopPass>& passes,
              const ProcessorParameters& par, bool free_memory, const std::vector<int64_t>& granted) {
  const auto x = [&](int64_t bytes) { return free_memory ? 0 : transfer_cycles(bytes, par); };
  const int64_t n = static_cast<int64_t>(passes.size());
  std::vector<int64_t> loaded(passes.size()), computed(passes.size()), stored(passes.size());
  const auto at = [](const std::vector<int64_t>& list, int64_t i) { return i < 0 ? 0 : list[static_cast<size_t>(i)]; };
  Distributor distributor(queues, par);
  Course result;
  int64_t free = 0;
  for (int64_t i = 0; i < n; ++i) {
    // load(0), load(1), store(0), load(2), store(1), ...
    for (int64_t l = i == 0 ? 0 : i + 1; l <= std::min(i + 1, n - 1); ++l) {
      loaded[static_cast<size_t>(l)] = free =
          std::max(free, at(computed, l - 2)) + x(passes[static_cast<size_t>(l)].load_bytes);
    }
    const int64_t gate = std::max(loaded[static_cast<size_t>(i)], at(stored, i - 2));
    while (result.asks.size() < items.size() && items[result.asks.size()].pass == i) {
      const size_t next = result.asks.size();
      result.asks.push_back(distributor.send(items[next], gate, granted[next]));
    }
    computed[static_cast<size_t>(i)] = distributor.all_drained();
    stored[static_cast<size_t>(i)] = free =
        std::max(free, distributor.all_drained()) + x(passes[static_cast<size_t>(i)].store_bytes);
  }
  result.end = stored.back();
  return result;
}

// Who gets the output port when, of items that ask for it at these times.
std::vector<int64_t> grants(const std::vector<LoopItem>& items, const std::vector<Ask>& asks, int64_t ways) {
  std::vector<size_t> order;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].drain > 0) {
      order.push_back(i);
    }
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(asks[a].asked, asks[a].group) < std::pair(asks[b].asked, asks[b].group);
  });
  std::vector<int64_t> granted(items.size(), 0);
  std::multiset<int64_t, std::greater<>> last;  // `ways` of those before, the last to drain
  for (const size_t i : order) {
    granted[i] = static_cast<int64_t>(last.size()) < ways ? asks[i].asked : std::max(asks[i].asked, *last.rbegin());
    last.insert(granted[i] + items[i].drain);
    if (static_cast<int64_t>(last.size()) > ways) {
      last.erase(std::prev(last.end()));
    }
  }
  return granted;
}

}  // namespace

// Grants depend on when items ask, and that on earlier grants: from a guess, each round gets at least one more right.
int64_t end_to_end(const std::vector<LoopItem>& items, const LoopQueues& queues, const std::vector<LoopPass>& passes,
                   const ProcessorParameters& par, bool free_memory) {
  const int64_t ways = std::max<int64_t>(1, par.output_port_bits / (32 * par.pes_per_group * par.drain));
  std::vector<int64_t> granted(items.size(), 0);
  for (;;) {
    const Course result = course(items, queues, passes, par, free_memory, granted);
    std::vector<int64_t> next = grants(items, result.asks, ways);
    if (next == granted) {
      return result.end;
    }
    granted = std::move(next);
  }
}

}  // namespace trainer::loops
