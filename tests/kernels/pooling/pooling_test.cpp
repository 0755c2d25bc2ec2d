#include "kernels/pooling/pooling.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>

#include "base/error.h"
#include "kernels/operations_support.h"

namespace trainer {
namespace {

using testing_support::append;
using testing_support::expect_near;
using testing_support::expect_same_bits;
using testing_support::kAllPaths;
using testing_support::random_tensor;

std::string describe(const PoolingGeometry& g) {
  return fmt::format("{} {} window {}x{} stride {} padding {}", g.kind == PoolingKind::maximum ? "maximum" : "average",
                     to_string(g.input), g.window_h, g.window_w, g.stride, g.padding);
}

struct Result {
  Tensor Y;
  Tensor dX;
};

Result run(KernelPath path, const PoolingGeometry& g, const Tensor& X, const Tensor& dY) {
  Result result{Tensor(g.output()), Tensor(g.input)};
  result.Y.fill(-77);
  result.dX.fill(-77);
  const std::unique_ptr<Pooling> pooling = make_pooling(path, g);
  pooling->feedforward(X, result.Y);
  pooling->backpropagate(dY, result.dX);
  return result;
}

/// Every N of {1, 3, 8, 17, 64} with windows that overlap, leave gaps, cover the image, and stick out.
std::vector<PoolingGeometry> geometries() {
  std::vector<PoolingGeometry> all;
  for (const PoolingKind kind : {PoolingKind::maximum, PoolingKind::average}) {
    for (const int64_t n : {1, 3, 8, 17, 64}) {
      all.push_back({kind, {n, 3, 9, 9}, 3, 3, 2, 1});
      all.push_back({kind, {n, 5, 8, 6}, 2, 2, 2, 0});
      all.push_back({kind, {n, 2, 7, 5}, 3, 3, 1, 1});
      all.push_back({kind, {n, 4, 7, 4}, 7, 4, 1, 0});  // the whole image
      all.push_back({kind, {n, 3, 1, 1}, 1, 1, 1, 0});
      all.push_back({kind, {n, 2, 10, 7}, 2, 3, 4, 1});  // gaps between windows
      all.push_back({kind, {n, 40, 5, 6}, 3, 2, 2, 1});
      all.push_back({kind, {n, 1, 1, 1}, 3, 3, 2, 1});      // one value, the rest padding
      all.push_back({kind, {n, 1, 20, 19}, 20, 19, 1, 0});  // more than 256 places
    }
  }
  return all;
}

/// Small whole numbers: many equal values in a window, and sums that are exact.
Tensor whole_numbers(const Shape& shape, Random& random, uint64_t values) {
  Tensor tensor(shape);
  for (float& value : tensor.values()) {
    value = static_cast<float>(random.below(values)) - 2;
  }
  return tensor;
}

void expect_equal_to_reference(KernelPath path, const std::string& name) {
  Random random(1);
  for (const PoolingGeometry& g : geometries()) {
    const std::string context = name + " " + describe(g);
    const Tensor X = random_tensor(g.input, random);
    const Tensor dY = random_tensor(g.output(), random);
    const Result expected = run(KernelPath::reference, g, X, dY);
    const Result actual = run(path, g, X, dY);
    if (g.kind == PoolingKind::maximum) {
      expect_same_bits(actual.Y.values(), expected.Y.values(), context);
    } else {
      expect_near(actual.Y.values(), expected.Y.values(), 1e-6, 1e-6, context);
    }
    expect_near(actual.dX.values(), expected.dX.values(), 2e-6, 1e-6, context + " BP");

    const Tensor with_ties = whole_numbers(g.input, random, 4);
    const Tensor whole_gradient = whole_numbers(g.output(), random, 9);
    const Result expected_ties = run(KernelPath::reference, g, with_ties, whole_gradient);
    const Result actual_ties = run(path, g, with_ties, whole_gradient);
    if (g.kind == PoolingKind::maximum) {
      expect_near(actual_ties.dX.values(), expected_ties.dX.values(), 0, 0, context + " BP with ties");
    }
  }
}

TEST(Pooling, HighwayEqualsReferenceOnEveryTarget) {
  testing_support::for_each_highway_target(
      [](const std::string& target) { expect_equal_to_reference(KernelPath::highway, target); });
}

TEST(Pooling, OneDnnEqualsReference) { expect_equal_to_reference(KernelPath::onednn, "onednn"); }

TEST(Pooling, MaximumByHand) {
  // 1 5 5    3x3 window, stride 2, padding 1 on 3x3: windows over rows {0,1} or {1,2} and columns {0,1} or {1,2}.
  // 5 2 0    Maxima: 5 (first at 0,1), 5 (first at 0,1), 7 (at 2,0), 4 (at 2,2).
  // 7 3 4
  for (const KernelPath path : kAllPaths) {
    const PoolingGeometry g{PoolingKind::maximum, {1, 1, 3, 3}, 3, 3, 2, 1};
    Tensor X(g.input);
    const float x[] = {1, 5, 5, 5, 2, 0, 7, 3, 4};
    std::copy_n(x, 9, X.data());
    Tensor dY(g.output());
    const float dy[] = {1, 10, 100, 1000};
    std::copy_n(dy, 4, dY.data());
    const Result result = run(path, g, X, dY);
    const float y[] = {5, 5, 7, 4};
    expect_same_bits(result.Y.values(), y, std::string(to_string(path)));
    const float dx[] = {0, 1 + 10, 0, 0, 0, 0, 100, 0, 1000};
    expect_near(result.dX.values(), dx, 0, 0, std::string(to_string(path)));
  }
}

TEST(Pooling, AverageByHand) {
  // 2x2 windows, stride 1, padding 1 on the 1x2 image (8, 4); the padding counts: Y = sum / 4.
  // Rows of Y: {padding, image} and {image, padding}, both 8/4, (8 + 4)/4, 4/4.
  // dX of 8: windows 0, 1 of both rows; of 4: windows 1, 2 of both rows; each a quarter.
  for (const KernelPath path : kAllPaths) {
    const PoolingGeometry g{PoolingKind::average, {1, 1, 1, 2}, 2, 2, 1, 1};
    Tensor X(g.input);
    X.data()[0] = 8;
    X.data()[1] = 4;
    Tensor dY(g.output());
    const float dy[] = {4, 8, 12, 40, 80, 120};
    std::copy_n(dy, 6, dY.data());
    const Result result = run(path, g, X, dY);
    const float y[] = {2, 3, 1, 2, 3, 1};
    expect_same_bits(result.Y.values(), y, std::string(to_string(path)));
    const float dx[] = {1 + 2 + 10 + 20, 2 + 3 + 20 + 30};
    expect_same_bits(result.dX.values(), dx, std::string(to_string(path)));
  }
}

TEST(Pooling, FirstOfEqualValuesGetsTheGradientOnEveryPath) {
  const PoolingGeometry g{PoolingKind::maximum, {17, 2, 4, 4}, 4, 4, 1, 0};
  Tensor X(g.input);
  X.fill(3);
  Tensor dY(g.output());
  dY.fill(5);
  for (const KernelPath path : kAllPaths) {
    const Result result = run(path, g, X, dY);
    for (int64_t i = 0; i < g.input.h * g.input.w; ++i) {
      EXPECT_EQ(result.dX.at(16, 1, i / 4, i % 4), i == 0 ? 5 : 0) << to_string(path) << " " << i;
    }
  }
}

TEST(Pooling, PaddingNeverWins) {
  const PoolingGeometry g{PoolingKind::maximum, {8, 1, 3, 3}, 3, 3, 2, 1};
  Tensor X(g.input);
  X.fill(-5);
  const Tensor dY(g.output());
  for (const KernelPath path : kAllPaths) {
    const Result result = run(path, g, X, dY);
    for (const float y : result.Y.values()) {
      EXPECT_EQ(y, -5) << to_string(path);
    }
  }
}

TEST(Pooling, GradientIsTheNumericDerivative) {
  Random random(2);
  for (const PoolingKind kind : {PoolingKind::maximum, PoolingKind::average}) {
    for (const PoolingGeometry& g :
         {PoolingGeometry{kind, {3, 2, 5, 5}, 3, 3, 2, 1}, PoolingGeometry{kind, {1, 1, 4, 6}, 2, 3, 1, 1},
          PoolingGeometry{kind, {2, 1, 4, 4}, 4, 4, 1, 0}}) {
      Tensor X(g.input);  // far enough apart that the step below changes no winner
      std::vector<uint32_t> order = shuffled(static_cast<uint32_t>(X.size()), random);
      for (size_t i = 0; i < order.size(); ++i) {
        X.data()[i] = static_cast<float>(order[i]) / 16;
      }
      const Tensor dY = random_tensor(g.output(), random);
      const auto loss = [&] {
        Tensor Y(g.output());
        make_pooling(KernelPath::reference, g)->feedforward(X, Y);
        double sum = 0;
        for (int64_t i = 0; i < Y.size(); ++i) {
          sum += static_cast<double>(Y.data()[i]) * static_cast<double>(dY.data()[i]);
        }
        return sum;
      };
      for (const KernelPath path : kAllPaths) {
        const Result result = run(path, g, X, dY);
        for (int64_t i = 0; i < X.size(); ++i) {
          const double numeric = testing_support::numeric_derivative(&X.data()[i], 1.0F / 64, loss);
          EXPECT_NEAR(result.dX.data()[i], numeric, 1e-4) << to_string(path) << " " << describe(g) << " " << i;
        }
      }
    }
  }
}

TEST(Pooling, NaNAndInfinity) {
  testing_support::for_each_highway_target([](const std::string& target) {
    for (const KernelPath path : {KernelPath::reference, KernelPath::highway}) {
      const PoolingGeometry g{PoolingKind::maximum, {19, 1, 1, 3}, 1, 3, 1, 0};
      Tensor X(g.input);
      X.fill(-std::numeric_limits<float>::infinity());
      X.at(18, 0, 0, 1) = std::numeric_limits<float>::quiet_NaN();
      Tensor dY(g.output());
      dY.fill(1);
      const Result result = run(path, g, X, dY);
      EXPECT_EQ(result.Y.at(0, 0, 0, 0), -std::numeric_limits<float>::infinity()) << target;
      EXPECT_EQ(result.dX.at(0, 0, 0, 0), 1) << target;
      EXPECT_TRUE(std::isnan(result.Y.at(18, 0, 0, 0))) << target;
      EXPECT_EQ(result.dX.at(18, 0, 0, 1), 1) << target;
    }
  });
}

TEST(Pooling, SameForAnyThreads) {
  Random random(3);
  for (const PoolingKind kind : {PoolingKind::maximum, PoolingKind::average}) {
    for (const Shape& shape : {Shape{64, 7, 20, 20}, Shape{3, 300, 5, 5}}) {
      const PoolingGeometry g{kind, shape, 3, 3, 2, 1};
      const Tensor X = random_tensor(g.input, random);
      const Tensor dY = random_tensor(g.output(), random);
      for (const KernelPath path : kAllPaths) {
        testing_support::expect_same_for_any_threads(
            [&] {
              const Result result = run(path, g, X, dY);
              std::vector<float> values;
              append(values, result.Y.values());
              append(values, result.dX.values());
              return values;
            },
            fmt::format("{} {}", to_string(path), describe(g)));
      }
    }
  }
}

TEST(Pooling, RefusesWindowsThatDoNotFit) {
  const auto message = [](const PoolingGeometry& g) -> std::string {
    try {
      make_pooling(KernelPath::reference, g);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  const auto maximum = PoolingKind::maximum;
  EXPECT_EQ(
      message({maximum, {1, 2, 4, 4}, 7, 7, 1, 0}),
      "pooling window 7x7, stride 1, padding 0 on input 1x2x4x4: the window is larger than the padded input; use a "
      "smaller window or a larger image");
  EXPECT_NE(message({maximum, {1, 2, 4, 4}, 2, 2, 0, 0}), "accepted");
  EXPECT_NE(message({maximum, {1, 2, 4, 4}, 0, 2, 1, 0}), "accepted");
  EXPECT_NE(message({maximum, {1, 2, 4, 4}, 2, 2, 1, -1}), "accepted");
  EXPECT_NE(message({maximum, {1, 2, 4, 4}, 2, 2, 1, 2}), "accepted");
  EXPECT_NE(message({maximum, {1, 2, 4, 4}, 1, 3, 1, 1}), "accepted");
  EXPECT_NE(message({maximum, {1, 1, 257, 256}, 257, 256, 1, 0}), "accepted");
  EXPECT_EQ(message({PoolingKind::average, {1, 1, 257, 256}, 257, 256, 1, 0}), "accepted");
  EXPECT_EQ(message({maximum, {1, 1, 256, 256}, 256, 256, 1, 0}), "accepted");
  EXPECT_THROW(make_pooling(KernelPath::automatic, {maximum, {1, 1, 2, 2}}), std::invalid_argument);
}

TEST(Pooling, LastPlaceOfTheLargestWindow) {
  const PoolingGeometry g{PoolingKind::maximum, {1, 1, 256, 256}, 256, 256, 1, 0};
  Tensor X(g.input);
  X.at(0, 0, 255, 255) = 1;  // place 65535
  Tensor dY(g.output());
  dY.fill(2);
  for (const KernelPath path : kAllPaths) {
    EXPECT_EQ(run(path, g, X, dY).dX.at(0, 0, 255, 255), 2) << to_string(path);
  }
}

}  // namespace
}  // namespace trainer
