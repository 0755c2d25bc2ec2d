#pragma once

#include <map>
#include <string>
#include <vector>

namespace trainer {

/// What an ONNX file says about its network beside the graph, in its metadata_props: whoever runs the file needs the
/// class names and how images are normalised.
struct OnnxMetadata {
  std::vector<std::string> classes = {};  ///< names, in the order of the logits; "classes", a JSON array
  std::vector<float> mean = {};           ///< per channel, of pixel/255; "mean", a JSON array
  std::vector<float> deviation = {};      ///< per channel; "deviation", a JSON array
  std::map<std::string, std::string> other = {};
};

}  // namespace trainer
