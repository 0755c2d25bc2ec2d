#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>

namespace trainer::onnx_format {

/// Reads an ONNX file. Throws UsageError where it cannot be read, is no ONNX model, or holds more than 2 GiB, which is
/// all that one ONNX file may.
onnx::ModelProto read_model(const std::filesystem::path& file);

}  // namespace trainer::onnx_format
