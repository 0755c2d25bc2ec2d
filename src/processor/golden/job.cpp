#include "processor/golden/job.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace trainer::golden {
namespace {

size_t output_size(Phase phase, const Layer& layer) {
  switch (phase) {
    case Phase::FF:
      return static_cast<size_t>(layer.n * layer.k * layer.p() * layer.q());
    case Phase::BP:
      return layer.X.size();
    case Phase::WG:
      break;
  }
  return layer.W.size();
}

std::vector<int64_t> channel_nonzeros(const std::vector<float>& tensor, int64_t channels, int64_t pixels) {
  std::vector<int64_t> counts(static_cast<size_t>(channels), 0);
  for (size_t i = 0; i < tensor.size(); ++i) {
    counts[i / static_cast<size_t>(pixels) % static_cast<size_t>(channels)] += tensor[i] != 0 ? 1 : 0;
  }
  return counts;
}

}  // namespace

Formats formats_of(int64_t value_bits) {
  if (value_bits == 8) {
    return {kE4M3, kE4M3, kE5M2, kE4M3, kE5M2};
  }
  return {kBinary16, kBinary16, kBinary16, kBinary16, kBinary16};
}

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t snake(int64_t x, int64_t n) {
  const int64_t j = x % (2 * n);
  return j < n ? j : 2 * n - 1 - j;
}

Job::Job(Phase phase_, const Layer& layer_, const Processor& processor_, const Dataflow& dataflow_)
    : phase(phase_),
      layer(layer_),
      processor(processor_),
      dataflow(dataflow_),
      formats(layer_.formats ? *layer_.formats : formats_of(processor_.value_bits)),
      hold(phase_ == Phase::WG ? processor_.skip_pruned_gradients : processor_.skip_weight_zeros),
      speculated(phase_ == Phase::FF && layer_.speculated && processor_.speculation_feedforward),
      masked(phase_ == Phase::BP && layer_.input_is_rectified && processor_.speculation_backpropagation),
      selective(speculated || masked),
      p(layer_.p()),
      q(layer_.q()),
      padded_batch(8 * divide_up(layer_.n, 8)),
      all_positions(layer_.n * p * q),
      inputs_per_group((phase_ == Phase::BP ? layer_.k : layer_.c) / layer_.groups),
      outputs_per_group((phase_ == Phase::BP ? layer_.c : layer_.k) / layer_.groups),
      columns(inputs_per_group * layer_.r * layer_.s),
      block_channels(dataflow_.compress == Compress::weights ? processor_.pes : processor_.lanes * processor_.pes),
      tile_places(dataflow_.compress == Compress::weights || phase_ == Phase::WG ? processor_.tile
                                                                                 : processor_.tile / processor_.lanes),
      tiles(divide_up(p * q * padded_batch, tile_places)),
      nonzeros_X(channel_nonzeros(layer_.X, layer_.c, layer_.h * layer_.w)),
      nonzeros_dZ(channel_nonzeros(layer_.dZ, layer_.k, p * q)),
      output(output_size(phase_, layer_), 0.0F) {
  if (dataflow.gk * dataflow.gp * dataflow.gc != processor.groups) {
    throw std::logic_error("golden model: the grouping does not use every group once");
  }
  if (speculated && dataflow.gc != 1) {
    throw std::logic_error("golden model: an output that slices share cannot be estimated");
  }
  positions_before.push_back(0);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    int64_t count = 0;
    for (int64_t place = tile * tile_places; place < (tile + 1) * tile_places; ++place) {
      count += meet(place, {}).position ? 1 : 0;
    }
    positions_before.push_back(positions_before.back() + count);
  }
  cut_blocks();
  lockstep = wants_the_same();
  items.resize(static_cast<size_t>(tiles) * blocks.size() * static_cast<size_t>(dataflow.gc));
}

void Job::cut_blocks() {
  const bool by_weight = dataflow.compress == Compress::weights && balances();
  std::vector<int64_t> held_of(static_cast<size_t>(layer.groups * outputs_per_group), 0);
  for (int64_t o = 0; o < layer.groups * outputs_per_group; ++o) {
    for (int64_t column = 0; column < columns; ++column) {
      held_of[static_cast<size_t>(o)] += held(o, column) ? 1 : 0;
    }
  }
  for (int64_t group = 0; group < layer.groups; ++group) {
    std::vector<int64_t> order(static_cast<size_t>(outputs_per_group));
    std::iota(order.begin(), order.end(), group * outputs_per_group);
    if (by_weight) {
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return held_of[static_cast<size_t>(a)] > held_of[static_cast<size_t>(b)];
      });
    }
    for (int64_t first = 0; first < outputs_per_group; first += block_channels) {
      const int64_t end = std::min(first + block_channels, outputs_per_group);
      Block block{group, {order.begin() + first, order.begin() + end}, 0};
      for (const int64_t o : block.channels) {
        block.held += held_of[static_cast<size_t>(o)];
      }
      blocks.push_back(std::move(block));
    }
  }
}

bool Job::wants_the_same() const {
  if (dataflow.compress != Compress::weights || selective) {
    return false;
  }
  for (const Block& block : blocks) {
    if (block.held != static_cast<int64_t>(block.channels.size()) * columns) {
      return false;
    }
  }
  const int64_t nonzeros = std::accumulate(nonzeros_dZ.begin(), nonzeros_dZ.end(), int64_t{0});
  return phase != Phase::WG || !zeros() || nonzeros == static_cast<int64_t>(layer.dZ.size());
}

WeightPosition Job::position(int64_t o, int64_t column) const {
  WeightPosition result;
  const int64_t other = streamed_channel(conv_group_of(o), column);
  result.k = phase == Phase::BP ? other : o;
  result.c = phase == Phase::BP ? o : other;
  result.r = column / layer.s % layer.r;
  result.s = column % layer.s;
  return result;
}

int64_t Job::streamed_channel(int64_t conv_group, int64_t column) const {
  return conv_group * inputs_per_group + column / (layer.r * layer.s);
}

int64_t Job::weight_index(const WeightPosition& at) const {
  return ((at.k * (layer.c / layer.groups) + at.c % (layer.c / layer.groups)) * layer.r + at.r) * layer.s + at.s;
}

bool Job::held(int64_t o, int64_t column) const {
  if (!hold) {
    return true;
  }
  const auto i = static_cast<size_t>(weight_index(position(o, column)));
  return layer.unpruned[i] != 0 && (phase == Phase::WG || layer.W[i] != 0);
}

float Job::weight(const WeightPosition& at) const {
  const auto i = static_cast<size_t>(weight_index(at));
  return layer.unpruned[i] != 0 ? layer.W[i] : 0.0F;
}

Meeting Job::meet(int64_t place, const WeightPosition& at) const {
  Meeting meeting;
  const int64_t n = place % padded_batch;
  const int64_t pixel = place / padded_batch;
  if (n >= layer.n || pixel >= p * q) {
    return meeting;
  }
  const int64_t row = pixel / q;
  const int64_t column = pixel % q;
  const int64_t y = row * layer.stride + at.r * layer.dilation - layer.padding;
  const int64_t x = column * layer.stride + at.s * layer.dilation - layer.padding;
  meeting.position = true;
  meeting.inside = y >= 0 && y < layer.h && x >= 0 && x < layer.w;
  meeting.x_index = ((n * layer.c + at.c) * layer.h + y) * layer.w + x;
  meeting.z_index = ((n * layer.k + at.k) * p + row) * q + column;
  return meeting;
}

Range Job::inputs_of_slice(int64_t slice) const {
  return {slice * inputs_per_group / dataflow.gc, (slice + 1) * inputs_per_group / dataflow.gc};
}

Range Job::columns_of_slice(int64_t slice) const {
  const Range inputs = inputs_of_slice(slice);
  return {inputs.first * layer.r * layer.s, inputs.end * layer.r * layer.s};
}

int64_t Job::positions(Range range) const {
  return positions_before[static_cast<size_t>(range.end)] - positions_before[static_cast<size_t>(range.first)];
}

int64_t Job::share(int64_t total, Range range) const {
  const auto before = [&](int64_t tile) { return total * positions_before[static_cast<size_t>(tile)] / all_positions; };
  return before(range.end) - before(range.first);
}

int64_t Job::tensor_bits(int64_t nonzeros, int64_t size) const {
  return zeros() ? processor.value_bits * nonzeros + size : processor.value_bits * size;
}

int64_t Job::weight_bits(int64_t held_positions, int64_t size) const {
  if (phase == Phase::WG) {
    return hold ? size : 0;
  }
  return hold ? processor.value_bits * held_positions + size : processor.value_bits * size;
}

int64_t Job::X_bits() const {
  return tensor_bits(std::accumulate(nonzeros_X.begin(), nonzeros_X.end(), int64_t{0}),
                     static_cast<int64_t>(layer.X.size()));
}

int64_t Job::dZ_bits() const {
  return tensor_bits(std::accumulate(nonzeros_dZ.begin(), nonzeros_dZ.end(), int64_t{0}),
                     static_cast<int64_t>(layer.dZ.size()));
}

int64_t Job::moved_X_bits() const {
  return processor.decoupled_batchnorm && layer.input_from_batchnorm
             ? processor.value_bits * static_cast<int64_t>(layer.X.size())
             : X_bits();
}

int64_t Job::moved_dZ_bits() const {
  return processor.decoupled_batchnorm && layer.output_to_batchnorm
             ? processor.value_bits * static_cast<int64_t>(layer.dZ.size())
             : dZ_bits();
}

int64_t Job::moved_dZ_bits(int64_t k) const {
  return processor.decoupled_batchnorm && layer.output_to_batchnorm
             ? processor.value_bits * all_positions
             : tensor_bits(nonzeros_dZ[static_cast<size_t>(k)], all_positions);
}

int64_t Job::block_bits(const Block& block) const {
  return weight_bits(block.held, static_cast<int64_t>(block.channels.size()) * columns);
}

int64_t Job::group_of(int64_t tile, int64_t block, int64_t slice) const {
  if (dataflow.assignment == Assignment::dynamic) {
    throw std::logic_error("golden model: with a dynamic assignment the queues say which group takes an item");
  }
  const bool deal = dataflow.compress == Compress::weights && balances();
  const int64_t a = deal ? snake(block, dataflow.gk) : block % dataflow.gk;
  return (a * dataflow.gp + tile % dataflow.gp) * dataflow.gc + slice;
}

}  // namespace trainer::golden
