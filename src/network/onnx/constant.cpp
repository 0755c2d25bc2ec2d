#include "network/onnx/constant.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "network/onnx/problem.h"

namespace trainer::onnx_format {

int64_t Constant::size() const {
  return std::visit([](const auto& values) { return static_cast<int64_t>(values.size()); }, data);
}

int64_t Constant::largest_result() const { return is_float() ? kLargestFoldedFloats : kLargestFoldedIntegers; }

const std::vector<float>& Constant::floats() const {
  if (!is_float()) {
    throw NodeProblem("integers where floating-point numbers are needed");
  }
  return std::get<0>(data);
}

const std::vector<int64_t>& Constant::integers() const {
  if (is_float()) {
    throw NodeProblem("floating-point numbers where integers are needed");
  }
  return std::get<1>(data);
}

double Constant::scalar() const {
  if (size() != 1) {
    throw NodeProblem(fmt::format("{} values where one is needed", size()));
  }
  return std::visit([](const auto& values) { return static_cast<double>(values.front()); }, data);
}

Constant integers(std::vector<int64_t> values) { return {{static_cast<int64_t>(values.size())}, std::move(values)}; }

int64_t checked_size(std::span<const int64_t> dims, int64_t largest) {
  int64_t size = 1;
  int64_t nonzero = 1;  // product of all but the zeros: strides within the tensor stay in bounds too
  for (const int64_t extent : dims) {
    if (extent < 0 || nonzero > largest / std::max<int64_t>(extent, 1)) {
      throw NodeProblem(fmt::format("impossible shape {}", fmt::join(dims, "x")));
    }
    size *= extent;
    nonzero *= std::max<int64_t>(extent, 1);
  }
  return size;
}

namespace {

/// Values of a tensor from raw_data or, where that is missing, from `typed`.
template <typename Stored, typename Result, typename Typed>
std::vector<Result> values_of(const onnx::TensorProto& tensor, size_t count, const Typed& typed) {
  std::vector<Result> values;
  if (tensor.has_raw_data()) {
    const std::string& raw = tensor.raw_data();
    if (raw.size() / sizeof(Stored) != count || raw.size() % sizeof(Stored) != 0) {
      throw NodeProblem(
          fmt::format("tensor '{}' has {} bytes of data for {} values", tensor.name(), raw.size(), count));
    }
    values.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      Stored value;
      std::memcpy(&value, raw.data() + i * sizeof(Stored), sizeof(Stored));
      values.push_back(static_cast<Result>(value));
    }
    return values;
  }
  if (static_cast<size_t>(typed.size()) != count) {
    throw NodeProblem(fmt::format("tensor '{}' has data for {} of {} values", tensor.name(), typed.size(), count));
  }
  values.reserve(count);
  for (const auto value : typed) {
    values.push_back(static_cast<Result>(value));
  }
  return values;
}

}  // namespace

Constant decode(const onnx::TensorProto& tensor) {
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL || tensor.external_data_size() > 0) {
    throw NodeProblem(fmt::format("tensor '{}' is in another file: save the model as one file", tensor.name()));
  }
  Constant constant;
  constant.dims.assign(tensor.dims().begin(), tensor.dims().end());
  const auto count = static_cast<size_t>(checked_size(constant.dims, std::numeric_limits<int32_t>::max()));
  switch (tensor.data_type()) {
    case onnx::TensorProto::FLOAT:
      constant.data = values_of<float, float>(tensor, count, tensor.float_data());
      break;
    case onnx::TensorProto::DOUBLE:
      constant.data = values_of<double, float>(tensor, count, tensor.double_data());
      break;
    case onnx::TensorProto::INT64:
      constant.data = values_of<int64_t, int64_t>(tensor, count, tensor.int64_data());
      break;
    case onnx::TensorProto::INT32:
      constant.data = values_of<int32_t, int64_t>(tensor, count, tensor.int32_data());
      break;
    case onnx::TensorProto::BOOL:
      constant.data = values_of<uint8_t, int64_t>(tensor, count, tensor.int32_data());
      break;
    default:
      throw NodeProblem(
          fmt::format("tensor '{}' has elements of type {}; float, double, int32, int64 and bool can be "
                      "read",
                      tensor.name(), onnx::TensorProto::DataType_Name(tensor.data_type())));
  }
  return constant;
}

}  // namespace trainer::onnx_format
