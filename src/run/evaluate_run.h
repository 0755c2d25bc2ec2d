#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace trainer {

struct EvaluateRequest {
  std::filesystem::path model;  ///< run folder, checkpoint or ONNX file
  std::string data;             ///< empty: the data set that the model was trained on
  std::string split = "test";   ///< test | train
  int64_t batch = 64;
  std::string kernels = "auto";
  bool quiet = false;
  bool json = false;
};

/// `trainer evaluate`: accuracy and loss of a trained network on a data set, and images per second. Of an ONNX model
/// that does not say how its images are normalised, the data's own mean and deviation are taken. Throws UsageError for
/// data whose channels or number of classes differ from the network's.
void evaluate_model(const EvaluateRequest& request);

}  // namespace trainer
