#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>
#include <vector>

namespace trainer {

/// A map of a YAML file whose keys are known. Everything it throws is a UsageError with file, line and key.
class CheckedMap {
 public:
  /// Every key of `required` must be there; beside them only those of `optional` may be.
  CheckedMap(const YAML::Node& map, const std::string& file, const std::vector<std::string_view>& required,
             const std::vector<std::string_view>& optional = {});

  bool has(const char* key) const { return static_cast<bool>(map_[key]); }
  /// A text that is not empty.
  std::string text(const char* key) const;
  /// A finite number that is not negative.
  double number(const char* key) const;
  double positive_number(const char* key) const;
  /// The index in `names` of a text that must be one of them.
  size_t choice(const char* key, std::string_view what, const std::vector<std::string_view>& names) const;
  /// A node in nm: "45 nm" or, where the key itself ends in _nm, 45. Within the nodes that scaling.h knows.
  double node_nm(const char* key) const;
  /// The elements of a list that is not empty.
  std::vector<YAML::Node> list(const char* key) const;
  YAML::Node node(const char* key) const { return map_[key]; }

  [[noreturn]] void fail(const char* key, const std::string& message) const;

 private:
  YAML::Node map_;
  std::string file_;
};

}  // namespace trainer
