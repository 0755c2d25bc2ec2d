#include "run/reference_layer.h"

#include "run/simulate_layer.h"

namespace trainer {
namespace {

Event event_named(std::string_view name) {
  for (const EventEntry& entry : event_table()) {
    if (entry.name == name) {
      return entry.event;
    }
  }
  throw std::logic_error("a result names no event of the table");
}

}  // namespace

ReferenceCounts count_reference_layer(const ProcessorRequest& processor, double density) {
  LayerSimulation simulation;
  simulation.geometry = parse_convolution_problem(kReferenceLayer).geometry;
  simulation.density.x = density;
  simulation.density.w = density;
  simulation.phases = {Phase::FF};
  simulation.processors = {processor};
  const LayerSimulationResult result = simulate_layer(simulation);
  ReferenceCounts counts;
  for (const LayerPhaseResult& row : result.processors.front().rows) {
    counts.dense_macs += row.dense_macs;
    counts.cycles += row.cycles;
    for (const EventResult& event : row.events) {
      counts.events[event_named(event.event)] += event.count;
    }
  }
  return counts;
}

}  // namespace trainer
