#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/convolution/choice/break_even.h"
#include "kernels/convolution/choice/phase.h"
#include "kernels/path.h"
#include "network/network.h"
#include "run/kernel_cache.h"

namespace trainer {

/// Why a phase of a layer runs where it does.
struct KernelExplanation {
  std::string layer;
  ConvolutionPhase phase = ConvolutionPhase::feedforward;
  std::string problem;
  double density = 1;                ///< of the weight, with the present mask
  std::optional<double> highway_ms;  ///< predicted at this density; none where the shape was never measured here
  std::optional<double> half_ms;     ///< none where half has no place, either
  std::optional<double> onednn_ms;
  std::optional<DensityBounds> break_even;  ///< none where the path is forced or the rule chose
  KernelPath path = KernelPath::automatic;
};

/// Every phase of every convolution and linear layer of a planned network, in order of execution.
std::vector<KernelExplanation> explain_kernels(const Network& network, const CostModels& models);

/// A table, its last row the sums of what is predicted for one step.
std::string kernel_explanation_table(const std::vector<KernelExplanation>& rows);
/// {"kernels": [{layer, phase, problem, density, highway_ms, half_ms, onednn_ms, break_even, half_from, path}]}: dense
/// from density `break_even` on, on half from `half_from` on. What is not known, or has no place, is null.
nlohmann::json kernel_explanation_json(const std::vector<KernelExplanation>& rows);

}  // namespace trainer
