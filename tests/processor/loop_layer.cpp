#include "processor/loop_layer.h"

#include <algorithm>

namespace trainer::loops {
namespace {

int64_t nonzeros(const Tensor& tensor) {
  return std::count_if(tensor.values().begin(), tensor.values().end(), [](float value) { return value != 0; });
}

}  // namespace

LoopLayer::LoopLayer(Phase of, const LayerCase& layer_case, const ProcessorParameters& parameters)
    : phase(of), layer(layer_case), par(parameters), g(layer_case.geometry) {
  speculated = phase == Phase::FF && par.speculates_feedforward && !layer.skipped.empty();
  masked = phase == Phase::BP && par.speculates_backpropagation && layer.input_is_rectified;
  O = phase == Phase::BP ? g.c : g.k;
  I = (phase == Phase::BP ? g.k : g.c) / g.groups;
  Og = O / g.groups;
  J = I * g.r * g.s;
  M = g.n * g.p() * g.q();
  x_nonzeros = nonzeros(layer.X);
  dz_nonzeros = nonzeros(layer.dZ);
  held.resize(static_cast<size_t>(O));
  for (int64_t k = 0; k < g.k; ++k) {
    for (int64_t column = 0; column < g.weight_columns(); ++column) {
      const int64_t c = k / (g.k / g.groups) * (g.c / g.groups) + column / (g.r * g.s);
      const bool keep =
          !skips_held() || (phase == Phase::WG ? layer.unpruned(k, column) : layer.weight(k, column) != 0);
      if (keep) {
        held[static_cast<size_t>(phase == Phase::BP ? c : k)].push_back({k, c, column / g.s % g.r, column % g.s});
        ++held_size;
      }
    }
  }
}

bool LoopLayer::inside(const Weight& w, const Position& at) const {
  const int64_t y = at.p * g.stride + w.r * g.dilation - g.padding;
  const int64_t x = at.q * g.stride + w.s * g.dilation - g.padding;
  return y >= 0 && y < g.h && x >= 0 && x < g.w;
}

bool LoopLayer::x_nonzero(const Weight& w, const Position& at) const {
  return inside(w, at) && layer.X.at(at.n, w.c, at.p * g.stride + w.r * g.dilation - g.padding,
                                     at.q * g.stride + w.s * g.dilation - g.padding) != 0;
}

bool LoopLayer::meets(const Weight& w, const Position& at) const {
  if (!par.skip_input_zeros) {
    return true;
  }
  const bool dz_nonzero = layer.dZ.at(at.n, w.k, at.p, at.q) != 0;
  return phase == Phase::FF   ? x_nonzero(w, at)
         : phase == Phase::BP ? inside(w, at) && dz_nonzero
                              : x_nonzero(w, at) && dz_nonzero;
}

bool LoopLayer::output_unwanted(const Weight& w, const Position& at) const {
  if (speculated) {
    return layer.skipped[static_cast<size_t>(((w.k * g.p() + at.p) * g.q() + at.q) * g.n + at.n)] != 0;
  }
  return masked && inside(w, at) && !x_nonzero(w, at);
}

int64_t LoopLayer::slice_of(int64_t input, int64_t gc) const {
  for (int64_t d = 0; d < gc; ++d) {
    if (d * I / gc <= input && input < (d + 1) * I / gc) {
      return d;
    }
  }
  return -1;
}

int64_t LoopLayer::slice_inputs(int64_t d, int64_t gc) const { return (d + 1) * I / gc - d * I / gc; }

std::vector<Tile> cut_into_tiles(const ConvolutionGeometry& g, int64_t places) {
  std::vector<Tile> tiles;
  int64_t place = 0;
  for (int64_t p = 0; p < g.p(); ++p) {
    for (int64_t q = 0; q < g.q(); ++q) {
      for (int64_t n = 0; n < up(g.n, 8) * 8; ++n, ++place) {
        if (place % places == 0) {
          tiles.emplace_back();
        }
        tiles.back().push_back({p, q, n});
      }
    }
  }
  return tiles;
}

int64_t positions_of(const Tile& tile, const ConvolutionGeometry& g) {
  return std::count_if(tile.begin(), tile.end(), [&](const Position& at) { return at.n < g.n; });
}

int64_t snake(int64_t x, int64_t n) {
  const int64_t j = x % (2 * n);
  return j < n ? j : 2 * n - 1 - j;
}

int64_t block_width(const Dataflow& dataflow, const ProcessorParameters& par) {
  return dataflow.compress == Compress::weight ? par.pes_per_group : par.lanes * par.pes_per_group;
}

int64_t tile_places(const Dataflow& dataflow, Phase phase, const ProcessorParameters& par) {
  return dataflow.compress == Compress::activation && phase != Phase::WG ? par.tile / par.lanes : par.tile;
}

std::vector<LoopBlock> cut_into_blocks(const LoopLayer& layer, const Dataflow& dataflow) {
  std::vector<LoopBlock> blocks;
  const auto held = [&](int64_t o) { return static_cast<int64_t>(layer.held[static_cast<size_t>(o)].size()); };
  for (int64_t group = 0; group < layer.g.groups; ++group) {
    std::vector<int64_t> order;
    for (int64_t i = 0; i < layer.Og; ++i) {
      order.push_back(group * layer.Og + i);
    }
    if (dataflow.compress == Compress::weight && dataflow.assignment != Assignment::in_order) {
      std::sort(order.begin(), order.end(),
                [&](int64_t a, int64_t b) { return held(a) != held(b) ? held(a) > held(b) : a < b; });
    }
    for (size_t i = 0; i < order.size(); ++i) {
      if (static_cast<int64_t>(i) % block_width(dataflow, layer.par) == 0) {
        blocks.emplace_back();
      }
      blocks.back().channels.push_back(order[i]);
      blocks.back().held += held(order[i]);
    }
  }
  return blocks;
}

int64_t group_of(int64_t tile, int64_t block, int64_t slice, const Dataflow& dataflow) {
  const Grouping& split = dataflow.grouping;
  const bool dealt = dataflow.compress == Compress::weight && dataflow.assignment != Assignment::in_order;
  const int64_t a = dealt ? snake(block, split.output_channels) : block % split.output_channels;
  return (a * split.positions + tile % split.positions) * split.input_channels + slice;
}

int64_t tensor_bits(const LoopLayer& layer, int64_t size, int64_t nonzero) {
  const int64_t v = layer.value_bits();
  return layer.par.skip_input_zeros ? v * nonzero + size : v * size;
}

int64_t block_bits(const LoopLayer& layer, const LoopBlock& block) {
  const int64_t v = layer.value_bits();
  const int64_t all = static_cast<int64_t>(block.channels.size()) * layer.J;
  if (layer.phase == Phase::WG) {
    return layer.par.skip_pruned_gradients ? all : 0;
  }
  return layer.par.skip_weight_zeros ? v * block.held + all : v * all;
}

int64_t item_bits(const LoopLayer& layer, const LoopBlock& block, int64_t slice, int64_t gc, int64_t pos, int64_t part,
                  int64_t parts) {
  const int64_t X = tensor_bits(layer, layer.layer.X.size(), layer.x_nonzeros);
  const int64_t dZ = tensor_bits(layer, layer.layer.dZ.size(), layer.dz_nonzeros);
  const int64_t n_b = static_cast<int64_t>(block.channels.size());
  const int64_t inputs = layer.slice_inputs(slice, gc);
  int64_t bits = up((layer.phase == Phase::BP ? dZ : X) * part * inputs, parts * layer.I * layer.g.groups);
  bits += up(block_bits(layer, block) * inputs, layer.I);
  if (layer.phase == Phase::WG) {
    bits += up(dZ * part * n_b, parts * layer.g.k);
  }
  if (layer.speculated && layer.layer.reads_shortcut) {
    bits += layer.value_bits() * pos * n_b;
  }
  if (layer.masked) {
    bits += up(layer.g.n * layer.g.h * layer.g.w * part * n_b, parts);
  }
  return bits;
}

}  // namespace trainer::loops
