#include "network/onnx/import.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "network/onnx/graph_importer.h"
#include "network/onnx/model_file.h"

namespace trainer {
namespace {

/// The list, if the text is a JSON array of nothing but T.
template <typename T>
bool read_list(const std::string& text, std::vector<T>& list) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto fits = [](const nlohmann::json& entry) {
    return std::is_same_v<T, std::string> ? entry.is_string() : entry.is_number();
  };
  if (!json.is_array() || !std::all_of(json.begin(), json.end(), fits)) {
    return false;
  }
  list = json.get<std::vector<T>>();
  return true;
}

OnnxMetadata metadata_of(const onnx::ModelProto& model) {
  OnnxMetadata metadata;
  for (const onnx::StringStringEntryProto& property : model.metadata_props()) {
    const std::string& key = property.key();
    const std::string& value = property.value();
    const bool is_ours = key == "weight_sparsity" || (key == "classes" && read_list(value, metadata.classes)) ||
                         (key == "mean" && read_list(value, metadata.mean)) ||
                         (key == "deviation" && read_list(value, metadata.deviation));
    if (!is_ours) {
      metadata.other[key] = value;
    }
  }
  return metadata;
}

}  // namespace

ImportedModel import_onnx(const std::filesystem::path& file, const OnnxImportOptions& options) {
  const onnx::ModelProto model = onnx_format::read_model(file);
  onnx_format::GraphImporter importer(model.graph(), options);
  const std::vector<std::string> problems = importer.run();
  if (!problems.empty()) {
    throw UsageError(fmt::format("cannot import {}: {} (docs/onnx.md lists what can be imported)", file.string(),
                                 fmt::join(problems, "; ")));
  }
  ImportedModel result = importer.result();
  result.metadata = metadata_of(model);
  return result;
}

}  // namespace trainer
