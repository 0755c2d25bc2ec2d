#include "processor/random_layer.h"

#include <string>

#include "processor/dataflow/dataflow.h"

namespace trainer {
namespace {

Tensor random_tensor(const Shape& shape, double density, Random& random) {
  Tensor tensor(shape);
  for (int64_t c = 0; c < shape.c; ++c) {
    // Some channels are full whatever the density: the model treats those of dZ apart.
    const bool full = random.below(4) == 0;
    for (int64_t i = 0; i < shape.channel_size(); ++i) {
      const bool zero = !full && random.uniform() >= static_cast<float>(density);
      tensor.channel(c)[i] = zero ? (random.below(2) == 0 ? 0.0F : -0.0F) : random.uniform(0.5F, 2.0F);
    }
  }
  return tensor;
}

template <typename T>
T pick(Random& random, const std::vector<T>& choices) {
  return choices[random.below(choices.size())];
}

// What training does with the layer, and what stands before and after it.
void surround(LayerCase& layer, Random random) {
  const int64_t outputs = layer.geometry.output().size();
  if (random.below(2) == 0) {
    const float share = pick<float>(random, {0, 0.3F, 0.8F, 1});
    for (int64_t i = 0; i < outputs; ++i) {
      layer.skipped.push_back(random.uniform() < share ? 1 : 0);
    }
    layer.reads_shortcut = random.below(2) == 0;
    layer.wanted_before = random.below(2) == 0 ? -1 : static_cast<int64_t>(random.below(outputs + 1));
  }
  layer.gradient_pruned = random.below(2) == 0;
  layer.input_is_rectified = random.below(2) == 0;
  layer.input_from_batchnorm = random.below(2) == 0;
  layer.output_to_batchnorm = random.below(2) == 0;
}

void add_speculation(ProcessorParameters& p, Random random) {
  const bool everything = random.below(2) == 0;
  p.port_bits = pick<int64_t>(random, {1, 64, 500, 4096, 1048576});
  p.output_port_bits = pick<int64_t>(random, {7, 64, 500, 4096, 1048576});
  p.speculates_backpropagation = everything || random.below(2) == 0;
  p.speculates_gradients = everything || random.below(2) == 0;
  // What is estimated has no slices of input channels.
  const bool sliced = p.grouping != "adaptive" && parse_grouping(p.grouping)->input_channels > 1;
  p.speculates_feedforward = !sliced && (everything || random.below(2) == 0);
  p.speculation_lanes = int64_t{1} << random.below(7);
  p.speculation_fifo_depth = pick<int64_t>(random, {1, 2, 3, 64});
}

}  // namespace

bool LayerCase::unpruned(int64_t k, int64_t column) const {
  for (uint32_t i = pattern->row_begin()[static_cast<size_t>(k)]; i < pattern->row_begin()[static_cast<size_t>(k) + 1];
       ++i) {
    if (pattern->column_at(k, i) == column) {
      return true;
    }
  }
  return false;
}

float LayerCase::weight(int64_t k, int64_t column) const {
  for (uint32_t i = pattern->row_begin()[static_cast<size_t>(k)]; i < pattern->row_begin()[static_cast<size_t>(k) + 1];
       ++i) {
    if (pattern->column_at(k, i) == column) {
      return weights[i];
    }
  }
  return 0;
}

LayerCase make_layer(const ConvolutionGeometry& geometry, double x_density, double dz_density, double weight_density,
                     uint64_t seed) {
  Random random(seed, 1);
  LayerCase layer;
  layer.geometry = geometry;
  layer.X = random_tensor(geometry.input(), x_density, random);
  layer.dZ = random_tensor(geometry.output(), dz_density, random);
  std::vector<uint8_t> kept(static_cast<size_t>(geometry.weight_rows() * geometry.weight_columns()));
  for (uint8_t& keep : kept) {
    keep = random.uniform() < static_cast<float>(weight_density) ? 1 : 0;
  }
  layer.pattern = Pattern::from_mask(geometry.weight_rows(), geometry.weight_columns(), kept);
  const bool some_zero = random.below(2) == 0;
  for (int64_t i = 0; i < layer.pattern->nonzeros(); ++i) {
    layer.weights.push_back(some_zero && random.below(5) == 0 ? 0.0F : random.normal() + 5);
  }
  return layer;
}

LayerCase random_layer(uint64_t seed) {
  Random random(seed);
  ConvolutionGeometry g;
  if (random.below(6) == 0) {
    g.n = 1 + static_cast<int64_t>(random.below(150));
    g.c = 1 + static_cast<int64_t>(random.below(20));
    g.k = 1 + static_cast<int64_t>(random.below(20));
  } else {
    g.n = pick<int64_t>(random, {1, 2, 5, 8, 11, 16, 24});
    g.groups = pick<int64_t>(random, {1, 1, 1, 2, 3, 4});
    g.c = g.groups * (1 + static_cast<int64_t>(random.below(4)));
    g.k = g.groups * (1 + static_cast<int64_t>(random.below(5)));
    g.r = 1 + static_cast<int64_t>(random.below(3));
    g.s = 1 + static_cast<int64_t>(random.below(3));
    g.stride = 1 + static_cast<int64_t>(random.below(3));
    g.padding = static_cast<int64_t>(random.below(4));
    g.dilation = 1 + static_cast<int64_t>(random.below(2));
    g.h = g.dilation * (g.r - 1) + 1 + static_cast<int64_t>(random.below(7));
    g.w = g.dilation * (g.s - 1) + 1 + static_cast<int64_t>(random.below(7));
  }
  const std::vector<double> densities = {0.0, 0.1, 0.5, 0.9, 1.0};
  const double x = pick(random, densities);
  const double dz = pick(random, densities);
  LayerCase layer = make_layer(g, x, dz, pick(random, densities), seed);
  surround(layer, Random(seed, 3));
  return layer;
}

ProcessorParameters random_processor(uint64_t seed) {
  Random random(seed, 2);
  ProcessorParameters p;
  p.name = "random";
  p.clock_MHz = pick<double>(random, {60, 100, 333.333});
  p.groups = int64_t{1} << random.below(4);
  p.pes_per_group = 1 + static_cast<int64_t>(random.below(6));
  p.lanes = int64_t{1} << random.below(6);
  p.tile = pick<int64_t>(random, {64, 64, 128, 192, 512});
  p.dataflow = pick<std::string>(random, {"adaptive", "adaptive", "weight-compressed", "activation-compressed"});
  if (p.tile % (8 * p.lanes) != 0) {
    p.dataflow = "weight-compressed";
  }
  p.grouping = "adaptive";
  if (random.below(2) == 0) {
    int64_t gk = 1;
    int64_t gp = 1;
    for (int64_t left = p.groups; left > 1; left /= 2) {
      const uint32_t split = random.below(3);
      gk *= split == 0 ? 2 : 1;
      gp *= split == 1 ? 2 : 1;
    }
    p.grouping = to_string(Grouping{gk, gp, p.groups / gk / gp});
  }
  p.assignment = pick<std::string>(random, {"adaptive", "in-order", "balanced", "dynamic"});
  p.precision = random.below(4) == 0 ? "fp8" : "fp16";
  p.fifo_depth = pick<int64_t>(random, {1, 2, 4});
  p.drain = pick<int64_t>(random, {1, 2, 16, 512});
  // From buffers that hold next to nothing to some that hold everything.
  p.activations_KB = pick<int64_t>(random, {1, 2, 8, 640});
  p.weights_KB = pick<int64_t>(random, {1, 2, 256});
  p.outputs_KB = pick<int64_t>(random, {1, 2, 256});
  p.bandwidth_GBps = pick<double>(random, {0.05, 0.4, 12.8, 1000});
  p.latency_ns = pick<int64_t>(random, {0, 35, 100});
  const bool everything = random.below(2) == 0;
  p.skip_input_zeros = everything || random.below(2) == 0;
  p.skip_weight_zeros = everything || random.below(2) == 0;
  p.skip_pruned_gradients = everything || random.below(2) == 0;
  p.batchnorm_unit = random.below(2) == 0 ? "decoupled" : "conventional";
  p.batchnorm_elements_per_cycle = 1 + static_cast<int64_t>(random.below(64));
  p.update_elements_per_cycle = 1 + static_cast<int64_t>(random.below(64));
  add_speculation(p, Random(seed, 4));
  return p;
}

}  // namespace trainer
