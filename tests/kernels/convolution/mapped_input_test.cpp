// BN's map applied as X is read: against BN's own pass followed by the convolution, bit for bit.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/cpu_features.h"
#include "base/parallel.h"
#include "kernels/batchnorm/decoupled.h"
#include "kernels/convolution/decoupled.h"
#include "kernels/convolution/problem.h"
#include "kernels/elementwise/convert.h"
#include "kernels/operations_support.h"

namespace trainer {
namespace {

using testing::Operands;

/// A map whose offsets keep padding from looking like anything that it makes.
struct Map {
  Map(const ConvolutionGeometry& geometry, Random& random, bool rectified, bool cut) : rectify(rectified) {
    for (int64_t c = 0; c < geometry.c; ++c) {
      mean.push_back(random.normal());
      scale.push_back(0.3F + random.uniform());
      offset.push_back(random.normal());
    }
    if (cut) {
      ceiling = 0.7F;
    }
  }

  InputMap view() const { return {mean, scale, offset, rectify, ceiling}; }

  std::vector<float> mean;
  std::vector<float> scale;
  std::vector<float> offset;
  bool rectify;
  float ceiling = batchnorm::kNotCut;
};

Tensor stored_in(Format format, const Tensor& tensor) {
  Tensor result(tensor.shape(), format);
  convert(tensor, result);
  return result;
}

struct Result {
  Tensor Z;
  std::vector<float> dW;
  std::vector<batchnorm::Sums> sums;

  bool operator==(const Result& other) const {
    return std::memcmp(Z.elements().data, other.Z.elements().data, static_cast<size_t>(Z.bytes())) == 0 &&
           (dW.empty() || std::memcmp(dW.data(), other.dW.data(), dW.size() * sizeof(float)) == 0) &&
           std::memcmp(sums.data(), other.sums.data(), sums.size() * sizeof(batchnorm::Sums)) == 0;
  }
};

Result empty_result(const Operands& operands, Format format) {
  return {Tensor(operands.geometry.output(), format),
          std::vector<float>(operands.W.size(), std::numeric_limits<float>::quiet_NaN()),
          std::vector<batchnorm::Sums>(static_cast<size_t>(operands.geometry.k))};
}

Result by_a_pass(KernelPath path, const Operands& operands, const Tensor& X, const InputMap& map) {
  Tensor A(X.shape(), X.format());
  apply_map(map, X, A);
  const std::vector<float> shift(static_cast<size_t>(operands.geometry.k), 0.1F);
  Result result = empty_result(operands, X.format());
  const OutputSums sums = {shift, result.sums};
  const auto convolution = make_convolution(path, operands.geometry);
  convolution->decoupled()->feedforward(A, nullptr, operands.weight(), result.Z, &sums);
  convolution->weight_gradient(stored_in(X.format(), operands.dZ), A, operands.pattern, result.dW);
  return result;
}

Result on_load(KernelPath path, const Operands& operands, const Tensor& X, const InputMap& map) {
  const std::vector<float> shift(static_cast<size_t>(operands.geometry.k), 0.1F);
  Result result = empty_result(operands, X.format());
  const OutputSums sums = {shift, result.sums};
  const auto convolution = make_convolution(path, operands.geometry);
  convolution->decoupled()->feedforward(X, &map, operands.weight(), result.Z, &sums);
  convolution->decoupled()->weight_gradient(stored_in(X.format(), operands.dZ), X, map, operands.pattern, result.dW);
  return result;
}

void try_random_problems(KernelPath path, int count, const std::string& context) {
  Random random(41);
  for (int i = 0; i < count; ++i) {
    const std::string problem = testing::random_problem(random);
    const Operands operands = testing::operands_for(path, parse_convolution_problem(problem));
    const Map map(operands.geometry, random, i % 3 != 0, i % 3 == 2);
    for (const Format format : {Format::fp32, Format::fp16}) {
      const Tensor X = stored_in(format, operands.X);
      EXPECT_TRUE(on_load(path, operands, X, map.view()) == by_a_pass(path, operands, X, map.view()))
          << problem << " " << i << " " << context;
    }
  }
}

TEST(MappedInput, HasTheBitsOfAPassBefore) {
  testing_support::for_each_highway_target(
      [](const std::string& target) { try_random_problems(KernelPath::highway, 60, target); });
}

TEST(MappedInput, HasTheBitsOfAPassBeforeInHalfArithmetic) {
  if (!cpu_has_half_arithmetic()) {
    GTEST_SKIP() << "this CPU has no " << half_arithmetic_name();
  }
  try_random_problems(KernelPath::half, 60, "half");
}

TEST(MappedInput, SameForAnyThreads) {
  Random random(42);
  for (const char* problem :
       {"n64c16k96h16r3p1d0.2", "n8c4k130h9r3p1d0.3", "n16c24k24g24h12r3p1", "n3c5k7h11r3s2p1", "n64c2k2g2h60r3p1"}) {
    const Operands operands(parse_convolution_problem(problem));
    const Map map(operands.geometry, random, true, false);
    set_thread_count(1);
    const Result one = by_a_pass(KernelPath::highway, operands, operands.X, map.view());
    for (const int threads : {1, 2, 3}) {
      set_thread_count(threads);
      EXPECT_TRUE(on_load(KernelPath::highway, operands, operands.X, map.view()) == one) << problem << " " << threads;
    }
    set_thread_count(0);
  }
}

// A = relu(1 * z + 1) of z = 1 everywhere: 2, and padding 0, not the 1 that the map makes of 0. A 3x3 kernel of ones
// sees 4 of 9 places inside at a corner, 6 at an edge.
TEST(MappedInput, LeavesPaddingZero) {
  Operands operands(parse_convolution_problem("n2c1k1h3r3p1"));
  operands.X.fill(1);
  std::ranges::fill(operands.W, 1.0F);
  const std::vector<float> zero = {0};
  const std::vector<float> one = {1};
  const InputMap map = {zero, one, one, true};
  Tensor Z(operands.geometry.output());
  const auto convolution = make_convolution(KernelPath::highway, operands.geometry);
  convolution->decoupled()->feedforward(operands.X, &map, operands.weight(), Z, nullptr);
  EXPECT_EQ(Z.at(0, 0, 0, 0), 4 * 2);
  EXPECT_EQ(Z.at(1, 0, 0, 1), 6 * 2);
  EXPECT_EQ(Z.at(1, 0, 1, 1), 9 * 2);
}

TEST(MappedInput, KeepsNaNVisible) {
  Operands operands(parse_convolution_problem("n4c2k2h4r3p1"));
  operands.X.at(1, 0, 1, 1) = std::numeric_limits<float>::quiet_NaN();
  Random random(43);
  const Map map(operands.geometry, random, true, true);
  const InputMap view = map.view();
  Tensor Z(operands.geometry.output());
  const auto convolution = make_convolution(KernelPath::highway, operands.geometry);
  convolution->decoupled()->feedforward(operands.X, &view, operands.weight(), Z, nullptr);
  EXPECT_TRUE(std::isnan(Z.at(1, 0, 1, 1)));
  EXPECT_FALSE(std::isnan(Z.at(0, 0, 1, 1)));
}

}  // namespace
}  // namespace trainer
