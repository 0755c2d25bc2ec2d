// Section 9 of docs/processor-contract.md: what the controller predicts.
#include <algorithm>

#include "processor/loop_layer.h"

namespace trainer::loops {
namespace {

struct ItemPrediction {
  int64_t cycles;
  int64_t port;
  int64_t drain;
};

// Twice as often as lanes: the cycles of a visit that wants `wanted` of `all` positions of a tile.
int64_t visit(bool picks, int64_t wanted, int64_t all, int64_t lanes) {
  return picks ? std::max(2 * lanes, 2 * wanted + lanes - 1) : 2 * lanes * up(all, lanes);
}

}  // namespace

LoopPrediction predict(const LoopLayer& layer, const Dataflow& dataflow) {
  const ProcessorParameters& par = layer.par;
  const std::vector<Tile> tiles = cut_into_tiles(layer.g, tile_places(dataflow, layer.phase, par));
  const std::vector<LoopBlock> blocks = cut_into_blocks(layer, dataflow);
  const std::vector<LoopPass> passes = cut_into_passes(layer, tiles, blocks);
  const int64_t gc = dataflow.grouping.input_channels;
  const int64_t L = par.lanes;
  const int64_t P = par.pes_per_group;
  const bool zeros = par.skip_input_zeros;
  const bool wg = layer.phase == Phase::WG;
  const int64_t pixels = layer.phase == Phase::BP ? layer.g.stride * layer.g.stride : 1;
  const Tensor& streamed = layer.phase == Phase::BP ? layer.layer.dZ : layer.layer.X;
  const int64_t nz = !zeros ? 1 : layer.phase == Phase::BP ? layer.dz_nonzeros : layer.x_nonzeros;
  const int64_t size = zeros ? streamed.size() : 1;
  const int64_t y = up(layer.M, static_cast<int64_t>(tiles.size()));
  const int64_t m = zeros ? up(y * nz, size) : y;
  int64_t q = m;
  if (layer.speculated) {
    const int64_t outputs = layer.layer.dZ.size();
    const int64_t V = layer.layer.wanted_before < 0 ? outputs : layer.layer.wanted_before;
    q = up(m * V, outputs);
  } else if (layer.masked) {
    q = up(m * layer.x_nonzeros, layer.layer.X.size());
  } else if (wg && zeros) {
    q = up(m * layer.dz_nonzeros, layer.layer.dZ.size());
  }
  const int64_t Le = par.speculation_lanes;

  const auto item = [&](const LoopBlock& block, int64_t d) {
    int64_t H = 0;
    int64_t h = 0;
    for (const int64_t o : block.channels) {
      const auto& held = layer.held[static_cast<size_t>(o)];
      const int64_t count = std::count_if(held.begin(), held.end(),
                                          [&](const Weight& w) { return layer.slice_of(layer.input_of(w), gc) == d; });
      H += count;
      h = std::max(h, count);
    }
    const int64_t n_b = static_cast<int64_t>(block.channels.size());
    const int64_t Id = layer.slice_inputs(d, gc);
    const int64_t Jd = Id * layer.g.r * layer.g.s;
    int64_t pe = 0;
    int64_t S = 0;
    int64_t est = 0;
    if (dataflow.compress == Compress::weight) {
      pe = up(h * visit(zeros || layer.selective(), q, y, L), 2 * L);
      S = wg ? h : y * pixels;
      est = up(h * visit(zeros, m, y, Le), 2 * Le) + up(S, Le);
    } else {
      const auto width = [&](int64_t lanes) { return std::min(H, up(2 * H + (lanes - 1) * Jd, 2 * lanes)); };
      const int64_t yp = up(y, P);
      pe = !wg ? up(width(L) * yp * nz, size) : Id == 0 ? 0 : up(width(L) * up(Id, P) * y * nz, Id * size);
      S = wg ? up(H, P) : yp * n_b * pixels;
      est = up(width(Le) * yp * nz, size) + up(S, Le);
    }
    const int64_t bits = item_bits(layer, block, d, gc, y, 1, static_cast<int64_t>(tiles.size()));
    const int64_t drain = std::max(up(S, par.drain), up(32 * (wg ? H : y * n_b * pixels), par.output_port_bits));
    return ItemPrediction{std::max({pe, drain, layer.speculated ? est : 0}),
                          std::max<int64_t>(1, up(bits, par.port_bits)), drain};
  };

  std::vector<std::vector<ItemPrediction>> items;
  for (const LoopBlock& block : blocks) {
    items.emplace_back();
    for (int64_t d = 0; d < gc; ++d) {
      items.back().push_back(item(block, d));
    }
  }
  int64_t compute = 0;
  for (const LoopPass& pass : passes) {
    std::vector<int64_t> load(static_cast<size_t>(par.groups));
    std::vector<int64_t> slice_sum(static_cast<size_t>(gc));
    int64_t largest = 0;
    int64_t ports = 0;
    int64_t drains = 0;
    for (int64_t t = pass.t0; t < pass.t1; ++t) {
      for (int64_t b = pass.b0; b < pass.b1; ++b) {
        for (int64_t d = 0; d < gc; ++d) {
          const ItemPrediction& predicted = items[static_cast<size_t>(b)][static_cast<size_t>(d)];
          load[static_cast<size_t>(group_of(t, b, d, dataflow))] += predicted.cycles;
          slice_sum[static_cast<size_t>(d)] += predicted.cycles;
          largest = std::max(largest, predicted.cycles);
          ports += predicted.port;
          drains += predicted.drain;
        }
      }
    }
    const int64_t shared =
        std::max(largest, up(*std::max_element(slice_sum.begin(), slice_sum.end()), par.groups / gc));
    const int64_t ways = std::max<int64_t>(1, par.output_port_bits / (32 * P * par.drain));
    const int64_t work =
        dataflow.assignment == Assignment::dynamic ? shared : *std::max_element(load.begin(), load.end());
    compute += std::max({ports, work, up(drains, ways)});
  }
  return {compute, std::max(compute, memory_cycles(passes, par))};
}

std::vector<Dataflow> candidates(const LoopLayer& layer) {
  const ProcessorParameters& par = layer.par;
  std::vector<Dataflow> list;
  for (const Compress compress : {Compress::weight, Compress::activation}) {
    for (int64_t gk = par.groups; gk >= 1; gk /= 2) {
      for (int64_t gp = par.groups / gk; gp >= 1; gp /= 2) {
        for (const Assignment assignment : {Assignment::in_order, Assignment::balanced, Assignment::dynamic}) {
          const Dataflow dataflow{compress, {gk, gp, par.groups / gk / gp}, assignment};
          const bool wanted =
              (par.dataflow == "adaptive" || (par.dataflow == "weight-compressed") == (compress == Compress::weight)) &&
              (par.grouping == "adaptive" || par.grouping == to_string(dataflow.grouping)) &&
              (par.assignment == "adaptive" || par.assignment == to_string(assignment)) &&
              (assignment != Assignment::dynamic || par.grouping != "adaptive" || gp == 1) &&
              (!layer.speculated || dataflow.grouping.input_channels == 1);
          if (wanted) {
            list.push_back(dataflow);
          }
        }
      }
    }
  }
  return list;
}

}  // namespace trainer::loops
