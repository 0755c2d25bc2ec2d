#pragma once

#include <cstdint>
#include <filesystem>

#include "network/network.h"
#include "network/onnx/metadata.h"

namespace trainer {

struct OnnxImportOptions {
  /// Zeros in the weights of convolutions and linear layers become pruned weights.
  bool prune_zeros = false;
  /// Image size for a model that leaves it open; must agree with a model that fixes it. 0: not given.
  int64_t height = 0;
  int64_t width = 0;
};

struct ImportedModel {
  Network network;        ///< not planned yet
  Shape images;           ///< what it takes, with n = 1
  int64_t classes = 0;    ///< values of the output for each image
  OnnxMetadata metadata;  ///< as far as the file has it
};

/// Builds a network from an ONNX model in training or inference form (docs/onnx.md lists the operators). Layers are
/// named after their weights' names, so that what PyTorch calls "layer2.0.conv1.weight" is called so here.
///
/// Throws UsageError for a file that is not there, damaged, or holds what no layer here can do; the message then lists
/// every such node by name and operator.
ImportedModel import_onnx(const std::filesystem::path& file, const OnnxImportOptions& options = {});

}  // namespace trainer
