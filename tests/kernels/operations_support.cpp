#include "kernels/operations_support.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstring>

#include "base/parallel.h"

namespace trainer::testing_support {

Tensor random_tensor(const Shape& shape, Random& random, float mean, float deviation) {
  Tensor tensor(shape);
  for (float& value : tensor.values()) {
    value = mean + deviation * random.normal();
  }
  return tensor;
}

std::vector<float> random_values(size_t count, Random& random, float mean, float deviation) {
  std::vector<float> values(count);
  for (float& value : values) {
    value = mean + deviation * random.normal();
  }
  return values;
}

std::vector<Shape> awkward_shapes() {
  std::vector<Shape> shapes;
  for (const int64_t n : {1, 3, 8, 17, 64}) {
    shapes.push_back({n, 1, 1, 1});
    shapes.push_back({n, 5, 1, 1});
    shapes.push_back({n, 3, 5, 7});
    shapes.push_back({n, 37, 2, 3});
    shapes.push_back({n, 2, 33, 31});
  }
  shapes.push_back({64, 3, 40, 40});  // several pieces of elementwise operations, and blocks of sums
  return shapes;
}

void expect_near(std::span<const float> actual, std::span<const float> expected, double absolute, double relative,
                 const std::string& context) {
  ASSERT_EQ(actual.size(), expected.size()) << context;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double bound = absolute + relative * std::abs(static_cast<double>(expected[i]));
    const double difference = std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    if (!(difference <= bound)) {
      FAIL() << fmt::format("{}: value {} is {:.9g}, expected {:.9g}, off by {:.3g}, allowed {:.3g}", context, i,
                            actual[i], expected[i], difference, bound);
    }
  }
}

void expect_same_bits(std::span<const float> actual, std::span<const float> expected, const std::string& context) {
  ASSERT_EQ(actual.size(), expected.size()) << context;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (std::memcmp(&actual[i], &expected[i], sizeof(float)) != 0) {
      FAIL() << fmt::format("{}: value {} is {:.9g}, expected {:.9g}", context, i, actual[i], expected[i]);
    }
  }
}

void for_each_highway_target(const std::function<void(const std::string& name)>& body) {
  const std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  ASSERT_FALSE(targets.empty());
  for (const int64_t target : targets) {
    hwy::SetSupportedTargetsForTest(target);
    body(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(0);
  }
}

void expect_same_for_any_threads(const std::function<std::vector<float>()>& body, const std::string& context) {
  set_thread_count(1);
  const std::vector<float> expected = body();
  for (const int threads : {2, 3}) {
    set_thread_count(threads);
    expect_same_bits(body(), expected, fmt::format("{}, {} threads", context, threads));
  }
  set_thread_count(0);
}

double numeric_derivative(float* value, float step, const std::function<double()>& loss) {
  const float before = *value;
  const float above = before + step;
  const float below = before - step;
  *value = above;
  const double loss_above = loss();
  *value = below;
  const double loss_below = loss();
  *value = before;
  return (loss_above - loss_below) / (static_cast<double>(above) - static_cast<double>(below));
}

void append(std::vector<float>& to, std::span<const float> values) {
  to.insert(to.end(), values.begin(), values.end());
}

}  // namespace trainer::testing_support
