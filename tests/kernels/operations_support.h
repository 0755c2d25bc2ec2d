#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/path.h"
#include "tensor/tensor.h"

/// What the tests of the operations share.
namespace trainer::testing_support {

/// The paths that are tested against the reference.
inline constexpr KernelPath kFastPaths[] = {KernelPath::highway, KernelPath::onednn};
inline constexpr KernelPath kAllPaths[] = {KernelPath::reference, KernelPath::highway, KernelPath::onednn};

/// Normal values around `mean`.
Tensor random_tensor(const Shape& shape, Random& random, float mean = 0, float deviation = 1);
std::vector<float> random_values(size_t count, Random& random, float mean = 0, float deviation = 1);

/// Shapes that are awkward for vectors: every N of {1, 3, 8, 17, 64} with small and large, odd and even extents.
std::vector<Shape> awkward_shapes();

/// Fails where |actual - expected| > absolute + relative * |expected|, naming the first such place and `context`.
void expect_near(std::span<const float> actual, std::span<const float> expected, double absolute, double relative,
                 const std::string& context);
/// Fails where the bits differ.
void expect_same_bits(std::span<const float> actual, std::span<const float> expected, const std::string& context);

/// Runs `body(name)` once for every instruction set that Highway compiled for and this CPU has.
void for_each_highway_target(const std::function<void(const std::string& name)>& body);

/// Runs `body` with 1, 2 and 3 threads and expects it to return the same bits each time.
void expect_same_for_any_threads(const std::function<std::vector<float>()>& body, const std::string& context);

/// Numeric derivative of `loss` by *value, central difference of step `step` in float steps that are exact.
double numeric_derivative(float* value, float step, const std::function<double()>& loss);

/// Appends the tensor's values.
void append(std::vector<float>& to, std::span<const float> values);

}  // namespace trainer::testing_support
