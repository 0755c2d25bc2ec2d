#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace trainer::onnx_format {

/// The attributes of one node. What is read here is understood; require_all_understood() refuses the rest, so that no
/// attribute is ever passed over in silence. All throw NodeProblem.
class Attributes {
 public:
  explicit Attributes(const onnx::NodeProto& node) : node_(node) {}

  int64_t integer(const std::string& name, int64_t otherwise);
  /// As integer(), within `least` and `most`.
  int64_t integer(const std::string& name, int64_t otherwise, int64_t least, int64_t most);
  float number(const std::string& name, float otherwise);
  std::string text(const std::string& name, const std::string& otherwise);
  std::optional<std::vector<int64_t>> integers(const std::string& name);
  const onnx::TensorProto* tensor(const std::string& name);
  bool has(std::string_view name) const;

  /// Attributes that say nothing a network needs to know.
  void ignore(std::initializer_list<std::string_view> names);
  void require_all_understood() const;

 private:
  const onnx::AttributeProto* find(const std::string& name, onnx::AttributeProto::AttributeType type);

  const onnx::NodeProto& node_;
  std::set<std::string, std::less<>> understood_;
};

}  // namespace trainer::onnx_format
