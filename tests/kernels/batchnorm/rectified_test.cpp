// Against BN, add and ReLU (or clipped ReLU) of the highway path one after the other: the bits must be the same.

#include "kernels/batchnorm/rectified.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/activation/relu.h"
#include "kernels/batchnorm/batchnorm_case.h"
#include "kernels/clipped_relu/clipped_relu.h"
#include "kernels/elementwise/add.h"

namespace trainer {
namespace {

using testing_support::awkward_shapes;
using testing_support::BatchNormCase;
using testing_support::expect_same_bits;
using testing_support::random_batchnorm;
using testing_support::random_tensor;

struct Result {
  std::vector<float> mean;
  std::vector<float> variance;
  Tensor A;
  Tensor dA;  // afterwards: the shortcut's gradient, where there is a shortcut
  Tensor dZ;
  std::vector<float> dgamma;
  std::vector<float> dbeta;
  Tensor inferred;

  std::vector<float> all() const {
    std::vector<float> values;
    for (const auto part : {A.values(), dA.values(), dZ.values(), inferred.values()}) {
      testing_support::append(values, part);
    }
    for (const auto& part : {mean, variance, dgamma, dbeta}) {
      testing_support::append(values, part);
    }
    return values;
  }
};

Result empty_result(const BatchNormCase& test) {
  const std::vector<float> unset(test.gamma.size(), -77);
  return {unset, unset, Tensor(test.Z.shape()), test.dY.clone(), Tensor(test.Z.shape()),
          unset, unset, Tensor(test.Z.shape())};
}

Result one_by_one(const BatchNormCase& test, const Tensor* shortcut, Ceiling ceiling) {
  Result r = empty_result(test);
  const auto batchnorm = make_batchnorm(KernelPath::highway, test.Z.shape(), test.epsilon);
  batchnorm->feedforward(test.Z, test.gamma, test.beta, test.shift, {r.mean, r.variance}, r.A);
  batchnorm->normalise(test.Z, test.gamma, test.beta, test.shift, test.gamma, r.inferred);
  for (Tensor* Y : {&r.A, &r.inferred}) {
    if (shortcut != nullptr) {
      add(KernelPath::highway, *Y, *shortcut, *Y);
    }
    if (ceiling) {
      clipped_relu_feedforward(KernelPath::highway, *ceiling, *Y, *Y);
    } else {
      relu_feedforward(KernelPath::highway, *Y, *Y);
    }
  }
  Tensor dY(test.Z.shape());
  if (ceiling) {
    clipped_relu_backpropagate(KernelPath::highway, *ceiling, r.A, r.dA, dY);
  } else {
    relu_backpropagate(KernelPath::highway, r.A, r.dA, dY);
  }
  batchnorm->backpropagate(dY, test.Z, test.gamma, r.mean, r.variance, r.dZ, r.dgamma, r.dbeta);
  if (shortcut != nullptr) {
    r.dA = dY;
  }
  return r;
}

Result rectified(const BatchNormCase& test, const Tensor* shortcut, Ceiling ceiling = {}) {
  Result r = empty_result(test);
  const RectifiedBatchNorm batchnorm(test.Z.shape(), test.epsilon);
  batchnorm.feedforward(test.Z, test.gamma, test.beta, test.shift, {r.mean, r.variance}, shortcut, ceiling, r.A);
  batchnorm.normalise(test.Z, test.gamma, test.beta, test.shift, test.gamma, shortcut, ceiling, r.inferred);
  if (shortcut != nullptr) {
    batchnorm.backpropagate_with_shortcut(r.dA, r.A, test.Z, test.gamma, r.mean, r.variance, ceiling, r.dZ, r.dgamma,
                                          r.dbeta);
  } else {
    batchnorm.backpropagate(r.dA, test.Z, test.gamma, test.beta, r.mean, r.variance, ceiling, r.dZ, r.dgamma, r.dbeta);
  }
  return r;
}

TEST(RectifiedBatchNorm, EqualsItsOperationsOneByOneOnEveryTarget) {
  Random random(1);
  for (const Shape& shape : awkward_shapes()) {
    const BatchNormCase test = random_batchnorm(shape, random);
    const Tensor shortcut = random_tensor(shape, random);
    testing_support::for_each_highway_target([&](const std::string& target) {
      for (const Ceiling ceiling : {Ceiling(), Ceiling(1.25F)}) {
        for (const Tensor* branch : {static_cast<const Tensor*>(nullptr), &shortcut}) {
          expect_same_bits(rectified(test, branch, ceiling).all(), one_by_one(test, branch, ceiling).all(),
                           fmt::format("{} {}{}{}", target, to_string(shape), branch != nullptr ? " shortcut" : "",
                                       ceiling ? " ceiling" : ""));
        }
      }
    });
  }
}

TEST(RectifiedBatchNorm, PassesOnAboutHalf) {
  // So that the comparison above is one of values, not of zeros.
  Random random(2);
  BatchNormCase test = random_batchnorm({8, 4, 16, 16}, random);
  std::fill(test.beta.begin(), test.beta.end(), 0.0F);
  const Result r = rectified(test, nullptr);
  const auto positive = std::count_if(r.A.values().begin(), r.A.values().end(), [](float a) { return a > 0; });
  EXPECT_NEAR(static_cast<double>(positive) / static_cast<double>(r.A.size()), 0.5, 0.05);
}

TEST(RectifiedBatchNorm, PassesOnWhatIsBelowTheCeilingToo) {
  Random random(6);
  const BatchNormCase test = random_batchnorm({8, 4, 16, 16}, random);
  const Result r = rectified(test, nullptr, 1.25F);
  const auto values = r.A.values();
  EXPECT_EQ(*std::ranges::max_element(values), 1.25F);
  EXPECT_GT(std::ranges::count(values, 1.25F), r.A.size() / 20);
  EXPECT_GT(std::ranges::count_if(values, [](float a) { return a > 0 && a < 1.25F; }), r.A.size() / 5);
}

TEST(RectifiedBatchNorm, WritesOverTheShortcutAndOverTheGradient) {
  Random random(3);
  const BatchNormCase test = random_batchnorm({17, 5, 5, 7}, random);
  const Tensor shortcut = random_tensor(test.Z.shape(), random);
  const RectifiedBatchNorm batchnorm(test.Z.shape(), test.epsilon);
  Result apart = rectified(test, &shortcut);
  Tensor A = shortcut.clone();
  batchnorm.feedforward(test.Z, test.gamma, test.beta, test.shift, {apart.mean, apart.variance}, &A, {}, A);
  expect_same_bits(A.values(), apart.A.values(), "A over the shortcut");

  apart = rectified(test, nullptr);
  Tensor gradient = test.dY.clone();
  batchnorm.backpropagate(gradient, test.Z, test.gamma, test.beta, apart.mean, apart.variance, {}, gradient,
                          apart.dgamma, apart.dbeta);
  expect_same_bits(gradient.values(), apart.dZ.values(), "dZ over dA");
}

TEST(RectifiedBatchNorm, KeepsNaNVisible) {
  Random random(4);
  BatchNormCase test = random_batchnorm({8, 1, 4, 4}, random);
  test.Z.data()[5] = std::nanf("");
  const Result r = rectified(test, nullptr);
  EXPECT_TRUE(std::isnan(r.A.data()[0]));  // its mean is NaN
  EXPECT_TRUE(std::isnan(r.inferred.data()[5]));
  EXPECT_FALSE(std::isnan(r.inferred.data()[4]));
}

TEST(RectifiedBatchNorm, SameForAnyThreads) {
  Random random(5);
  for (const Shape& shape : {Shape{64, 7, 20, 20}, Shape{8, 300, 3, 3}}) {
    const BatchNormCase test = random_batchnorm(shape, random);
    const Tensor shortcut = random_tensor(shape, random);
    for (const Tensor* branch : {static_cast<const Tensor*>(nullptr), &shortcut}) {
      testing_support::expect_same_for_any_threads([&] { return rectified(test, branch).all(); }, to_string(shape));
    }
  }
}

}  // namespace
}  // namespace trainer
