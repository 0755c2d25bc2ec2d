#include "processor/golden/case.h"

#include <fmt/format.h>

namespace trainer::golden_test {
namespace {

template <typename T>
T pick(Random& random, const std::vector<T>& choices) {
  return choices[random.below(choices.size())];
}

int64_t one_to(Random& random, uint64_t most) { return 1 + static_cast<int64_t>(random.below(most)); }

ConvolutionGeometry random_geometry(Random& random) {
  ConvolutionGeometry g;
  if (random.below(8) == 0) {  // a linear layer
    g.n = one_to(random, 150);
    g.c = one_to(random, 16);
    g.k = one_to(random, 16);
    return g;
  }
  g.n = pick<int64_t>(random, {1, 2, 3, 5, 8, 11, 16});
  g.groups = pick<int64_t>(random, {1, 1, 1, 2, 3});
  g.c = g.groups * one_to(random, 4);
  g.k = g.groups * one_to(random, 8 / static_cast<uint64_t>(g.groups));
  g.r = one_to(random, 3);
  g.s = one_to(random, 3);
  g.stride = one_to(random, 3);
  g.padding = static_cast<int64_t>(random.below(4));
  g.dilation = one_to(random, 2);
  g.h = g.dilation * (g.r - 1) + one_to(random, 6);
  g.w = g.dilation * (g.s - 1) + one_to(random, 6);
  return g;
}

}  // namespace

Case random_case(uint64_t number) {
  Random random(number, 77);
  Case result;
  const ConvolutionGeometry geometry = random_geometry(random);
  const std::vector<double> densities = {0.0, 0.05, 0.3, 0.5, 0.9, 1.0};
  const double x = pick(random, densities);
  const double dz = pick(random, densities);
  const double w = pick(random, densities);
  result.layer = make_layer(geometry, x, dz, w, number);
  // What is neither zero nor a normal number still counts as non-zero.
  const bool subnormal = random.below(4) == 0;
  if (subnormal) {
    result.layer.X.data()[0] = 1e-40F;
    result.layer.dZ.data()[result.layer.dZ.size() - 1] = -1e-40F;
  }
  result.processor = random_processor(number);
  const ProcessorParameters& p = result.processor;
  result.text = fmt::format(
      "case {}: {} x={} dz={} w={} subnormal={}; groups={} pes_per_group={} lanes={} tile={} input_zeros={} "
      "weight_zeros={} pruned_gradients={} bn={}/{} update={}; again: GOLDEN_FIRST={} GOLDEN_CASES=1 test_golden "
      "--gtest_filter=GoldenRandom.Given",
      number, to_string(geometry), x, dz, w, subnormal, p.groups, p.pes_per_group, p.lanes, p.tile, p.skip_input_zeros,
      p.skip_weight_zeros, p.skip_pruned_gradients, p.batchnorm_unit, p.batchnorm_elements_per_cycle,
      p.update_elements_per_cycle, number);
  return result;
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
  const auto values = [](const Tensor& tensor) {
    std::vector<float> in_order;
    const Shape& shape = tensor.shape();
    for (int64_t n = 0; n < shape.n; ++n) {
      for (int64_t c = 0; c < shape.c; ++c) {
        for (int64_t y = 0; y < shape.h; ++y) {
          for (int64_t x = 0; x < shape.w; ++x) {
            in_order.push_back(tensor.at(n, c, y, x));
          }
        }
      }
    }
    return in_order;
  };
  result.X = values(layer.X);
  result.dZ = values(layer.dZ);
  result.unpruned = layer.pattern->mask();
  result.W.resize(result.unpruned.size());
  scatter(*layer.pattern, layer.weights, result.W);
  return result;
}

golden::Processor golden_processor(const ProcessorParameters& p) {
  golden::Processor result;
  result.groups = p.groups;
  result.pes = p.pes_per_group;
  result.lanes = p.lanes;
  result.tile = p.tile;
  result.skip_input_zeros = p.skip_input_zeros;
  result.skip_weight_zeros = p.skip_weight_zeros;
  result.skip_pruned_gradients = p.skip_pruned_gradients;
  result.decoupled_batchnorm = p.batchnorm() == BatchNormUnit::decoupled;
  result.batchnorm_elements = p.batchnorm_elements_per_cycle;
  result.update_elements = p.update_elements_per_cycle;
  return result;
}

golden::Machine& machine() {
  static golden::Machine the_machine(kMostGroups, kMostPes);
  return the_machine;
}

}  // namespace trainer::golden_test
