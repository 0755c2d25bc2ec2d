#include <gtest/gtest.h>

#include <functional>

#include "kernels/convolution/problem.h"

namespace trainer {
namespace {

struct Kind {
  const char* name;
  std::function<bool(const ConvolutionProblem&)> is_one;
};

// A suite over random problems says something about a kind of convolution only where it meets some.
TEST(RandomProblems, HoldEveryKindOfConvolution) {
  const auto square_kernel = [](int64_t size) {
    return [size](const ConvolutionProblem& p) { return p.geometry.r == size && p.geometry.s == size; };
  };
  const auto depthwise = [](const ConvolutionGeometry& g) { return g.groups > 1 && g.groups == g.c; };
  const Kind kinds[] = {
      {"1x1", square_kernel(1)},
      {"3x3", square_kernel(3)},
      {"7x7", square_kernel(7)},
      {"a kernel that is not square", [](const auto& p) { return p.geometry.r != p.geometry.s; }},
      {"an input that is not square", [](const auto& p) { return p.geometry.h != p.geometry.w; }},
      {"stride 2", [](const auto& p) { return p.geometry.stride == 2; }},
      {"stride 3", [](const auto& p) { return p.geometry.stride == 3; }},
      {"a stride above the kernel", [](const auto& p) { return p.geometry.stride > p.geometry.r; }},
      {"no padding", [](const auto& p) { return p.geometry.padding == 0; }},
      {"padding above the kernel", [](const auto& p) { return p.geometry.padding > p.geometry.r; }},
      {"dilation", [](const auto& p) { return p.geometry.dilation > 1 && p.geometry.r > 1; }},
      {"dilation and stride", [](const auto& p) { return p.geometry.dilation > 1 && p.geometry.stride > 1; }},
      {"groups", [&](const auto& p) { return p.geometry.groups > 1 && !depthwise(p.geometry); }},
      {"depthwise", [&](const auto& p) { return depthwise(p.geometry); }},
      {"depthwise with stride", [&](const auto& p) { return depthwise(p.geometry) && p.geometry.stride > 1; }},
      {"a single image", [](const auto& p) { return p.geometry.n == 1; }},
      {"a batch that fills no vector", [](const auto& p) { return p.geometry.n % 4 != 0; }},
      {"a large batch", [](const auto& p) { return p.geometry.n >= 40; }},
      {"no pruned weight", [](const auto& p) { return p.weight_density == 1; }},
      {"pruned weights", [](const auto& p) { return p.weight_density > 0 && p.weight_density < 1; }},
      {"pruned weights alone", [](const auto& p) { return p.weight_density == 0; }},
  };
  for (const Kind& kind : kinds) {
    Random random(testing::kRandomProblemsSeed);
    int count = 0;
    for (int i = 0; i < testing::kRandomProblems; ++i) {
      count += kind.is_one(parse_convolution_problem(testing::random_problem(random))) ? 1 : 0;
    }
    EXPECT_GE(count, 5) << kind.name;
  }
}

}  // namespace
}  // namespace trainer
