#include "kernels/batchnorm/batchnorm.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "kernels/batchnorm/batchnorm_case.h"

namespace trainer {
namespace {

using testing_support::awkward_shapes;
using testing_support::BatchNormCase;
using testing_support::expect_near;
using testing_support::expect_same_bits;
using testing_support::kAllPaths;
using testing_support::random_batchnorm;

/// Bounds are in units of what a rounding of FP32 can do: values of Y are about gamma * xhat, of dZ about
/// gamma * r * dY, sums over m values grow with m. `slack` widens what depends on a sum of the whole channel, which
/// oneDNN takes in FP32 throughout.
void expect_close_to_reference(KernelPath path, const std::string& name, double slack) {
  Random random(1);
  for (const Shape& shape : awkward_shapes()) {
    const std::string context = name + " " + to_string(shape);
    const BatchNormCase test = random_batchnorm(shape, random);
    const auto expected = test.run(KernelPath::reference);
    const auto actual = test.run(path);
    expect_near(actual.mean, expected.mean, 2e-6 * slack, 1e-6, context + " mean");
    expect_near(actual.variance, expected.variance, 0, 1e-5 * slack, context + " variance");

    float smallest = expected.variance[0];
    for (const float variance : expected.variance) {
      smallest = std::min(smallest, variance);
    }
    const double r = 1 / std::sqrt(static_cast<double>(smallest) + 1e-5);
    const auto m = static_cast<double>(shape.channel_size());
    expect_near(actual.Y.values(), expected.Y.values(), 2e-6 * slack * (1 + r), 1e-5 * slack, context + " Y");
    expect_near(actual.dZ.values(), expected.dZ.values(), 4e-6 * slack * (1 + r), 1e-5 * slack, context + " dZ");
    expect_near(actual.dgamma, expected.dgamma, 1e-6 * (1 + r) * m, 1e-5, context + " dgamma");
    expect_near(actual.dbeta, expected.dbeta, 1e-6 * m, 1e-5, context + " dbeta");

    const auto reference = make_batchnorm(KernelPath::reference, shape, 1e-5F);
    const auto batchnorm = make_batchnorm(path, shape, 1e-5F);
    Tensor inferred(shape);
    Tensor expected_inferred(shape);
    const std::vector<float> variance(static_cast<size_t>(shape.c), 3);
    reference->normalise(test.Z, test.gamma, test.beta, test.shift, variance, expected_inferred);
    batchnorm->normalise(test.Z, test.gamma, test.beta, test.shift, variance, inferred);
    expect_near(inferred.values(), expected_inferred.values(), 2e-6, 2e-6, context + " normalise");
  }
}

TEST(BatchNorm, ByHand) {
  // Z = 1, 3, 5, 7: mean 16/4 = 4, variance (9 + 1 + 1 + 9)/4 = 5; epsilon 4 makes r = 1/sqrt(5 + 4) = 1/3.
  // gamma 6, beta 1: Y = 6 * (Z - 4) / 3 + 1 = 2*(Z - 4) + 1.
  // dY = 1, 0, 0, 2: S1 = 3, S2 = 1*(-3) + 2*3 = 3; dbeta = 3, dgamma = r*S2 = 1.
  // a = 6/3 = 2, b = -a*r^2*S2/m = -2/9*3/4 = -1/6, c = -a*S1/m = -2*3/4 = -1.5; dZ = 2*dY - (Z - 4)/6 - 1.5.
  for (const KernelPath path : kAllPaths) {
    const std::string name(to_string(path));
    BatchNormCase test{
        Tensor({.n = 2, .c = 1, .h = 1, .w = 2}), Tensor({.n = 2, .c = 1, .h = 1, .w = 2}), {6}, {1}, {0}, 4};
    const float z[] = {1, 3, 5, 7};
    const float dy[] = {1, 0, 0, 2};
    std::copy_n(z, 4, test.Z.data());
    std::copy_n(dy, 4, test.dY.data());
    const auto result = test.run(path);
    EXPECT_FLOAT_EQ(result.mean[0], 4) << name;
    EXPECT_FLOAT_EQ(result.variance[0], 5) << name;
    const float y[] = {-5, -1, 3, 7};
    expect_near(result.Y.values(), y, 1e-6, 1e-6, name);
    EXPECT_FLOAT_EQ(result.dbeta[0], 3) << name;
    EXPECT_FLOAT_EQ(result.dgamma[0], 1) << name;
    const float dz[] = {2 + 0.5F - 1.5F, 1 / 6.0F - 1.5F, -1 / 6.0F - 1.5F, 4 - 0.5F - 1.5F};
    expect_near(result.dZ.values(), dz, 1e-6, 1e-6, name);
  }
}

TEST(BatchNorm, HighwayIsCloseToReferenceOnEveryTarget) {
  testing_support::for_each_highway_target(
      [](const std::string& target) { expect_close_to_reference(KernelPath::highway, target, 1); });
}

TEST(BatchNorm, OneDnnIsCloseToReference) { expect_close_to_reference(KernelPath::onednn, "onednn", 5); }

TEST(BatchNorm, GradientMayBeWrittenOverItsInput) {
  Random random(2);
  for (const Shape& shape : {Shape{3, 5, 5, 7}, Shape{64, 3, 40, 40}}) {
    const BatchNormCase test = random_batchnorm(shape, random);
    for (const KernelPath path : kAllPaths) {
      const auto apart = test.run(path);
      const auto batchnorm = make_batchnorm(path, shape, test.epsilon);
      Tensor gradient = test.dY.clone();
      auto dgamma = apart.dgamma;
      auto dbeta = apart.dbeta;
      batchnorm->backpropagate(gradient, test.Z, test.gamma, apart.mean, apart.variance, gradient, dgamma, dbeta);
      expect_same_bits(gradient.values(), apart.dZ.values(), fmt::format("{} {}", to_string(path), to_string(shape)));
      expect_same_bits(dgamma, apart.dgamma, "dgamma");
    }
  }
}

TEST(BatchNorm, SameForAnyThreads) {
  Random random(3);
  for (const Shape& shape : {Shape{64, 7, 20, 20}, Shape{8, 300, 3, 3}}) {
    const BatchNormCase test = random_batchnorm(shape, random);
    for (const KernelPath path : kAllPaths) {
      testing_support::expect_same_for_any_threads([&] { return test.run(path).all(); },
                                                   fmt::format("{} {}", to_string(path), to_string(shape)));
    }
  }
}

TEST(BatchNorm, RefusesAutomatic) {
  EXPECT_THROW(make_batchnorm(KernelPath::automatic, {1, 1, 1, 1}, 1e-5F), std::invalid_argument);
}

}  // namespace
}  // namespace trainer
