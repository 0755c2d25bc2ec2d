#include "run/choose_kernels.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/cpu_features.h"
#include "base/error.h"
#include "network/layers/contraction.h"

namespace trainer {

std::vector<ConvolutionGeometry> contraction_shapes(const Network& network) {
  std::vector<ConvolutionGeometry> shapes;
  for (const Network::Node& node : network.nodes()) {
    const layers::Contraction* contraction = node.layer->contraction();
    if (contraction == nullptr) {
      continue;
    }
    const ConvolutionGeometry& shape = contraction->description().geometry;
    if (std::find(shapes.begin(), shapes.end(), shape) == shapes.end()) {
      shapes.push_back(shape);
    }
  }
  return shapes;
}

std::vector<ConvolutionBreakEven> parse_break_evens(std::span<const std::string> texts, const std::string& where) {
  std::vector<ConvolutionBreakEven> entries;
  for (const std::string& text : texts) {
    try {
      entries.push_back(parse_break_even(text));
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("{}: {}", where, error.what()));
    }
    const auto same = [&](const auto& entry) { return entry.geometry == entries.back().geometry; };
    if (std::count_if(entries.begin(), entries.end(), same) > 1) {
      throw UsageError(fmt::format("{}: {} is given twice; remove one", where, to_string(entries.back().geometry)));
    }
  }
  return entries;
}

/// A run that chose half cannot go on with its bits where there is no such arithmetic.
void require_paths(const BreakEven& break_even, const Network& network) {
  const bool names_half = std::ranges::any_of(break_even.of, [](const auto& bounds) { return bounds.has_half(); });
  if (names_half && network.format() == Format::fp16 && !cpu_has_half_arithmetic()) {
    throw UsageError(fmt::format(
        "kernel-break-even: has phases on half, and this CPU has no {}; go on where the run began, or start "
        "another one with --init",
        half_arithmetic_name()));
  }
}

void use_break_evens(const std::vector<ConvolutionBreakEven>& entries, const Network& network) {
  for (const Network::Node& node : network.nodes()) {
    layers::Contraction* contraction = node.layer->contraction();
    if (contraction == nullptr) {
      continue;
    }
    if (const BreakEven* found = find_break_even(entries, contraction->description().geometry); found != nullptr) {
      require_paths(*found, network);
      contraction->set_break_even(*found);
    }
  }
}

ConvolutionBreakEven break_even_of(const ConvolutionGeometry& geometry, const PerPhase<CostModel>& models,
                                   bool offer_half) {
  ConvolutionBreakEven entry{geometry, {}};
  for (const ConvolutionPhase phase : kConvolutionPhases) {
    entry.break_even[phase] = rounded_break_even(models[phase].bounds(offer_half));
  }
  return entry;
}

void choose_kernels(RunConfig& config, KernelCache& cache, const Network& network, bool offer_half,
                    std::vector<std::string>& notes) {
  std::vector<ConvolutionBreakEven> entries = parse_break_evens(config.kernel_break_even, "kernel-break-even");
  if (parse_kernel_path(config.kernels) != KernelPath::automatic) {
    config.kernel_break_even.clear();
    return;
  }
  if (config.kernel_choice == "measured") {
    std::vector<ConvolutionGeometry> shapes = contraction_shapes(network);
    shapes.erase(std::remove_if(shapes.begin(), shapes.end(),
                                [&](const auto& shape) { return find_break_even(entries, shape) != nullptr; }),
                 shapes.end());
    const CostModels models = cache.measure(shapes, network.format(), notes);
    for (const ConvolutionGeometry& shape : shapes) {
      entries.push_back(break_even_of(shape, models.at(to_string(shape)), offer_half));
      config.kernel_break_even.push_back(to_string(entries.back()));
    }
  }
  use_break_evens(entries, network);
}

}  // namespace trainer
