#include "processor/stream_models.h"

#include <algorithm>

#include "processor/integer.h"
#include "processor/memory/dram.h"

namespace trainer {
namespace {

constexpr int64_t kMasterBytes = 4;
constexpr int64_t kGradientBytes = 2;

// What one pass structure over a tensor costs, per element.
struct Streams {
  int64_t passes;  // that take time of their own
  int64_t reads;
  int64_t writes;
  int64_t additions;
  int64_t multiplications;
};

constexpr Streams kConventionalForward = {3, 3, 1, 4, 2};
constexpr Streams kConventionalBackward = {2, 4, 1, 5, 3};

Streams decoupled_forward(const BatchNormLayer& layer) {
  const int64_t loads = 2 * layer.applied_on_load;  // FF and WG of every contraction that reads Y
  Streams streams = loads > 0 ? Streams{0, 0, 0, 3 + loads, 1 + loads} : Streams{1, 1, 1, 4, 2};
  if (!layer.input_from_contraction) {  // nothing to take the sums along with
    ++streams.passes;
    ++streams.reads;
  }
  return streams;
}

Streams decoupled_backward(const BatchNormLayer& layer) {
  if (!layer.input_from_contraction) {
    return {1, 3, 1, 5, 3};
  }
  const int64_t loads = layer.contraction_has_bp ? 2 : 1;  // of dZ
  return {0, 1 + loads, 0, 3 + 2 * loads, 1 + 2 * loads};
}

// The unit and the DRAM channel work side by side.
void set_cycles(PhaseCounts& counts, int64_t compute_cycles, const ProcessorParameters& parameters) {
  const Dram dram(parameters);
  counts.compute_cycles = compute_cycles;
  counts.memory_cycles = dram.cycles(counts.events[Event::dram_read]) + dram.cycles(counts.events[Event::dram_write]);
  counts.cycles = std::max(counts.compute_cycles, counts.memory_cycles);
  counts.events[Event::cycle] = counts.cycles;
  counts.events[Event::lane_idle] = counts.cycles * parameters.array_lanes();
}

PhaseCounts batchnorm(const Streams& streams, const Shape& Z, const ProcessorParameters& parameters) {
  const int64_t elements = Z.size();
  const int64_t value_bytes = parameters.value_bits() / 8;
  PhaseCounts counts;
  EventCounts& events = counts.events;
  events[Event::activation_read] = streams.reads * elements * value_bytes * 8;
  events[Event::activation_write] = streams.writes * elements * value_bytes * 8;
  events[Event::dram_read] = streams.reads * elements * value_bytes;
  events[Event::dram_write] = streams.writes * elements * value_bytes;
  events[Event::fp32_add] = streams.additions * elements;
  events[Event::fp32_multiply] = streams.multiplications * elements;
  events[Event::bn_channel] = Z.c;
  set_cycles(counts, streams.passes * ceil_div(elements, parameters.batchnorm_elements_per_cycle) + Z.c, parameters);
  return counts;
}

}  // namespace

PhaseCounts batchnorm_feedforward(const BatchNormLayer& layer, const ProcessorParameters& parameters) {
  const bool decoupled = parameters.batchnorm() == BatchNormUnit::decoupled;
  return batchnorm(decoupled ? decoupled_forward(layer) : kConventionalForward, layer.shape, parameters);
}

PhaseCounts batchnorm_backpropagation(const BatchNormLayer& layer, const ProcessorParameters& parameters) {
  const bool decoupled = parameters.batchnorm() == BatchNormUnit::decoupled;
  return batchnorm(decoupled ? decoupled_backward(layer) : kConventionalBackward, layer.shape, parameters);
}

PhaseCounts update(int64_t elements, const ProcessorParameters& parameters) {
  // In: master weight, momentum, dW. Out: master weight, momentum, the copy that the array uses.
  const int64_t bytes_in = 2 * kMasterBytes + kGradientBytes;
  const int64_t bytes_out = 2 * kMasterBytes + parameters.value_bits() / 8;
  // dW + decay * w; momentum * m + that; w - rate * m.
  constexpr int64_t kMultiplyAdds = 3;
  PhaseCounts counts;
  EventCounts& events = counts.events;
  events[Event::activation_read] = elements * bytes_in * 8;
  events[Event::activation_write] = elements * bytes_out * 8;
  events[Event::dram_read] = elements * bytes_in;
  events[Event::dram_write] = elements * bytes_out;
  events[Event::fp32_add] = elements * kMultiplyAdds;
  events[Event::fp32_multiply] = elements * kMultiplyAdds;
  set_cycles(counts, ceil_div(elements, parameters.update_elements_per_cycle), parameters);
  return counts;
}

}  // namespace trainer
