#include "network/onnx/layer_names.h"

#include <fmt/format.h>

#include <array>
#include <vector>

namespace trainer::onnx_format {
namespace {

/// "/layer1/layer1.0/conv1/Conv" -> "layer1.0.conv1.Conv": PyTorch writes the path of modules down to the operator,
/// where a module within a list repeats the list's name.
std::string joined_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty()) {
      continue;
    }
    if (!parts.empty() && part.size() > parts.back().size() && part.starts_with(parts.back()) &&
        part[parts.back().size()] == '.') {
      parts.pop_back();
    }
    parts.push_back(part);
  }
  return fmt::format("{}", fmt::join(parts, "."));
}

}  // namespace

std::string module_of(std::string_view parameter) {
  constexpr std::array<std::string_view, 2> kEndings = {".weight", ".bias"};
  for (const std::string_view ending : kEndings) {
    if (parameter.size() > ending.size() && parameter.ends_with(ending)) {
      return std::string(parameter.substr(0, parameter.size() - ending.size()));
    }
  }
  return {};
}

std::string layer_name(const onnx::NodeProto& node, std::initializer_list<int> parameters) {
  for (const int input : parameters) {
    if (input < node.input_size()) {
      std::string name = module_of(node.input(input));
      if (!name.empty()) {
        return name;
      }
    }
  }
  std::string name = joined_path(node.name());
  const std::string operator_part = "." + node.op_type();
  if (parameters.size() > 0 && name.size() > operator_part.size() && name.ends_with(operator_part)) {
    name.resize(name.size() - operator_part.size());
  }
  return name.empty() ? node.op_type() : name;
}

std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      c = '?';
    }
  }
  return result;
}

}  // namespace trainer::onnx_format
