#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "network/onnx/attributes.h"
#include "network/onnx/constant.h"

namespace trainer::onnx_format {

/// Inputs of a node that is computed while importing; null for an optional input that is left out.
class FoldInputs {
 public:
  explicit FoldInputs(std::span<const Constant* const> inputs) : inputs_(inputs) {}

  bool has(size_t i) const { return i < inputs_.size() && inputs_[i] != nullptr; }
  size_t size() const { return inputs_.size(); }
  /// Throws NodeProblem where it is left out.
  const Constant& at(size_t i) const;

 private:
  std::span<const Constant* const> inputs_;
};

using Fold = Constant (*)(const FoldInputs&, Attributes&);

/// The function that computes this operator from constants; null if there is none. PyTorch writes shapes (of a view, of
/// a pad) as chains of such nodes. The functions throw NodeProblem.
Fold find_fold(std::string_view op);

/// `axis` of a tensor with `rank` dimensions, counted from the end where negative.
size_t checked_axis(int64_t axis, size_t rank);
/// Attribute `name` or, in later opsets, input `input`; empty where neither is there.
std::vector<int64_t> axes_of(const FoldInputs& inputs, size_t input, Attributes& attributes, const std::string& name);

/// Dims after the operator of the same name.
std::vector<int64_t> reshaped(std::span<const int64_t> dims, std::span<const int64_t> target, bool allow_zero);
std::vector<int64_t> flattened(std::span<const int64_t> dims, int64_t axis);
std::vector<int64_t> squeezed(std::span<const int64_t> dims, std::span<const int64_t> axes);
std::vector<int64_t> unsqueezed(std::span<const int64_t> dims, std::span<const int64_t> axes);

/// What Slice takes of one axis: `count` entries from `start` on, `step` apart.
struct SliceRange {
  size_t axis = 0;
  int64_t start = 0;
  int64_t step = 1;
  int64_t count = 0;
};
/// One entry per axis that the node names. `inputs` 1 to 4 and the attributes of old opsets are looked at.
std::vector<SliceRange> slice_ranges(std::span<const int64_t> dims, const FoldInputs& inputs, Attributes& attributes);

namespace fold {
Constant slice(const FoldInputs& inputs, Attributes& attributes);
Constant transpose(const FoldInputs& inputs, Attributes& attributes);
Constant gather(const FoldInputs& inputs, Attributes& attributes);
Constant concat(const FoldInputs& inputs, Attributes& attributes);
Constant reshape(const FoldInputs& inputs, Attributes& attributes);
Constant flatten(const FoldInputs& inputs, Attributes& attributes);
Constant squeeze(const FoldInputs& inputs, Attributes& attributes);
Constant unsqueeze(const FoldInputs& inputs, Attributes& attributes);
}  // namespace fold

}  // namespace trainer::onnx_format
