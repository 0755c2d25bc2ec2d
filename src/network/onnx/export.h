#pragma once

#include <filesystem>

#include "network/network.h"
#include "network/onnx/metadata.h"

namespace trainer {

/// Writes the network as an ONNX model (opset 13, inference form) that onnx 1.12 and ONNX Runtime take.
///
/// Input "image", N x C x H x W of the plan with a free batch size N; output "logits", N x classes. Parameters keep
/// their names as initialisers, pruned weights are zeros. Beside `metadata` the file says which part of the weights
/// is pruned ("weight_sparsity", 0..1).
///
/// Written aside, fsynced, renamed: the file appears whole or not at all. Throws SystemFailure (disk full, no
/// permission), UsageError for a network of more than the 2 GiB that one ONNX file can hold, std::logic_error for a
/// network that is not planned or has a layer that the table in export_layers.cpp does not know.
void export_onnx(Network& network, const std::filesystem::path& file, const OnnxMetadata& metadata);

}  // namespace trainer
