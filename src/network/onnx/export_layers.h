#pragma once

#include <span>

#include "network/network.h"
#include "network/onnx/graph_writer.h"

namespace trainer::onnx_format {

/// Writes one layer as the operators it is in ONNX and gives its output. Throws std::logic_error for a kind of layer
/// that the table in export_layers.cpp does not have.
WrittenValue write_layer(const Network::Node& node, std::span<const WrittenValue> inputs, GraphWriter& graph);

}  // namespace trainer::onnx_format
