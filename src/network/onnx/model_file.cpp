#include "network/onnx/model_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <limits>
#include <system_error>

#include "base/error.h"
#include "network/onnx/problem.h"

namespace trainer::onnx_format {

onnx::ModelProto read_model(const std::filesystem::path& file) {
  std::error_code error;
  const bool regular = std::filesystem::is_regular_file(file, error);
  const uintmax_t size = regular ? std::filesystem::file_size(file, error) : 0;
  if (!regular || error) {
    throw UsageError(fmt::format("cannot read the ONNX model {}: {}", file.string(),
                                 error ? error.message() : std::string("it is not a file")));
  }
  if (size > static_cast<uintmax_t>(std::numeric_limits<int32_t>::max())) {
    throw UsageError(fmt::format("{} has {} bytes: an ONNX file holds at most 2 GiB", file.string(), size));
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    throw UsageError(
        fmt::format("cannot read the ONNX model {}: {}", file.string(), std::generic_category().message(errno)));
  }
  onnx::ModelProto model;
  if (!model.ParseFromIstream(&stream)) {
    throw UsageError(fmt::format("{} is damaged or not an ONNX model: export it again", file.string()));
  }
  if (!model.has_graph() || model.graph().output_size() == 0) {
    throw UsageError(fmt::format("{} is not an ONNX model with a network: it has no graph", file.string()));
  }
  if (model.graph().node_size() > kMostNodes) {
    throw UsageError(fmt::format("{} has {} nodes; at most {} can be imported", file.string(),
                                 model.graph().node_size(), kMostNodes));
  }
  return model;
}

}  // namespace trainer::onnx_format
