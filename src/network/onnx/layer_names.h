#pragma once

#include <onnx/onnx_pb.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace trainer::onnx_format {

/// The name a layer gets, before it is made unique: that of its weight or bias without ".weight" or ".bias", as PyTorch
/// names the module that holds it; otherwise what the node's name says. `parameters` are the node's inputs to look at.
std::string layer_name(const onnx::NodeProto& node, std::initializer_list<int> parameters);

/// "layer1.0.conv1.weight" -> "layer1.0.conv1"; empty for a name that is not of this form.
std::string module_of(std::string_view parameter);

/// Text from a file as it may stand in a one-line message.
std::string printable(std::string_view text);

}  // namespace trainer::onnx_format
