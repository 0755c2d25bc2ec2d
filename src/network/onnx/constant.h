#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace trainer::onnx_format {

/// A constant tensor: FP32, or integers for everything that describes shapes. Row-major.
struct Constant {
  std::vector<int64_t> dims;
  std::variant<std::vector<float>, std::vector<int64_t>> data;

  bool is_float() const { return data.index() == 0; }
  int64_t size() const;
  /// The most values that may be computed from it.
  int64_t largest_result() const;
  /// Throw NodeProblem for the other type.
  const std::vector<float>& floats() const;
  const std::vector<int64_t>& integers() const;
  /// Either type; throws NodeProblem unless it holds one value.
  double scalar() const;
};

Constant integers(std::vector<int64_t> values);

/// Product of the dims; throws NodeProblem for a negative one or more than `largest`.
int64_t checked_size(std::span<const int64_t> dims, int64_t largest);

/// Throws NodeProblem for element types beside float, double, int32, int64 and bool, and where dims and data disagree.
Constant decode(const onnx::TensorProto& tensor);

}  // namespace trainer::onnx_format
