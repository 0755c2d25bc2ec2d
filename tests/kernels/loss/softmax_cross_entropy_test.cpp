#include "kernels/loss/softmax_cross_entropy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "kernels/operations_support.h"

namespace trainer {
namespace {

using testing_support::expect_near;
using testing_support::expect_same_bits;
using testing_support::random_tensor;

std::vector<int32_t> random_labels(size_t count, int64_t classes, Random& random) {
  std::vector<int32_t> labels(count);
  for (int32_t& label : labels) {
    label = static_cast<int32_t>(random.below(static_cast<uint64_t>(classes)));
  }
  return labels;
}

TEST(SoftmaxCrossEntropy, TwoClassesByHand) {
  // Logits 0 and ln 3: softmax 1/(1+3) = 0.25 and 3/(1+3) = 0.75.
  Tensor logits(Shape{.n = 1, .c = 2});
  logits.at(0, 1, 0, 0) = std::log(3.0F);
  Tensor gradient(logits.shape());
  const std::vector<int32_t> labels = {0};
  const LossResult result = softmax_cross_entropy(logits, labels, 0, gradient);
  EXPECT_NEAR(result.mean_loss, std::log(4.0), 1e-7);  // -ln 0.25
  EXPECT_EQ(result.correct, 0);
  EXPECT_NEAR(gradient.at(0, 0, 0, 0), -0.75, 1e-7);  // 0.25 - 1
  EXPECT_NEAR(gradient.at(0, 1, 0, 0), 0.75, 1e-7);   // 0.75 - 0
}

TEST(SoftmaxCrossEntropy, SmoothingByHand) {
  // As above with smoothing 0.2 over 2 classes: targets 0.8 + 0.1 = 0.9 and 0.1.
  // Loss 0.9 * ln 4 + 0.1 * (ln 4 - ln 3) = ln 4 - 0.1 * ln 3.
  Tensor logits(Shape{.n = 1, .c = 2});
  logits.at(0, 1, 0, 0) = std::log(3.0F);
  Tensor gradient(logits.shape());
  const std::vector<int32_t> labels = {0};
  const LossResult result = softmax_cross_entropy(logits, labels, 0.2F, gradient);
  EXPECT_NEAR(result.mean_loss, std::log(4.0) - 0.1 * std::log(3.0), 1e-7);
  EXPECT_NEAR(gradient.at(0, 0, 0, 0), 0.25 - 0.9, 1e-7);
  EXPECT_NEAR(gradient.at(0, 1, 0, 0), 0.75 - 0.1, 1e-7);
}

TEST(SoftmaxCrossEntropy, GradientIsTheNumericDerivative) {
  Random random(1);
  for (const Shape& shape : {Shape{.n = 1, .c = 1}, Shape{.n = 3, .c = 7}, Shape{.n = 17, .c = 10}}) {
    for (const float smoothing : {0.0F, 0.1F}) {
      Tensor logits = random_tensor(shape, random, 0, 2);
      const auto labels = random_labels(static_cast<size_t>(shape.n), shape.c, random);
      Tensor gradient(shape);
      softmax_cross_entropy(logits, labels, smoothing, gradient);
      Tensor none;
      for (int64_t i = 0; i < logits.size(); ++i) {
        const double numeric = testing_support::numeric_derivative(&logits.data()[i], 1.0F / 256, [&] {
          return softmax_cross_entropy(logits, labels, smoothing, none).mean_loss;
        });
        EXPECT_NEAR(gradient.data()[i], numeric, 2e-6) << to_string(shape) << " logit " << i;
      }
    }
  }
}

TEST(SoftmaxCrossEntropy, GradientsOfAnImageAddToZero) {
  Random random(2);
  const Tensor logits = random_tensor({.n = 5, .c = 100}, random, 0, 3);
  Tensor gradient(logits.shape());
  softmax_cross_entropy(logits, random_labels(5, 100, random), 0.1F, gradient);
  for (int64_t n = 0; n < 5; ++n) {
    double sum = 0;
    for (int64_t c = 0; c < 100; ++c) {
      sum += gradient.at(n, c, 0, 0);
    }
    EXPECT_NEAR(sum, 0, 1e-7);
  }
}

TEST(SoftmaxCrossEntropy, PaddingImagesDoNotCount) {
  Random random(3);
  Tensor logits = random_tensor({.n = 8, .c = 10}, random);
  const auto labels = random_labels(5, 10, random);
  Tensor three_fewer(Shape{.n = 5, .c = 10});
  for (int64_t n = 0; n < 5; ++n) {
    for (int64_t c = 0; c < 10; ++c) {
      three_fewer.at(n, c, 0, 0) = logits.at(n, c, 0, 0);
    }
  }
  logits.at(6, 2, 0, 0) = std::numeric_limits<float>::quiet_NaN();  // in the padding
  Tensor gradient(logits.shape());
  gradient.fill(9);
  Tensor expected(three_fewer.shape());
  const LossResult padded = softmax_cross_entropy(logits, labels, 0.1F, gradient);
  const LossResult exact = softmax_cross_entropy(three_fewer, labels, 0.1F, expected);
  EXPECT_EQ(padded.mean_loss, exact.mean_loss);
  EXPECT_EQ(padded.correct, exact.correct);
  for (int64_t n = 0; n < 8; ++n) {
    for (int64_t c = 0; c < 10; ++c) {
      EXPECT_EQ(gradient.at(n, c, 0, 0), n < 5 ? expected.at(n, c, 0, 0) : 0.0F) << n << " " << c;
    }
  }
}

TEST(SoftmaxCrossEntropy, NoImagesNoLoss) {
  Tensor logits(Shape{.n = 2, .c = 3});
  Tensor gradient(logits.shape());
  gradient.fill(9);
  const LossResult result = softmax_cross_entropy(logits, {}, 0, gradient);
  EXPECT_EQ(result.mean_loss, 0);
  EXPECT_EQ(result.correct, 0);
  const std::vector<float> zeros(6, 0);
  expect_same_bits(gradient.values(), zeros, "gradient");
}

TEST(SoftmaxCrossEntropy, TheFirstOfEqualLogitsWins) {
  Tensor logits(Shape{.n = 3, .c = 3});
  logits.fill(2);
  Tensor none;
  const std::vector<int32_t> labels = {0, 1, 2};
  EXPECT_EQ(softmax_cross_entropy(logits, labels, 0, none).correct, 1);
}

TEST(SoftmaxCrossEntropy, LargeAndInfiniteLogits) {
  Tensor logits(Shape{.n = 1, .c = 3});
  logits.at(0, 0, 0, 0) = 30000;
  logits.at(0, 1, 0, 0) = 29999;
  logits.at(0, 2, 0, 0) = -std::numeric_limits<float>::infinity();
  Tensor gradient(logits.shape());
  const std::vector<int32_t> labels = {1};
  const LossResult result = softmax_cross_entropy(logits, labels, 0, gradient);
  EXPECT_NEAR(result.mean_loss, 1 + std::log1p(std::exp(-1.0)), 1e-10);  // ln(e^0 + e^-1) - (-1)
  EXPECT_EQ(gradient.at(0, 2, 0, 0), 0);
}

TEST(SoftmaxCrossEntropy, NaNShowsAndIsNeverCorrect) {
  Tensor logits(Shape{.n = 1, .c = 3});
  logits.at(0, 0, 0, 0) = 1;
  logits.at(0, 1, 0, 0) = std::numeric_limits<float>::quiet_NaN();
  Tensor none;
  for (const int32_t label : {0, 1, 2}) {
    const LossResult result = softmax_cross_entropy(logits, std::vector<int32_t>{label}, 0, none);
    EXPECT_TRUE(std::isnan(result.mean_loss));
    EXPECT_EQ(result.correct, 0);
  }
}

TEST(SoftmaxCrossEntropy, GradientMayOverwriteTheLogits) {
  Random random(4);
  const Tensor logits = random_tensor({.n = 17, .c = 10}, random);
  const auto labels = random_labels(17, 10, random);
  Tensor expected(logits.shape());
  softmax_cross_entropy(logits, labels, 0.1F, expected);
  Tensor in_place = logits.clone();
  softmax_cross_entropy(in_place, labels, 0.1F, in_place);
  expect_same_bits(in_place.values(), expected.values(), "in place");
}

TEST(SoftmaxCrossEntropy, SameForAnyThreads) {
  Random random(5);
  const Tensor logits = random_tensor({.n = 67, .c = 100}, random);
  const auto labels = random_labels(61, 100, random);
  testing_support::expect_same_for_any_threads(
      [&] {
        Tensor gradient(logits.shape());
        const LossResult result = softmax_cross_entropy(logits, labels, 0.1F, gradient);
        std::vector<float> values(gradient.values().begin(), gradient.values().end());
        values.push_back(static_cast<float>(result.mean_loss * 1e6));
        return values;
      },
      "loss");
}

TEST(SoftmaxCrossEntropy, RefusesImpossibleLabelsAndSmoothing) {
  const Tensor logits(Shape{.n = 2, .c = 10});
  Tensor none;
  const auto message = [&](std::vector<int32_t> labels, float smoothing) -> std::string {
    try {
      softmax_cross_entropy(logits, labels, smoothing, none);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(
      message({3, 10}, 0),
      "image 1 of the batch has label 10, but the network has 10 outputs: labels must be 0 to 9; give the network "
      "as many classes as the data set has");
  EXPECT_NE(message({-1}, 0), "accepted");
  EXPECT_NE(message({1}, 1.0F), "accepted");
  EXPECT_NE(message({1}, -0.1F), "accepted");
  EXPECT_NE(message({1}, std::numeric_limits<float>::quiet_NaN()), "accepted");
  EXPECT_EQ(message({9}, 0.1F), "accepted");
}

}  // namespace
}  // namespace trainer
