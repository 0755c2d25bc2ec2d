#include "processor/golden/batchnorm.h"

#include <cmath>
#include <functional>
#include <memory>
#include <utility>

#include "processor/golden/arithmetic.h"

namespace trainer::golden {
namespace {

/// What the unit keeps for each channel.
struct Channel {
  float sum = 0;      // of Z, Z - shift, or dY
  float product = 0;  // of squares, or dY * (Z - mean)
  float mean = 0;
  float inverse_deviation = 0;
  float a = 0, b = 0, c = 0;  // coefficients
};

struct Unit {
  Unit(const BatchNorm& layer_, Counts& counts)
      : layer(layer_), math{counts}, channels(static_cast<size_t>(layer_.c)), count(layer_.n * layer_.h * layer_.w) {}

  Channel& channel_of(int64_t element) {
    return channels[static_cast<size_t>(element / (layer.h * layer.w) % layer.c)];
  }
  float z(int64_t element) const { return layer.Z[static_cast<size_t>(element)]; }
  float dy(int64_t element) const { return layer.dY[static_cast<size_t>(element)]; }
  /// First value of the channel: near its mean, so that the sum of squares loses little.
  float shift(int64_t element) const { return z(element / (layer.h * layer.w) % layer.c * layer.h * layer.w); }
  int64_t elements() const { return count * layer.c; }

  const BatchNorm& layer;
  Arithmetic math;
  std::vector<Channel> channels;
  int64_t count;
};

/// One channel's coefficients each cycle.
Stage coefficients(const std::shared_ptr<Unit>& unit, std::function<void(int64_t)> work) {
  return {unit->layer.c, 1, 0, 0, [unit, work = std::move(work)](int64_t c) {
            ++unit->math.counts.bn_channel;
            work(c);
          }};
}

void set_affine(Unit& unit, int64_t c, float mean, float variance) {
  const auto i = static_cast<size_t>(c);
  Channel& channel = unit.channels[i];
  channel.inverse_deviation = 1 / std::sqrt(variance + unit.layer.epsilon);
  channel.a = unit.layer.gamma[i] * channel.inverse_deviation;
  channel.b = unit.layer.beta[i] - channel.a * mean;
}

}  // namespace

std::vector<Stage> batchnorm_feedforward_stages(const BatchNorm& layer, const Processor& processor, Result& result) {
  const auto unit = std::make_shared<Unit>(layer, result.counts);
  const int64_t E = unit->elements();
  const int64_t e = processor.batchnorm_elements;
  const auto count = static_cast<float>(unit->count);
  const auto affine = [unit, &result](int64_t i) {
    const Channel& channel = unit->channel_of(i);
    result.output[static_cast<size_t>(i)] = unit->math.add(unit->math.multiply(channel.a, unit->z(i)), channel.b);
  };
  const int64_t v = processor.value_bits;
  if (processor.decoupled_batchnorm) {
    const auto sums = [unit](int64_t i) {
      Channel& channel = unit->channel_of(i);
      const float d = unit->math.subtract(unit->z(i), unit->shift(i));
      channel.sum = unit->math.add(channel.sum, d);
      channel.product = unit->math.add(channel.product, unit->math.multiply(d, d));
    };
    const auto coefficient = [unit, count](int64_t c) {
      const Channel& channel = unit->channels[static_cast<size_t>(c)];
      const float d = channel.sum / count;
      set_affine(*unit, c, unit->shift(c * unit->layer.h * unit->layer.w) + d, channel.product / count - d * d);
    };
    // Z passes the unit on its way out of the array; where it never was there, it is fetched.
    std::vector<Stage> stages{layer.input_from_contraction ? Stage{E, 0, 0, 0, sums} : Stage{E, e, v, 0, sums},
                              coefficients(unit, coefficient)};
    if (layer.applied_on_load == 0) {
      stages.push_back({E, e, v, v, affine});
    }
    for (int64_t load = 0; load < 2 * layer.applied_on_load; ++load) {  // of each contraction: for FF and for WG
      stages.push_back({E, 0, 0, 0, affine});
    }
    return stages;
  }
  const auto mean_pass = [unit](int64_t i) {
    Channel& channel = unit->channel_of(i);
    channel.sum = unit->math.add(channel.sum, unit->z(i));
  };
  const auto mean = [unit, count](int64_t c) {
    Channel& channel = unit->channels[static_cast<size_t>(c)];
    channel.mean = channel.sum / count;
  };
  const auto variance_pass = [unit](int64_t i) {
    Channel& channel = unit->channel_of(i);
    const float d = unit->math.subtract(unit->z(i), channel.mean);
    channel.product = unit->math.add(channel.product, unit->math.multiply(d, d));
  };
  const auto coefficient = [unit, count](int64_t c) {
    const Channel& channel = unit->channels[static_cast<size_t>(c)];
    set_affine(*unit, c, channel.mean, channel.product / count);
  };
  // The division that makes a channel's mean is part of its coefficients, which have their cycle later.
  return {{E, e, v, 0, mean_pass},
          {layer.c, 0, 0, 0, mean},
          {E, e, v, 0, variance_pass},
          coefficients(unit, coefficient),
          {E, e, v, v, affine}};
}

std::vector<Stage> batchnorm_backpropagation_stages(const BatchNorm& layer, const Processor& processor,
                                                    Result& result) {
  const auto unit = std::make_shared<Unit>(layer, result.counts);
  const int64_t E = unit->elements();
  const auto count = static_cast<float>(unit->count);
  // Mean and deviation were kept by the forward direction.
  for (int64_t pass = 0; pass < 2; ++pass) {
    for (int64_t i = 0; i < E; ++i) {
      Channel& channel = unit->channel_of(i);
      if (pass == 0) {
        channel.mean += unit->z(i) / count;
      } else {
        const float d = unit->z(i) - channel.mean;
        channel.inverse_deviation += d * d / count;
      }
    }
  }
  for (Channel& channel : unit->channels) {
    channel.inverse_deviation = 1 / std::sqrt(channel.inverse_deviation + layer.epsilon);
  }

  const auto sums = [unit](int64_t i) {
    Channel& channel = unit->channel_of(i);
    const float d = unit->math.subtract(unit->z(i), channel.mean);
    channel.sum = unit->math.add(channel.sum, unit->dy(i));
    channel.product = unit->math.add(channel.product, unit->math.multiply(unit->dy(i), d));
  };
  const auto coefficient = [unit, count](int64_t c) {
    const auto i = static_cast<size_t>(c);
    Channel& channel = unit->channels[i];
    const float inverse = channel.inverse_deviation;
    channel.a = unit->layer.gamma[i] * inverse;
    channel.b = -channel.a * inverse * inverse * channel.product / count;
    channel.c = -channel.a * channel.sum / count - channel.b * channel.mean;
  };
  const auto gradient = [unit, &result](int64_t i) {
    const Channel& channel = unit->channel_of(i);
    const float from_dy = unit->math.multiply(channel.a, unit->dy(i));
    const float from_z = unit->math.multiply(channel.b, unit->z(i));
    result.output[static_cast<size_t>(i)] = unit->math.add(unit->math.add(from_dy, from_z), channel.c);
  };
  const int64_t v = processor.value_bits;
  const int64_t e = processor.batchnorm_elements;
  if (processor.decoupled_batchnorm) {
    // dY comes from the array, and Z is fetched beside it.
    std::vector<Stage> stages{{E, 0, v, 0, sums}, coefficients(unit, coefficient)};
    if (layer.input_from_contraction) {
      // dY is loaded anyway, for BP and for WG of the contraction; dZ needs Z with it each time.
      for (int64_t load = 0; load < (layer.contraction_has_bp ? 2 : 1); ++load) {
        stages.push_back({E, 0, v, 0, gradient});
      }
    } else {
      stages.push_back({E, e, 2 * v, v, gradient});
    }
    return stages;
  }
  return {{E, e, 2 * v, 0, sums}, coefficients(unit, coefficient), {E, e, 2 * v, v, gradient}};
}

}  // namespace trainer::golden
