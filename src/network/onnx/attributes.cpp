#include "network/onnx/attributes.h"

#include <fmt/format.h>

#include <algorithm>

#include "network/onnx/problem.h"

namespace trainer::onnx_format {

const onnx::AttributeProto* Attributes::find(const std::string& name, onnx::AttributeProto::AttributeType type) {
  understood_.insert(name);
  for (const onnx::AttributeProto& attribute : node_.attribute()) {
    if (attribute.name() == name) {
      // Models of the format's first version do not state the type.
      if (attribute.type() != type && attribute.type() != onnx::AttributeProto::UNDEFINED) {
        throw NodeProblem(fmt::format("attribute {} is of the wrong type", name));
      }
      return &attribute;
    }
  }
  return nullptr;
}

int64_t Attributes::integer(const std::string& name, int64_t otherwise) {
  const auto* attribute = find(name, onnx::AttributeProto::INT);
  return attribute != nullptr ? attribute->i() : otherwise;
}

int64_t Attributes::integer(const std::string& name, int64_t otherwise, int64_t least, int64_t most) {
  const int64_t value = integer(name, otherwise);
  if (value < least || value > most) {
    throw NodeProblem(fmt::format("{} is {}", name, value));
  }
  return value;
}

float Attributes::number(const std::string& name, float otherwise) {
  const auto* attribute = find(name, onnx::AttributeProto::FLOAT);
  return attribute != nullptr ? attribute->f() : otherwise;
}

std::string Attributes::text(const std::string& name, const std::string& otherwise) {
  const auto* attribute = find(name, onnx::AttributeProto::STRING);
  return attribute != nullptr ? attribute->s() : otherwise;
}

std::optional<std::vector<int64_t>> Attributes::integers(const std::string& name) {
  const auto* attribute = find(name, onnx::AttributeProto::INTS);
  if (attribute == nullptr) {
    return std::nullopt;
  }
  return std::vector<int64_t>(attribute->ints().begin(), attribute->ints().end());
}

const onnx::TensorProto* Attributes::tensor(const std::string& name) {
  const auto* attribute = find(name, onnx::AttributeProto::TENSOR);
  return attribute != nullptr ? &attribute->t() : nullptr;
}

bool Attributes::has(std::string_view name) const {
  return std::any_of(node_.attribute().begin(), node_.attribute().end(),
                     [&](const onnx::AttributeProto& attribute) { return attribute.name() == name; });
}

void Attributes::ignore(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    understood_.emplace(name);
  }
}

void Attributes::require_all_understood() const {
  for (const onnx::AttributeProto& attribute : node_.attribute()) {
    if (!understood_.contains(attribute.name())) {
      throw NodeProblem(fmt::format("attribute {} is not supported", attribute.name()));
    }
  }
}

}  // namespace trainer::onnx_format
