// Sums are in the processor's order: computed here with loops of their own, from the places of each value.

#include "kernels/convolution/processor_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "kernels/convolution/problem.h"
#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/round_values.h"

namespace trainer {
namespace {

using testing::Operands;

const KernelPath kFastPaths[] = {KernelPath::highway, KernelPath::reference};

/// Operands of a random problem, rounded to what the processor multiplies.
Operands rounded_operands(const std::string& problem, const FloatFormat& forward, const FloatFormat& gradient,
                          int scale) {
  Operands operands(parse_convolution_problem(problem));
  const auto round = [](const ScaledFormat& format, std::span<float> values) {
    round_values(format, Overflow::saturate, values, values);
  };
  round({forward, scale}, operands.X.values());
  round({forward, -scale}, operands.W);
  round({gradient, 2 * scale}, operands.dZ.values());
  return operands;
}

/// The weight's values with zeros where it is pruned, [k][column].
std::vector<float> dense(const Operands& operands) {
  const ConvolutionGeometry& g = operands.geometry;
  std::vector<float> result(static_cast<size_t>(g.weight_rows() * g.weight_columns()), 0.0F);
  for (int64_t k = 0; k < g.k; ++k) {
    const auto row = static_cast<size_t>(k);
    for (uint32_t i = operands.pattern->row_begin()[row]; i < operands.pattern->row_begin()[row + 1]; ++i) {
      result[static_cast<size_t>(k * g.weight_columns() + operands.pattern->column_at(k, i))] = operands.W[i];
    }
  }
  return result;
}

float input_at(const Operands& operands, int64_t n, int64_t c, int64_t h, int64_t w) {
  const ConvolutionGeometry& g = operands.geometry;
  return h < 0 || h >= g.h || w < 0 || w >= g.w ? 0.0F : operands.X.at(n, c, h, w);
}

float expected_output(const Operands& operands, const std::vector<float>& W, int64_t slices, int64_t n, int64_t k,
                      int64_t p, int64_t q) {
  const ConvolutionGeometry& g = operands.geometry;
  const int64_t first = k / (g.k / g.groups) * (g.c / g.groups);
  float sum = 0;
  int64_t column = 0;
  for (int64_t d = 0; d < slices; ++d) {
    float slice_sum = 0;
    for (; column < (d + 1) * (g.c / g.groups) / slices * g.r * g.s; ++column) {
      const int64_t h = p * g.stride - g.padding + column / g.s % g.r * g.dilation;
      const int64_t w = q * g.stride - g.padding + column % g.s * g.dilation;
      slice_sum += W[static_cast<size_t>(k * g.weight_columns() + column)] *
                   input_at(operands, n, first + column / (g.r * g.s), h, w);
    }
    sum += slice_sum;
  }
  return sum;
}

float expected_input_gradient(const Operands& operands, const std::vector<float>& W, int64_t slices, int64_t n,
                              int64_t c, int64_t h, int64_t w) {
  const ConvolutionGeometry& g = operands.geometry;
  const int64_t own = c % (g.c / g.groups);
  const int64_t outputs = g.k / g.groups;
  const int64_t first = c / (g.c / g.groups) * outputs;
  float sum = 0;
  int64_t k = first;
  for (int64_t d = 0; d < slices; ++d) {
    float slice_sum = 0;
    for (; k < first + (d + 1) * outputs / slices; ++k) {
      for (int64_t position = 0; position < g.r * g.s; ++position) {
        const int64_t p = h + g.padding - position / g.s * g.dilation;
        const int64_t q = w + g.padding - position % g.s * g.dilation;
        if (p >= 0 && q >= 0 && p % g.stride == 0 && q % g.stride == 0 && p / g.stride < g.p() &&
            q / g.stride < g.q()) {
          slice_sum += W[static_cast<size_t>(k * g.weight_columns() + own * g.r * g.s + position)] *
                       operands.dZ.at(n, k, p / g.stride, q / g.stride);
        }
      }
    }
    sum += slice_sum;
  }
  return sum;
}

float expected_weight_gradient(const Operands& operands, int64_t tile_places, int64_t k, int64_t column) {
  const ConvolutionGeometry& g = operands.geometry;
  const int64_t c = k / (g.k / g.groups) * (g.c / g.groups) + column / (g.r * g.s);
  const int64_t batch = 8 * ((g.n + 7) / 8);
  const int64_t places = g.p() * g.q() * batch;
  float sum = 0;
  for (int64_t tile = 0; tile < places; tile += tile_places) {
    float tile_sum = 0;
    for (int64_t place = tile; place < std::min(tile + tile_places, places); ++place) {
      const int64_t n = place % batch;
      const int64_t p = place / batch / g.q();
      const int64_t q = place / batch % g.q();
      if (n < g.n) {
        tile_sum += operands.dZ.at(n, k, p, q) * input_at(operands, n, c,
                                                          p * g.stride - g.padding + column / g.s % g.r * g.dilation,
                                                          q * g.stride - g.padding + column % g.s * g.dilation);
      }
    }
    sum += tile_sum;
  }
  return sum;
}

void expect_processor_order(const std::string& problem, const Operands& operands, const ProcessorOrder& order = {}) {
  const ConvolutionGeometry& g = operands.geometry;
  const ContractionValues values = contract_in_processor_order(g, operands.X, operands.weight(), operands.dZ, order);
  const std::vector<float> W = dense(operands);
  for (int64_t n = 0; n < g.n; ++n) {
    for (int64_t k = 0; k < g.k; ++k) {
      for (int64_t position = 0; position < g.p() * g.q(); ++position) {
        const int64_t p = position / g.q();
        const int64_t q = position % g.q();
        ASSERT_EQ(values.Z.at(n, k, p, q), expected_output(operands, W, order.slices, n, k, p, q)) << problem;
      }
    }
    for (int64_t c = 0; c < g.c; ++c) {
      for (int64_t position = 0; position < g.h * g.w; ++position) {
        const int64_t h = position / g.w;
        const int64_t w = position % g.w;
        ASSERT_EQ(values.dX.at(n, c, h, w), expected_input_gradient(operands, W, order.slices, n, c, h, w)) << problem;
      }
    }
  }
  for (int64_t k = 0; k < g.k; ++k) {
    const auto row = static_cast<size_t>(k);
    for (uint32_t i = operands.pattern->row_begin()[row]; i < operands.pattern->row_begin()[row + 1]; ++i) {
      ASSERT_EQ(values.dW[i], expected_weight_gradient(operands, order.tile, k, operands.pattern->column_at(k, i)))
          << problem;
    }
  }
}

TEST(ProcessorOrder, IsThatOfTheDocuments) {
  Random random(31);
  for (int i = 0; i < 40; ++i) {
    const std::string problem = testing::random_problem(random);
    expect_processor_order(problem, rounded_operands(problem, kE4M3, kE5M2, i % 7 - 3));
    expect_processor_order(problem, rounded_operands(problem, kBinary16, kBinary16, 0));
  }
  // Many tiles in WG, whose borders fall among the images of one position.
  for (const char* problem : {"n12c3k4h16r3p1", "n9c2k2h12r3s2p1d0.5", "n40c2k3h7r1", "n600c5k3h1r1"}) {
    expect_processor_order(problem, rounded_operands(problem, kBinary16, kBinary16, 0));
  }
}

TEST(ProcessorOrder, SlicesAndTilesOfAnySize) {
  Random random(33);
  for (int i = 0; i < 24; ++i) {
    const std::string problem = testing::random_problem(random);
    expect_processor_order(problem, rounded_operands(problem, kBinary16, kBinary16, 0),
                           {.slices = 1 << (i % 5), .tile = 64 << (i % 4)});
  }
}

TEST(ProcessorOrder, SlicesMakeADifference) {
  const Operands operands = rounded_operands("n2c16k16h8r3p1", kBinary16, kBinary16, 0);
  const auto values = [&](const ProcessorOrder& order) {
    return contract_in_processor_order(operands.geometry, operands.X, operands.weight(), operands.dZ, order);
  };
  const ContractionValues whole = values({});
  const ContractionValues cut = values({.slices = 4});
  const auto differ = [](const Tensor& a, const Tensor& b) { return !std::ranges::equal(a.values(), b.values()); };
  EXPECT_TRUE(differ(whole.Z, cut.Z));
  EXPECT_TRUE(differ(whole.dX, cut.dX));
  EXPECT_EQ(whole.dW, cut.dW);
  EXPECT_NE(whole.dW, values({.tile = 64}).dW);
}

TEST(ProcessorOrder, TheOrderOfWeightGradientsMakesADifference) {
  const char* problem = "n12c3k4h16r3p1";
  const Operands operands = rounded_operands(problem, kBinary16, kBinary16, 0);
  const ContractionValues values =
      contract_in_processor_order(operands.geometry, operands.X, operands.weight(), operands.dZ);
  std::vector<float> dW(operands.W.size());
  make_convolution(KernelPath::highway, operands.geometry)
      ->weight_gradient(operands.dZ, operands.X, operands.pattern, dW);
  EXPECT_NE(dW, values.dW);
}

// FF and BP of the path that trains sparse networks are the processor's, in every storage format.
TEST(ProcessorOrder, HighwayAddsForwardAndBackwardInIt) {
  Random random(32);
  for (int i = 0; i < 150; ++i) {
    const std::string problem = testing::random_problem(random);
    const bool half = i % 2 == 0;
    const Operands operands =
        half ? rounded_operands(problem, kBinary16, kBinary16, 0) : rounded_operands(problem, kE4M3, kE5M2, i % 7 - 3);
    const ConvolutionGeometry& g = operands.geometry;
    const ContractionValues expected = contract_in_processor_order(g, operands.X, operands.weight(), operands.dZ);
    const auto stored = [half](const Tensor& values) {
      Tensor result(values.shape(), half ? Format::fp16 : Format::fp32);
      convert(values, result);
      return result;
    };
    const auto same = [](const Tensor& a, const Tensor& b) {
      return std::memcmp(a.elements().data, b.elements().data, static_cast<size_t>(a.bytes())) == 0;
    };
    for (const KernelPath path : kFastPaths) {
      const auto convolution = make_convolution(path, g);
      Tensor Z = stored(Tensor(g.output()));
      convolution->feedforward(stored(operands.X), operands.weight(), Z);
      EXPECT_TRUE(same(Z, stored(expected.Z))) << problem << " Z " << to_string(path);
      Tensor dX = stored(Tensor(g.input()));
      convolution->backpropagate(stored(operands.dZ), operands.weight(), dX, false);
      EXPECT_TRUE(same(dX, stored(expected.dX))) << problem << " dX " << to_string(path);
      // Accumulating: what is there, and then the finished sum.
      Tensor start(g.input());
      std::copy_n(operands.dX.data(), operands.dX.size(), start.data());
      round_values({kBinary16, 0}, Overflow::saturate, start.values(), start.values());
      Tensor accumulated = stored(start);
      convolution->backpropagate(stored(operands.dZ), operands.weight(), accumulated, true);
      for (int64_t at = 0; at < start.size(); ++at) {
        start.data()[at] += expected.dX.data()[at];
      }
      EXPECT_TRUE(same(accumulated, stored(start))) << problem << " accumulated dX " << to_string(path);
    }
  }
}

}  // namespace
}  // namespace trainer
