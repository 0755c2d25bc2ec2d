// Section 9 of docs/processor-contract.md: what the controller predicts.
#include <algorithm>

#include "processor/loop_layer.h"

namespace trainer::loops {

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
  const int64_t nz = zeros ? nonzeros(streamed) : 1;
  const int64_t size = zeros ? streamed.size() : 1;
  const int64_t y = up(layer.M, static_cast<int64_t>(tiles.size()));

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
    if (dataflow.compress == Compress::weight) {
      int64_t q = zeros ? up(y * nz, size) : y;
      if (wg && zeros) {
        q = up(q * nonzeros(layer.layer.dZ), layer.layer.dZ.size());
      }
      const int64_t u2 = zeros ? std::max(2 * L, 2 * q + L - 1) : 2 * L * up(y, L);
      pe = up(h * u2, 2 * L);
      S = wg ? h : y * pixels;
    } else {
      const int64_t cw = std::min(H, up(2 * H + (L - 1) * Jd, 2 * L));
      const int64_t yp = up(y, P);
      pe = !wg ? up(cw * yp * nz, size) : Id == 0 ? 0 : up(cw * up(Id, P) * y * nz, Id * size);
      S = wg ? up(H, P) : yp * n_b * pixels;
    }
    return std::max(pe, up(S, par.drain));
  };

  std::vector<std::vector<int64_t>> items;
  for (const LoopBlock& block : blocks) {
    items.emplace_back();
    for (int64_t d = 0; d < gc; ++d) {
      items.back().push_back(item(block, d));
    }
  }
  int64_t compute = 0;
  for (const LoopPass& pass : passes) {
    std::vector<int64_t> load(static_cast<size_t>(par.groups));
    for (int64_t t = pass.t0; t < pass.t1; ++t) {
      for (int64_t b = pass.b0; b < pass.b1; ++b) {
        for (int64_t d = 0; d < gc; ++d) {
          load[static_cast<size_t>(group_of(t, b, d, dataflow))] +=
              items[static_cast<size_t>(b)][static_cast<size_t>(d)];
        }
      }
    }
    compute += *std::max_element(load.begin(), load.end());
  }
  return {compute, std::max(compute, memory_cycles(passes, par))};
}

std::vector<Dataflow> candidates(const ProcessorParameters& par) {
  std::vector<Dataflow> list;
  for (const Compress compress : {Compress::weight, Compress::activation}) {
    for (int64_t gk = par.groups; gk >= 1; gk /= 2) {
      for (int64_t gp = par.groups / gk; gp >= 1; gp /= 2) {
        for (const Assignment assignment : {Assignment::in_order, Assignment::balanced}) {
          const Dataflow dataflow{compress, {gk, gp, par.groups / gk / gp}, assignment};
          const bool wanted =
              (par.dataflow == "adaptive" || (par.dataflow == "weight-compressed") == (compress == Compress::weight)) &&
              (par.grouping == "adaptive" || par.grouping == to_string(dataflow.grouping)) &&
              (par.assignment == "adaptive" || (par.assignment == "in-order") == (assignment == Assignment::in_order));
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
