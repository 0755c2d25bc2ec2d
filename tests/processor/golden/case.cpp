#include "processor/golden/case.h"

#include <fmt/format.h>

#include <algorithm>

namespace trainer::golden_test {
namespace {

template <typename T>
T pick(Random& random, const std::vector<T>& choices) {
  return choices[random.below(choices.size())];
}

int64_t one_to(Random& random, uint64_t most) { return 1 + static_cast<int64_t>(random.below(most)); }

bool coin(Random& random) { return random.below(2) == 0; }

constexpr int64_t kMostMacs = 200000;  // the golden model walks each one

/// Few positions of many channels: weights that small buffers do not hold.
ConvolutionGeometry deep_geometry(Random& random) {
  ConvolutionGeometry g;
  g.n = pick<int64_t>(random, {1, 1, 2, 9});
  g.c = 8 + one_to(random, 56);
  g.k = 8 + one_to(random, 56);
  g.r = one_to(random, 3);
  g.s = one_to(random, 3);
  g.stride = one_to(random, 2);
  g.h = g.r + one_to(random, 4);
  g.w = g.s + one_to(random, 4);
  return g;
}

ConvolutionGeometry any_geometry(Random& random) {
  ConvolutionGeometry g;
  if (random.below(8) == 0) {  // a linear layer
    g.n = coin(random) ? one_to(random, 9) : one_to(random, 100);
    g.c = one_to(random, 150);
    g.k = one_to(random, 80);
    return g;
  }
  if (random.below(3) == 0) {
    return deep_geometry(random);
  }
  g.n = one_to(random, 9);
  g.groups = pick<int64_t>(random, {1, 1, 1, 2, 3});
  g.c = g.groups * one_to(random, 12);
  g.k = g.groups * one_to(random, 12);
  if (random.below(6) == 0) {  // depthwise, of one or two outputs per channel
    g.groups = g.c;
    g.k = g.c * one_to(random, 2);
  }
  g.r = one_to(random, 3);
  g.s = one_to(random, 3);
  g.stride = one_to(random, 3);
  g.padding = static_cast<int64_t>(random.below(4));
  g.dilation = one_to(random, 2);
  g.h = g.dilation * (g.r - 1) + one_to(random, 7);
  g.w = g.dilation * (g.s - 1) + one_to(random, 7);
  return g;
}

ConvolutionGeometry random_geometry(Random& random) {
  ConvolutionGeometry g = any_geometry(random);
  while (g.dense_macs() > kMostMacs) {
    g = any_geometry(random);
  }
  return g;
}

/// +-1 .. +-most where the value is not zero.
template <typename Values>
void make_integers(Values&& values, uint64_t most, Random& random) {
  for (float& value : values) {
    if (value != 0) {
      const auto magnitude = static_cast<float>(one_to(random, most));
      value = coin(random) ? magnitude : -magnitude;
    }
  }
}

const char* name_of(golden::Assignment assignment) {
  return assignment == golden::Assignment::balanced ? "balanced" : "in-order";
}

}  // namespace

golden::Processor random_processor(Random& random, golden::Pins& pins) {
  golden::Processor p;
  p.groups = pick<int64_t>(random, {1, 2, 2, 4, 4, 8, 16});
  p.pes = one_to(random, 6);
  p.lanes = pick<int64_t>(random, {1, 2, 4, 8, 16, 32});
  p.tile = pick<int64_t>(random, {64, 64, 64, 128, 192, 256, 512});
  const bool one_dataflow = p.tile % (8 * p.lanes) != 0;
  if (one_dataflow || random.below(4) == 0) {
    pins.compress = golden::Compress::weights;
  } else if (coin(random)) {
    pins.compress = golden::Compress::activations;
  }
  if (random.below(3) != 0) {
    golden::Pins::Grouping grouping{1, 1, 1};
    for (int64_t left = p.groups; left > 1; left /= 2) {
      (random.below(3) == 0 ? grouping.gk : coin(random) ? grouping.gp : grouping.gc) *= 2;
    }
    pins.grouping = grouping;
  }
  if (random.below(3) != 0) {
    pins.assignment = coin(random) ? golden::Assignment::balanced : golden::Assignment::in_order;
  }
  p.fifo_depth = pick<int64_t>(random, {1, 1, 2, 3, 4, 64});
  p.drain = pick<int64_t>(random, {1, 2, 3, 8, 32, 512});
  p.value_bits = pick<int64_t>(random, {16, 16, 8});
  p.activations_KB = pick<int64_t>(random, {1, 1, 1, 2, 3, 5, 64});
  p.weights_KB = pick<int64_t>(random, {1, 1, 1, 2, 3, 64});
  p.outputs_KB = pick<int64_t>(random, {1, 1, 1, 2, 3, 64});
  p.clock_kHz = pick<int64_t>(random, {60000, 100000, 1000, 333333});
  const int64_t slow = std::max<int64_t>(p.clock_kHz / 4000, 1);  // a quarter of a byte per cycle
  p.bandwidth_MBps = pick<int64_t>(random, {slow, 4 * slow, 4 * slow + 1, 13 * slow, 60 * slow + 7, 10000000});
  p.latency_ns = pick<int64_t>(random, {0, 0, 10, 100, 500});
  const bool everything = random.below(3) == 0;
  p.skip_input_zeros = everything || coin(random);
  p.skip_weight_zeros = everything || coin(random);
  p.skip_pruned_gradients = everything || coin(random);
  p.decoupled_batchnorm = coin(random);
  p.batchnorm_elements = one_to(random, 64);
  p.update_elements = one_to(random, 64);
  return p;
}

std::string processor_string(const golden::Processor& p, const golden::Pins& pins) {
  const std::string dataflow = !pins.compress                                ? "adaptive"
                               : *pins.compress == golden::Compress::weights ? "weight-compressed"
                                                                             : "activation-compressed";
  const std::string grouping =
      pins.grouping ? fmt::format("{}x{}x{}", pins.grouping->gk, pins.grouping->gp, pins.grouping->gc) : "adaptive";
  return fmt::format(
      "clock_MHz={} precision=fp{} array.groups={} array.pes_per_group={} array.lanes={} array.tile={} "
      "array.fifo_depth={} array.drain={} dataflow={} grouping={} assignment={} buffer.activations_KB={} "
      "buffer.weights_KB={} buffer.outputs_KB={} memory.bandwidth_GBps={} memory.latency_ns={} skip.input_zeros={} "
      "skip.weight_zeros={} skip.pruned_gradients={} batchnorm.unit={} batchnorm.elements_per_cycle={} "
      "update.elements_per_cycle={}",
      static_cast<double>(p.clock_kHz) / 1000, p.value_bits, p.groups, p.pes, p.lanes, p.tile, p.fifo_depth, p.drain,
      dataflow, grouping, pins.assignment ? name_of(*pins.assignment) : "adaptive", p.activations_KB, p.weights_KB,
      p.outputs_KB, static_cast<double>(p.bandwidth_MBps) / 1000, p.latency_ns, p.skip_input_zeros, p.skip_weight_zeros,
      p.skip_pruned_gradients, p.decoupled_batchnorm ? "decoupled" : "conventional", p.batchnorm_elements,
      p.update_elements);
}

Case random_case(uint64_t number) {
  Random random(number, 77);
  Case result;
  const ConvolutionGeometry geometry = random_geometry(random);
  const std::vector<double> densities = {0.0, 0.05, 0.3, 0.5, 0.9, 1.0, 1.0};
  const double x = pick(random, densities);
  const double dz = pick(random, densities);
  const double w = pick(random, densities);
  result.layer = make_layer(geometry, x, dz, w, number);
  make_integers(result.layer.X.values(), 4, random);
  make_integers(result.layer.dZ.values(), 3, random);
  make_integers(result.layer.weights, 4, random);
  result.processor = random_processor(random, result.pins);

  result.before = make_layer(geometry, pick(random, densities), pick(random, densities), w, ~number);
  if (coin(random)) {
    result.before->pattern = result.layer.pattern;
    result.before->weights = result.layer.weights;
    std::reverse(result.before->weights.begin(), result.before->weights.end());
  }
  result.text = fmt::format(
      "case {}: {} x={} dz={} w={}; {}\nagain: GOLDEN_FIRST={} GOLDEN_CASES=1 build/release/test_golden "
      "--gtest_filter=GoldenRandom.Given",
      number, to_string(geometry), x, dz, w, processor_string(result.processor, result.pins), number);
  return result;
}

std::vector<float> in_order(const Tensor& tensor) {
  std::vector<float> values;
  const Shape& shape = tensor.shape();
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t c = 0; c < shape.c; ++c) {
      for (int64_t y = 0; y < shape.h; ++y) {
        for (int64_t x = 0; x < shape.w; ++x) {
          values.push_back(tensor.at(n, c, y, x));
        }
      }
    }
  }
  return values;
}

golden::Layer golden_layer(const LayerCase& layer) {
  const ConvolutionGeometry& g = layer.geometry;
  golden::Layer result;
  result.n = g.n;
  result.c = g.c;
  result.h = g.h;
  result.w = g.w;
  result.k = g.k;
  result.r = g.r;
  result.s = g.s;
  result.stride = g.stride;
  result.padding = g.padding;
  result.dilation = g.dilation;
  result.groups = g.groups;
  result.X = in_order(layer.X);
  result.dZ = in_order(layer.dZ);
  result.unpruned = layer.pattern->mask();
  result.W.resize(result.unpruned.size());
  scatter(*layer.pattern, layer.weights, result.W);
  return result;
}

}  // namespace trainer::golden_test
