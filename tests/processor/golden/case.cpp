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
  switch (assignment) {
    case golden::Assignment::in_order:
      return "in-order";
    case golden::Assignment::balanced:
      return "balanced";
    case golden::Assignment::dynamic:
      break;
  }
  return "dynamic";
}

/// Of some outputs, those that training skips.
std::vector<uint8_t> random_skipped(Random& random, int64_t outputs, double share) {
  std::vector<uint8_t> skipped(static_cast<size_t>(outputs));
  for (uint8_t& skip : skipped) {
    skip = random.uniform() < share ? 1 : 0;
  }
  return skipped;
}

/// What training does with the layer, and what stands around it.
void surround(Case& c, Random& random) {
  const std::vector<double> shares = {0.0, 0.2, 0.5, 0.9, 1.0};
  const int64_t outputs = c.layer.geometry.output().size();
  if (random.below(3) != 0) {
    c.skipped = random_skipped(random, outputs, pick(random, shares));
    c.reads_shortcut = coin(random);
  }
  if (coin(random)) {
    c.skipped_before = random_skipped(random, outputs, pick(random, shares));
  }
  c.gradient_pruned = coin(random);
  c.input_is_rectified = coin(random);
  c.input_from_batchnorm = coin(random);
  c.output_to_batchnorm = coin(random);
  c.batchnorm_after_contraction = random.below(4) != 0;
  c.contraction_has_bp = coin(random);
  c.applied_on_load = static_cast<int64_t>(random.below(3));
}

double share_of(const std::vector<uint8_t>& skipped) {
  const auto count = static_cast<double>(std::count(skipped.begin(), skipped.end(), 1));
  return skipped.empty() ? -1 : count / static_cast<double>(skipped.size());
}

std::string surroundings_string(const Case& c) {
  return fmt::format(
      "skipped={:.2f} before={:.2f} shortcut={} pruned_dZ={} rectified={} from_bn={} to_bn={} bn(contraction={} "
      "loads={} "
      "bp={})",
      share_of(c.skipped), share_of(c.skipped_before), c.reads_shortcut, c.gradient_pruned, c.input_is_rectified,
      c.input_from_batchnorm, c.output_to_batchnorm, c.batchnorm_after_contraction, c.applied_on_load,
      c.contraction_has_bp);
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
  p.speculation_feedforward = random.below(3) != 0;
  p.speculation_backpropagation = random.below(3) != 0;
  p.speculation_gradients = coin(random);
  p.estimator_lanes = pick<int64_t>(random, {1, 2, 4, 8, 16, 64, 512});
  p.estimator_fifo = pick<int64_t>(random, {1, 1, 2, 3, 64});
  p.port_bits = pick<int64_t>(random, {1, 16, 64, 256, 1024, 4096, 1048576});
  if (random.below(3) != 0) {
    golden::Pins::Grouping grouping{1, 1, 1};
    for (int64_t left = p.groups; left > 1; left /= 2) {
      const bool slices = !p.speculation_feedforward && coin(random);  // what is estimated has no slices
      (random.below(3) == 0 ? grouping.gk : slices ? grouping.gc : grouping.gp) *= 2;
    }
    pins.grouping = grouping;
  }
  if (random.below(3) != 0) {
    pins.assignment = pick<golden::Assignment>(
        random, {golden::Assignment::balanced, golden::Assignment::in_order, golden::Assignment::dynamic});
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
  p.output_port_bits = pick<int64_t>(random, {16, 100, 512, 2048, 8192, 1048576});
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
      "buffer.weights_KB={} buffer.outputs_KB={} buffer.port_bits={} buffer.output_port_bits={} "
      "memory.bandwidth_GBps={} memory.latency_ns={} "
      "skip.input_zeros={} "
      "skip.weight_zeros={} skip.pruned_gradients={} speculation.feedforward={} speculation.backpropagation={} "
      "speculation.gradients={} speculation.lanes={} speculation.fifo_depth={} batchnorm.unit={} "
      "batchnorm.elements_per_cycle={} "
      "update.elements_per_cycle={}",
      static_cast<double>(p.clock_kHz) / 1000, p.value_bits, p.groups, p.pes, p.lanes, p.tile, p.fifo_depth, p.drain,
      dataflow, grouping, pins.assignment ? name_of(*pins.assignment) : "adaptive", p.activations_KB, p.weights_KB,
      p.outputs_KB, p.port_bits, p.output_port_bits, static_cast<double>(p.bandwidth_MBps) / 1000, p.latency_ns,
      p.skip_input_zeros, p.skip_weight_zeros, p.skip_pruned_gradients, p.speculation_feedforward,
      p.speculation_backpropagation, p.speculation_gradients, p.estimator_lanes, p.estimator_fifo,
      p.decoupled_batchnorm ? "decoupled" : "conventional", p.batchnorm_elements, p.update_elements);
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
  surround(result, random);
  result.text = fmt::format(
      "case {}: {} x={} dz={} w={} {}; {}\nagain: GOLDEN_FIRST={} GOLDEN_CASES=1 build/release/test_golden "
      "--gtest_filter=GoldenRandom.Given",
      number, to_string(geometry), x, dz, w, surroundings_string(result),
      processor_string(result.processor, result.pins), number);
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

golden::Layer golden_layer(const Case& c) {
  const LayerCase& layer = c.layer;
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
  result.speculated = !c.skipped.empty();
  result.skipped = c.skipped;
  result.reads_shortcut = c.reads_shortcut;
  if (c.before && !c.skipped_before.empty() && c.processor.speculation_feedforward) {
    result.wanted = std::count(c.skipped_before.begin(), c.skipped_before.end(), 0);
  }
  result.gradient_pruned = c.gradient_pruned;
  result.input_is_rectified = c.input_is_rectified;
  result.input_from_batchnorm = c.input_from_batchnorm;
  result.output_to_batchnorm = c.output_to_batchnorm;
  return result;
}

}  // namespace trainer::golden_test
