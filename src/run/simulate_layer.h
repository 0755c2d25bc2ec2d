#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kernels/convolution/geometry.h"
#include "processor/simulation.h"
#include "run/layer_place.h"

namespace trainer {

/// Shares of values that are not zero, 0..1.
struct Densities {
  double x = 1;
  double w = 1;  ///< unpruned weights; none of them is zero
  double dz = 1;
  std::optional<double> z;  ///< outputs of FF that training did not skip; empty: it did not speculate on this layer
};

/// One layer without training: a convolution whose operands have zeros, and whose FF unwanted outputs, at random
/// places.
struct LayerSimulation {
  ConvolutionGeometry geometry;
  Densities density;
  LayerNeighbours neighbours;
  LayerPlace place;           ///< place_of(neighbours)
  std::vector<Phase> phases;  ///< FF, BP, WG in that order
  std::vector<ProcessorRequest> processors;
  uint64_t seed = 1;
  bool explain_dataflow = false;  ///< time every dataflow
};

/// What stands on the command line, as text.
struct LayerSimulationText {
  std::string layer;                    ///< convolution problem; its `d` is the density of W
  std::vector<std::string> density;     ///< "x=0.5", "w=0.1", "dz=1", "z=0.6"
  std::vector<std::string> before;      ///< LayerNeighbours
  std::vector<std::string> after;       ///< where empty and z is given: bn, relu
  std::vector<std::string> phases;      ///< all three where empty
  std::vector<std::string> processors;  ///< trainer-28nm and dense-28nm where empty
  std::vector<std::string> set;
  uint64_t seed = 1;
  bool explain_dataflow = false;
};

/// Throws UsageError naming the option that is wrong.
LayerSimulation parse_layer_simulation(const LayerSimulationText& text);

struct LayerSimulationResult {
  Densities density;  ///< of the operands, and of the wanted outputs, that were made
  std::vector<ProcessorResult> processors;
};

/// Makes the operands (the same for the same seed, whatever the processors and phases) and counts the phases, as though
/// the step before had left as many wanted outputs. Where BN reads Z and dZ has zeros, they come from pruned gradients,
/// since BN leaves none. Throws UsageError for processors that cannot be loaded and for layers of more than 2e9 values.
LayerSimulationResult simulate_layer(const LayerSimulation& simulation);

/// For people: for each processor a row per phase and their total, their place under the roofline, then the energy
/// opened event by event, and where asked for the dataflows; the processors beside each other last.
std::string layer_report(const LayerSimulation& simulation, const LayerSimulationResult& result);
/// The same as a document (keys: docs/command-line.md).
nlohmann::json layer_json(const LayerSimulation& simulation, const LayerSimulationResult& result);

}  // namespace trainer
