#include "run/simulate_layer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/error.h"
#include "base/nearest.h"
#include "base/random.h"
#include "run/processor_request.h"
#include "tensor/pattern.h"
#include "tensor/tensor.h"

namespace trainer {
namespace {

// 8 GB of operands; the model's own tables come on top.
constexpr double kMostValues = 2e9;

const std::vector<std::string>& operand_names() {
  static const std::vector<std::string> kNames = {"x", "w", "dz", "z"};
  return kNames;
}

void set_density(Densities& densities, const std::string& name, double share) {
  if (name == "z") {
    densities.z = share;
  } else {
    (name == "x" ? densities.x : name == "w" ? densities.w : densities.dz) = share;
  }
}

double parse_share(const std::string& name, const std::string& value) {
  double share = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), share);
  if (error != std::errc() || end != value.data() + value.size() || !(share >= 0 && share <= 1)) {
    throw UsageError(fmt::format("--density: {}={} is not a share of {}; give a number in 0..1", name, value,
                                 name == "z" ? "wanted outputs" : "non-zeros"));
  }
  return share;
}

Densities parse_densities(const std::vector<std::string>& entries, double layer_density) {
  Densities densities;
  densities.w = layer_density;
  std::vector<std::string> given;
  for (const std::string& entry : entries) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos) {
      throw UsageError(
          fmt::format("--density: '{}' is not NAME=SHARE; write for example --density x=0.5,w=0.1,dz=1", entry));
    }
    const std::string name = entry.substr(0, equals);
    if (std::find(operand_names().begin(), operand_names().end(), name) == operand_names().end()) {
      throw UsageError(
          fmt::format("--density: there is no operand '{}'; choose {}", name, fmt::join(operand_names(), ", ")));
    }
    if (std::find(given.begin(), given.end(), name) != given.end()) {
      throw UsageError(fmt::format("--density: {} is given twice; remove one", name));
    }
    given.push_back(name);
    set_density(densities, name, parse_share(name, entry.substr(equals + 1)));
    if (name == "w" && layer_density != 1) {
      throw UsageError("--density: the layer's d gives the density of W already; leave out one of the two");
    }
  }
  return densities;
}

std::vector<Phase> parse_phases(const std::vector<std::string>& names) {
  const std::vector<Phase> known = {Phase::FF, Phase::BP, Phase::WG};
  for (const std::string& name : names) {
    if (std::none_of(known.begin(), known.end(), [&](Phase phase) { return to_string(phase) == name; })) {
      throw UsageError(fmt::format("--phase: there is no phase '{}'{}; choose FF, BP, WG", name,
                                   did_you_mean(name, {"FF", "BP", "WG"})));
    }
    if (std::count(names.begin(), names.end(), name) > 1) {
      throw UsageError(fmt::format("--phase: {} is given twice; remove one", name));
    }
  }
  std::vector<Phase> phases;
  for (const Phase phase : known) {
    if (names.empty() || std::find(names.begin(), names.end(), to_string(phase)) != names.end()) {
      phases.push_back(phase);
    }
  }
  return phases;
}

/// One number of the tensor after the other, so that its values do not depend on the other operands.
Tensor random_tensor(const Shape& shape, double density, Random random, double& realised) {
  Tensor tensor(shape);
  int64_t nonzeros = 0;
  for (float& value : tensor.values()) {
    if (random.uniform() < static_cast<float>(density)) {
      value = 1;
      ++nonzeros;
    }
  }
  realised = static_cast<double>(nonzeros) / static_cast<double>(tensor.size());
  return tensor;
}

std::shared_ptr<const Pattern> random_pattern(const ConvolutionGeometry& geometry, double density, Random random) {
  std::vector<uint8_t> kept(static_cast<size_t>(geometry.weight_rows() * geometry.weight_columns()));
  for (uint8_t& keep : kept) {
    keep = random.uniform() < static_cast<float>(density) ? 1 : 0;
  }
  return Pattern::from_mask(geometry.weight_rows(), geometry.weight_columns(), kept);
}

/// Bits as SkippedOutputs has them: the outputs that are not wanted.
struct SkippedBits {
  std::vector<uint64_t> bits;
  int64_t words_per_channel = 0;
  int64_t wanted_outputs = 0;
};

SkippedBits random_skipped(const ConvolutionGeometry& geometry, double wanted, Random random) {
  const int64_t outputs = geometry.n * geometry.p() * geometry.q();  // of a channel
  SkippedBits skipped;
  skipped.words_per_channel = (outputs + 63) / 64;
  skipped.bits.resize(static_cast<size_t>(geometry.k * skipped.words_per_channel));
  for (int64_t k = 0; k < geometry.k; ++k) {
    for (int64_t i = 0; i < outputs; ++i) {
      if (random.uniform() < static_cast<float>(wanted)) {
        ++skipped.wanted_outputs;
      } else {
        skipped.bits[static_cast<size_t>(k * skipped.words_per_channel + i / 64)] |= uint64_t{1} << (i % 64);
      }
    }
  }
  return skipped;
}

/// Where a network has the layer; throws UsageError where training would not speculate on it and z is given.
LayerNeighbours parse_neighbours(const LayerSimulationText& text, const Densities& density) {
  LayerNeighbours neighbours{text.before, text.after};
  if (density.z && neighbours.after.empty()) {
    neighbours.after = {"bn", "relu"};
  }
  if (density.z && !place_of(neighbours).speculated) {
    throw UsageError(fmt::format(
        "--density: z is of outputs that speculation leaves, and it takes no part in a layer before {}; give --after "
        "bn,relu or --after bn,add,relu, or leave out z",
        fmt::join(neighbours.after, ",")));
  }
  return neighbours;
}

ContractionLayer layer_of(const LayerSimulation& simulation) {
  const Surroundings& surroundings = simulation.place.surroundings;
  ContractionLayer layer;
  layer.name = "layer";
  layer.geometry = simulation.geometry;
  layer.input_is_rectified = surroundings.input_is_rectified;
  layer.input_from_batchnorm = surroundings.input_from_batchnorm;
  layer.output_to_batchnorm = surroundings.output_to_batchnorm;
  return layer;
}

void require_affordable(const ConvolutionGeometry& geometry) {
  const double values = static_cast<double>(geometry.input().size()) + static_cast<double>(geometry.output().size()) +
                        static_cast<double>(geometry.weight_rows() * geometry.weight_columns());
  if (values > kMostValues) {
    throw UsageError(fmt::format("--layer: the operands of {} have {:.3g} values, more than {:g}; take a smaller n",
                                 to_string(geometry), values, kMostValues));
  }
}

}  // namespace

LayerSimulation parse_layer_simulation(const LayerSimulationText& text) {
  LayerSimulation simulation;
  ConvolutionProblem problem;
  try {
    problem = parse_convolution_problem(text.layer);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("--layer: {}", error.what()));
  }
  require_affordable(problem.geometry);
  simulation.geometry = problem.geometry;
  simulation.density = parse_densities(text.density, problem.weight_density);
  simulation.neighbours = parse_neighbours(text, simulation.density);
  simulation.place = place_of(simulation.neighbours);
  simulation.phases = parse_phases(text.phases);
  simulation.seed = text.seed;
  simulation.explain_dataflow = text.explain_dataflow;
  const std::vector<std::string> both = {"trainer-28nm", "dense-28nm"};
  const std::vector<std::string>& processors = text.processors.empty() ? both : text.processors;
  for (const std::string& processor : processors) {
    if (std::count(processors.begin(), processors.end(), processor) > 1) {
      throw UsageError(fmt::format("--processor: {} is given twice; remove one", processor));
    }
    simulation.processors.push_back(processor_request(processor, text.set));
  }
  return simulation;
}

LayerSimulationResult simulate_layer(const LayerSimulation& simulation) {
  Simulation model(simulation.processors, 1, simulation.explain_dataflow);  // its errors come before the work
  const ConvolutionGeometry& geometry = simulation.geometry;
  LayerSimulationResult result;
  const Tensor X = random_tensor(geometry.input(), simulation.density.x, Random(simulation.seed, 0), result.density.x);
  Tensor dZ = random_tensor(geometry.output(), simulation.density.dz, Random(simulation.seed, 1), result.density.dz);
  const auto pattern = random_pattern(geometry, simulation.density.w, Random(simulation.seed, 2));
  result.density.w = pattern->density();
  std::vector<float> weights(static_cast<size_t>(pattern->nonzeros()), 1.0F);
  const WeightView W{pattern, weights};

  const ContractionLayer layer = layer_of(simulation);
  SkippedBits skipped;
  if (simulation.density.z) {
    skipped = random_skipped(geometry, *simulation.density.z, Random(simulation.seed, 3));
    result.density.z = static_cast<double>(skipped.wanted_outputs) / static_cast<double>(geometry.output().size());
    model.expect_wanted_outputs(layer, skipped.wanted_outputs);
  }
  StepHook& hook = *model.hook(0);
  hook.begin_step(0);
  const auto wanted = [&](Phase phase) {
    return std::find(simulation.phases.begin(), simulation.phases.end(), phase) != simulation.phases.end();
  };
  Tensor unused;  // the processors look at operands alone
  std::vector<float> unused_dW;
  if (wanted(Phase::FF)) {
    if (simulation.density.z) {
      hook.outputs_skipped(layer, {.bits = skipped.bits,
                                   .words_per_channel = skipped.words_per_channel,
                                   .reads_shortcut = simulation.place.has_shortcut});
    }
    hook.feedforward(layer, X, W, unused);
  }
  if (layer.output_to_batchnorm && simulation.density.dz < 1) {
    hook.gradient_dropped(layer);
  }
  hook.gradient(layer, X, W, dZ);
  if (wanted(Phase::BP)) {
    hook.backpropagation(layer, X, W, dZ, unused);
  }
  if (wanted(Phase::WG)) {
    hook.weight_gradient(layer, X, W, dZ, unused_dW);
  }
  hook.end_step();
  result.processors = model.results();
  return result;
}

}  // namespace trainer
