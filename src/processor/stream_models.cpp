#include "processor/stream_models.h"

namespace trainer {
namespace {

constexpr int64_t kValueBytes = 2;
constexpr int64_t kMasterBytes = 4;

// What one pass structure over a tensor costs, per element.
struct Streams {
  int64_t passes;  // that take time of their own
  int64_t reads;
  int64_t writes;
  int64_t additions;
  int64_t multiplications;
};

constexpr Streams kConventionalForward = {3, 3, 1, 4, 2};
constexpr Streams kDecoupledForward = {0, 0, 0, 4, 2};
constexpr Streams kConventionalBackward = {2, 4, 1, 5, 3};
constexpr Streams kDecoupledBackward = {0, 2, 0, 5, 3};

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

void set_cycles(PhaseCounts& counts, int64_t cycles, const ProcessorParameters& parameters) {
  counts.cycles = cycles;
  counts.events[Event::cycle] = cycles;
  counts.events[Event::lane_idle] = cycles * parameters.array_lanes();
}

PhaseCounts batchnorm(const Streams& streams, const Shape& Z, const ProcessorParameters& parameters) {
  const int64_t elements = Z.size();
  PhaseCounts counts;
  EventCounts& events = counts.events;
  events[Event::buffer_read] = streams.reads * elements * kValueBytes * 8;
  events[Event::buffer_write] = streams.writes * elements * kValueBytes * 8;
  events[Event::dram_read] = streams.reads * elements * kValueBytes;
  events[Event::dram_write] = streams.writes * elements * kValueBytes;
  events[Event::fp32_add] = streams.additions * elements;
  events[Event::fp32_multiply] = streams.multiplications * elements;
  events[Event::bn_channel] = Z.c;
  set_cycles(counts, streams.passes * divide_up(elements, parameters.batchnorm_elements_per_cycle) + Z.c, parameters);
  return counts;
}

}  // namespace

PhaseCounts batchnorm_feedforward(const Shape& Z, const ProcessorParameters& parameters) {
  const bool decoupled = parameters.batchnorm() == BatchNormUnit::decoupled;
  return batchnorm(decoupled ? kDecoupledForward : kConventionalForward, Z, parameters);
}

PhaseCounts batchnorm_backpropagation(const Shape& Z, const ProcessorParameters& parameters) {
  const bool decoupled = parameters.batchnorm() == BatchNormUnit::decoupled;
  return batchnorm(decoupled ? kDecoupledBackward : kConventionalBackward, Z, parameters);
}

PhaseCounts update(int64_t elements, const ProcessorParameters& parameters) {
  // In: master weight, momentum, dW. Out: master weight, momentum, the FP16 copy that the array uses.
  constexpr int64_t kBytes = 2 * kMasterBytes + kValueBytes;
  // dW + decay * w; momentum * m + that; w - rate * m.
  constexpr int64_t kMultiplyAdds = 3;
  PhaseCounts counts;
  EventCounts& events = counts.events;
  events[Event::buffer_read] = elements * kBytes * 8;
  events[Event::buffer_write] = elements * kBytes * 8;
  events[Event::dram_read] = elements * kBytes;
  events[Event::dram_write] = elements * kBytes;
  events[Event::fp32_add] = elements * kMultiplyAdds;
  events[Event::fp32_multiply] = elements * kMultiplyAdds;
  set_cycles(counts, divide_up(elements, parameters.update_elements_per_cycle), parameters);
  return counts;
}

}  // namespace trainer
