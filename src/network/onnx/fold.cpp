#include "network/onnx/fold.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "network/onnx/problem.h"

namespace trainer::onnx_format {

const Constant& FoldInputs::at(size_t i) const {
  if (!has(i)) {
    throw NodeProblem(fmt::format("input {} is missing", i + 1));
  }
  return *inputs_[i];
}

size_t checked_axis(int64_t axis, size_t rank) {
  const auto signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    throw NodeProblem(fmt::format("axis {} of a tensor with {} dimensions", axis, rank));
  }
  return static_cast<size_t>(axis < 0 ? axis + signed_rank : axis);
}

std::vector<int64_t> axes_of(const FoldInputs& inputs, size_t input, Attributes& attributes, const std::string& name) {
  if (auto axes = attributes.integers(name)) {
    return *axes;
  }
  return inputs.has(input) ? inputs.at(input).integers() : std::vector<int64_t>{};
}

namespace {

Constant constant(const FoldInputs&, Attributes& attributes) {
  if (const onnx::TensorProto* tensor = attributes.tensor("value")) {
    return decode(*tensor);
  }
  if (auto values = attributes.integers("value_ints")) {
    return integers(std::move(*values));
  }
  if (attributes.has("value_int")) {
    return {{}, std::vector<int64_t>{attributes.integer("value_int", 0)}};
  }
  if (attributes.has("value_float")) {
    return {{}, std::vector<float>{attributes.number("value_float", 0)}};
  }
  throw NodeProblem("a constant of a kind that cannot be read");
}

Constant constant_of_shape(const FoldInputs& inputs, Attributes& attributes) {
  Constant result;
  result.dims = inputs.at(0).integers();
  const auto count = static_cast<size_t>(checked_size(result.dims, kLargestFoldedIntegers));
  const onnx::TensorProto* tensor = attributes.tensor("value");
  const Constant value = tensor != nullptr ? decode(*tensor) : Constant{{}, std::vector<float>{0}};
  if (value.size() != 1) {
    throw NodeProblem("value must be one number");
  }
  std::visit([&](const auto& one) { result.data = std::decay_t<decltype(one)>(count, one.front()); }, value.data);
  return result;
}

Constant identity(const FoldInputs& inputs, Attributes&) { return inputs.at(0); }

Constant shape(const FoldInputs& inputs, Attributes&) { return integers(inputs.at(0).dims); }

int64_t to_integer(float value) {
  // Beyond these bounds the conversion has no defined result.
  if (!(std::abs(value) < 9e18F)) {
    throw NodeProblem(fmt::format("cannot make an integer of {}", value));
  }
  return static_cast<int64_t>(value);
}

Constant cast(const FoldInputs& inputs, Attributes& attributes) {
  const Constant& input = inputs.at(0);
  const int64_t to = attributes.integer("to", 0);
  Constant result{input.dims, {}};
  if (to == onnx::TensorProto::FLOAT || to == onnx::TensorProto::DOUBLE) {
    std::vector<float> values;
    std::visit([&](const auto& from) { values.assign(from.begin(), from.end()); }, input.data);
    result.data = std::move(values);
  } else if (to == onnx::TensorProto::INT64 || to == onnx::TensorProto::INT32) {
    if (!input.is_float()) {
      return input;
    }
    std::vector<int64_t> values(input.floats().size());
    std::transform(input.floats().begin(), input.floats().end(), values.begin(), to_integer);
    result.data = std::move(values);
  } else {
    throw NodeProblem(fmt::format("a cast to element type {}", to));
  }
  return result;
}

[[noreturn]] void overflow() { throw NodeProblem("the result is beyond 64 bits"); }

struct Plus {
  static float apply(float a, float b) { return a + b; }
  static int64_t apply(int64_t a, int64_t b) {
    int64_t result = 0;
    return __builtin_add_overflow(a, b, &result) ? (overflow(), 0) : result;
  }
};
struct Minus {
  static float apply(float a, float b) { return a - b; }
  static int64_t apply(int64_t a, int64_t b) {
    int64_t result = 0;
    return __builtin_sub_overflow(a, b, &result) ? (overflow(), 0) : result;
  }
};
struct Times {
  static float apply(float a, float b) { return a * b; }
  static int64_t apply(int64_t a, int64_t b) {
    int64_t result = 0;
    return __builtin_mul_overflow(a, b, &result) ? (overflow(), 0) : result;
  }
};
struct Over {
  static float apply(float a, float b) { return a / b; }
  static int64_t apply(int64_t a, int64_t b) {
    if (b == 0 || (b == -1 && a == std::numeric_limits<int64_t>::min())) {
      throw NodeProblem(fmt::format("cannot divide {} by {}", a, b));
    }
    return a / b;
  }
};

/// Elementwise, for operands of equal shape or one that is a single number.
template <typename Operation>
Constant arithmetic(const FoldInputs& inputs, Attributes&) {
  const Constant& a = inputs.at(0);
  const Constant& b = inputs.at(1);
  const bool a_single = a.size() == 1 && a.dims.size() <= b.dims.size();
  const bool b_single = b.size() == 1 && b.dims.size() <= a.dims.size();
  if (a.is_float() != b.is_float() || (a.dims != b.dims && !a_single && !b_single)) {
    throw NodeProblem("operands of different shapes or types");
  }
  Constant result{a_single ? b.dims : a.dims, {}};
  const auto apply = [&](const auto& x, const auto& y) {
    std::decay_t<decltype(x)> values(a_single ? y.size() : x.size());
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = Operation::apply(x[a_single ? 0 : i], y[b_single ? 0 : i]);
    }
    result.data = std::move(values);
  };
  if (a.is_float()) {
    apply(a.floats(), b.floats());
  } else {
    apply(a.integers(), b.integers());
  }
  return result;
}

struct FoldEntry {
  std::string_view op;
  Fold fold;
};

/// Every operator that is computed from constants.
constexpr std::array kFolds = {
    FoldEntry{"Constant", constant},
    FoldEntry{"ConstantOfShape", constant_of_shape},
    FoldEntry{"Identity", identity},
    FoldEntry{"Shape", shape},
    FoldEntry{"Cast", cast},
    FoldEntry{"Add", arithmetic<Plus>},
    FoldEntry{"Sub", arithmetic<Minus>},
    FoldEntry{"Mul", arithmetic<Times>},
    FoldEntry{"Div", arithmetic<Over>},
    FoldEntry{"Slice", fold::slice},
    FoldEntry{"Transpose", fold::transpose},
    FoldEntry{"Gather", fold::gather},
    FoldEntry{"Concat", fold::concat},
    FoldEntry{"Reshape", fold::reshape},
    FoldEntry{"Flatten", fold::flatten},
    FoldEntry{"Squeeze", fold::squeeze},
    FoldEntry{"Unsqueeze", fold::unsqueeze},
};

}  // namespace

Fold find_fold(std::string_view op) {
  const auto* found =
      std::find_if(kFolds.begin(), kFolds.end(), [&](const FoldEntry& entry) { return entry.op == op; });
  return found != kFolds.end() ? found->fold : nullptr;
}

}  // namespace trainer::onnx_format
