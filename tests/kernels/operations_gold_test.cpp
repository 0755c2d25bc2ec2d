// Against PyTorch: tests/gold/operations.json, made by tests/gold/operations.py.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/batchnorm/batchnorm_case.h"
#include "kernels/loss/softmax_cross_entropy.h"
#include "kernels/operations_support.h"
#include "kernels/pooling/pooling.h"

namespace trainer {
namespace {

using nlohmann::json;
using testing_support::kAllPaths;

json gold() {
  std::ifstream file(TRAINER_TEST_DATA "/operations.json");
  EXPECT_TRUE(file) << "missing " TRAINER_TEST_DATA "/operations.json";
  return json::parse(file);
}

Shape shape_of(const json& numbers) { return {numbers.at(0), numbers.at(1), numbers.at(2), numbers.at(3)}; }

/// PyTorch's N, C, H, W order to ours.
Tensor tensor_of(const json& values, const Shape& shape) {
  Tensor tensor(shape);
  EXPECT_EQ(static_cast<int64_t>(values.size()), shape.size());
  size_t i = 0;
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t c = 0; c < shape.c; ++c) {
      for (int64_t h = 0; h < shape.h; ++h) {
        for (int64_t w = 0; w < shape.w; ++w) {
          tensor.at(n, c, h, w) = values.at(i++);
        }
      }
    }
  }
  return tensor;
}

/// Within 1e-5 of the largest value, or what is given: relative to each alone it would be a test of cancellation, not
/// of agreement.
void expect_agrees(std::span<const float> actual, std::span<const float> expected, const std::string& context,
                   double tolerance = 1e-5) {
  double largest = 0;
  for (const float value : expected) {
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  }
  ASSERT_GT(largest, 0) << context;
  testing_support::expect_near(actual, expected, tolerance * largest, 0, context);
}

// A mean of d standard deviations, rounded to FP32, is off by up to d * 2^-24 of them; sum(dY) carries that into
// dgamma.
TEST(Gold, BatchNorm) {
  const json cases = gold();
  for (const json& entry : cases.at("batchnorm")) {
    const Shape shape = shape_of(entry.at("shape"));
    const auto vector_of = [&](const char* name) { return entry.at(name).get<std::vector<float>>(); };
    const testing_support::BatchNormCase test{tensor_of(entry.at("Z"), shape), tensor_of(entry.at("dY"), shape),
                                              vector_of("gamma"), vector_of("beta"),
                                              std::vector<float>(static_cast<size_t>(shape.c), 0)};
    const double deviations = entry.at("deviations");
    const double tolerance = 1e-5 * (1 + deviations / 25);
    for (const KernelPath path : kAllPaths) {
      if (path == KernelPath::onednn && deviations > 25) {
        continue;  // takes its sums without a shift
      }
      const std::string context =
          fmt::format("{} {}, mean of {} deviations", to_string(path), to_string(shape), deviations);
      const auto result = test.run(path);
      expect_agrees(result.Y.values(), tensor_of(entry.at("Y"), shape).values(), context + " Y", tolerance);
      expect_agrees(result.mean, vector_of("mean"), context + " mean");
      expect_agrees(result.variance, vector_of("variance"), context + " variance", tolerance);
      expect_agrees(result.dZ.values(), tensor_of(entry.at("dZ"), shape).values(), context + " dZ", tolerance);
      expect_agrees(result.dgamma, vector_of("dgamma"), context + " dgamma", tolerance);
      expect_agrees(result.dbeta, vector_of("dbeta"), context + " dbeta");
    }
  }
}

TEST(Gold, Pooling) {
  const json cases = gold();
  for (const json& entry : cases.at("pooling")) {
    const PoolingGeometry g{entry.at("kind") == "maximum" ? PoolingKind::maximum : PoolingKind::average,
                            shape_of(entry.at("shape")),
                            entry.at("window").at(0),
                            entry.at("window").at(1),
                            entry.at("stride"),
                            entry.at("padding")};
    for (const KernelPath path : kAllPaths) {
      const std::string context = fmt::format("{} {}", to_string(path), entry.at("kind").get<std::string>());
      const auto pooling = make_pooling(path, g);
      Tensor Y(g.output());
      Tensor dX(g.input);
      pooling->feedforward(tensor_of(entry.at("X"), g.input), Y);
      pooling->backpropagate(tensor_of(entry.at("dY"), g.output()), dX);
      expect_agrees(Y.values(), tensor_of(entry.at("Y"), g.output()).values(), context + " Y");
      expect_agrees(dX.values(), tensor_of(entry.at("dX"), g.input).values(), context + " dX");
    }
  }
}

TEST(Gold, SoftmaxCrossEntropy) {
  const json cases = gold();
  for (const json& entry : cases.at("cross_entropy")) {
    const Shape shape = shape_of(entry.at("shape"));
    Tensor gradient(shape);
    const LossResult result =
        softmax_cross_entropy(tensor_of(entry.at("logits"), shape), entry.at("labels").get<std::vector<int32_t>>(),
                              entry.at("smoothing"), gradient);
    EXPECT_NEAR(result.mean_loss, entry.at("loss"), 1e-5 * entry.at("loss").get<double>());
    EXPECT_EQ(result.correct, entry.at("correct"));
    expect_agrees(gradient.values(), tensor_of(entry.at("dlogits"), shape).values(), "dlogits");
  }
}

}  // namespace
}  // namespace trainer
