#include "processor/processor_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cost/energy.h"
#include "processor/processor_file.h"
#include "processor/stream_models.h"

namespace trainer {
namespace {

// Parameters without a layer of their own are listed after all layers.
constexpr int kAfterLayers = 1 << 30;

// So that a run of hours does not end with a count that nothing prices.
void check_prices(const Prices& prices, const ProcessorParameters& parameters) {
  const bool skips = parameters.skip_input_zeros || parameters.skip_weight_zeros || parameters.skip_pruned_gradients ||
                     parameters.speculates_feedforward || parameters.speculates_backpropagation;
  for (const EventEntry& entry : event_table()) {
    const bool bitmap = entry.event == Event::bitmap_scan || entry.event == Event::bitmap_read;
    const bool speculation =
        entry.event == Event::estimate || entry.event == Event::exponent_read || entry.event == Event::predict;
    const bool idle = (bitmap && !skips) || (speculation && !parameters.speculates_feedforward) ||
                      (entry.event == Event::prune && !parameters.speculates_gradients);
    const bool other_mac = entry.event == (parameters.value_bits() == 8 ? Event::mac : Event::mac_fp8);
    if (!other_mac && !idle) {
      prices.pJ(entry.event);
    }
  }
}

nlohmann::json counts_to_json(const PhaseCounts& counts) {
  nlohmann::json events = nlohmann::json::object();
  for (const EventEntry& entry : event_table()) {
    events[std::string(entry.name)] = counts.events[entry.event];
  }
  return {{"dense_macs", counts.dense_macs},
          {"effectual_macs", counts.effectual_macs},
          {"skipped_by_input", counts.skipped_by_input},
          {"skipped_by_weight", counts.skipped_by_weight},
          {"skipped_by_output", counts.skipped_by_output},
          {"cycles", counts.cycles},
          {"compute_cycles", counts.compute_cycles},
          {"memory_cycles", counts.memory_cycles},
          {"loaded",
           {counts.loaded.X, counts.loaded.W, counts.loaded.dZ, counts.loaded.sums, counts.loaded.shortcut,
            counts.loaded.bitmap}},
          {"events", events}};
}

PhaseCounts counts_from_json(const nlohmann::json& saved) {
  PhaseCounts counts;
  counts.dense_macs = saved.at("dense_macs").get<int64_t>();
  counts.effectual_macs = saved.at("effectual_macs").get<int64_t>();
  counts.skipped_by_input = saved.at("skipped_by_input").get<int64_t>();
  counts.skipped_by_weight = saved.at("skipped_by_weight").get<int64_t>();
  counts.skipped_by_output = saved.at("skipped_by_output").get<int64_t>();
  counts.cycles = saved.at("cycles").get<int64_t>();
  counts.compute_cycles = saved.at("compute_cycles").get<int64_t>();
  counts.memory_cycles = saved.at("memory_cycles").get<int64_t>();
  const auto loaded = saved.at("loaded").get<std::array<int64_t, 6>>();
  counts.loaded = {loaded[0], loaded[1], loaded[2], loaded[3], loaded[4], loaded[5]};
  for (const EventEntry& entry : event_table()) {
    counts.events[entry.event] = saved.at("events").at(std::string(entry.name)).get<int64_t>();
  }
  return counts;
}

}  // namespace

ProcessorModel::ProcessorModel(const ProcessorRequest& request, LayerCountsPool& pool, bool explain)
    : parameters_(std::make_unique<ProcessorParameters>(load_processor(request.name_or_file, request.overrides))),
      used_(std::make_unique<ProcessorParameters>(*parameters_)),
      prices_(load_cost_table(parameters_->cost), *parameters_),
      pool_(&pool),
      explain_(explain),
      all_dataflows_(all_dataflows(*parameters_)) {
  check_prices(prices_, *parameters_);
}

void ProcessorModel::restrict_masks(bool backpropagation, bool weight_gradient) {
  used_->speculates_backpropagation = parameters_->speculates_backpropagation && backpropagation;
  used_->skip_pruned_gradients = parameters_->skip_pruned_gradients && weight_gradient;
}

void ProcessorModel::add(int index, const std::string& name, Phase phase, const PhaseCounts& counts) {
  LayerCounts& layer = layers_[index];
  layer.name = name;
  std::optional<PhaseCounts>& total = layer.phases[static_cast<size_t>(phase)];
  if (!total) {
    total.emplace();
  }
  *total += counts;
}

void ProcessorModel::add(const ContractionLayer& layer, Phase phase, const PhaseOutcome& outcome) {
  add(layer.index, layer.name, phase, outcome.counts);
  if (explain_) {
    layers_[layer.index].explanations[static_cast<size_t>(phase)].add(outcome, all_dataflows_);
  }
}

ContractionModel& ProcessorModel::model_of(const ContractionLayer& layer) {
  std::unique_ptr<ContractionModel>& model = models_[layer.index];
  if (!model || !(model->geometry() == layer.geometry)) {
    model = std::make_unique<ContractionModel>(
        layer.geometry, *used_, pool_->get(layer.index, layer.geometry, used_->tile, used_->lanes),
        LayerRole{layer.input_is_rectified, layer.input_from_batchnorm, layer.output_to_batchnorm});
    const auto wanted = expected_wanted_.find(layer.index);
    if (wanted != expected_wanted_.end()) {
      model->set_last_wanted(wanted->second);
    }
  }
  return *model;
}

void ProcessorModel::feedforward(const ContractionLayer& layer, const WeightView& W, const BitmapView& X,
                                 const WantedOutputs* wanted) {
  add(layer, Phase::FF, model_of(layer).feedforward(W, X, wanted, explain_));
}

void ProcessorModel::backpropagation(const ContractionLayer& layer, const WeightView& W, const BitmapView& X,
                                     const BitmapView& dZ) {
  add(layer, Phase::BP, model_of(layer).backpropagation(W, X, dZ, explain_));
}

void ProcessorModel::weight_gradient(const ContractionLayer& layer, const WeightView& W, const BitmapView& X,
                                     const BitmapView& dZ, bool pruned) {
  add(layer, Phase::WG, model_of(layer).weight_gradient(W, X, dZ, pruned, explain_));
}

void ProcessorModel::batchnorm_feedforward(const BatchNormLayer& layer) {
  add(layer.index, layer.name, Phase::BN, trainer::batchnorm_feedforward(layer, *used_));
}

void ProcessorModel::batchnorm_backpropagation(const BatchNormLayer& layer) {
  add(layer.index, layer.name, Phase::BN, trainer::batchnorm_backpropagation(layer, *used_));
}

int ProcessorModel::layer_of_parameter(const std::string& layer_name) const {
  int own = kAfterLayers;
  for (const auto& [index, layer] : layers_) {
    if (layer.name == layer_name) {
      return index;
    }
    own = std::max(own, index + 1);
  }
  return own;
}

void ProcessorModel::update(const Parameter& parameter) {
  const Pattern& pattern = *parameter.pattern;
  const int64_t elements = used_->skip_pruned_gradients ? pattern.nonzeros() : pattern.size();
  const std::string layer = parameter.name.substr(0, parameter.name.rfind('.'));
  add(layer_of_parameter(layer), layer, Phase::UP, trainer::update(elements, *used_));
}

ProcessorResult ProcessorModel::result(int64_t observed_steps) const {
  ProcessorResult result;
  result.name = parameters_->name;
  result.observed_steps = observed_steps;
  result.clock_MHz = parameters_->clock_MHz;
  result.peak_macs_per_cycle = static_cast<double>(parameters_->array_lanes());
  result.dram_bytes_per_cycle = parameters_->bandwidth_GBps * 1e3 / parameters_->clock_MHz;
  if (explain_) {
    for (const Dataflow& dataflow : all_dataflows_) {
      result.dataflows.push_back(to_string(dataflow));
    }
  }
  for (const auto& [index, layer] : layers_) {
    for (int phase = 0; phase < kPhases; ++phase) {
      const std::optional<PhaseCounts>& counts = layer.phases[static_cast<size_t>(phase)];
      if (!counts) {
        continue;
      }
      const Energy energy = energy_of(counts->events, prices_);
      LayerPhaseResult row;
      row.layer = layer.name;
      row.phase = static_cast<Phase>(phase);
      row.dense_macs = counts->dense_macs;
      row.effectual_macs = counts->effectual_macs;
      row.skipped_by_input = counts->skipped_by_input;
      row.skipped_by_weight = counts->skipped_by_weight;
      row.skipped_by_output = counts->skipped_by_output;
      row.cycles = counts->cycles;
      row.compute_cycles = counts->compute_cycles;
      row.memory_cycles = counts->memory_cycles;
      row.dram_bytes = counts->events[Event::dram_read] + counts->events[Event::dram_write];
      row.loaded = counts->loaded;
      row.stored_bytes = counts->events[Event::dram_write];
      row.utilisation =
          counts->cycles == 0
              ? 0.0
              : static_cast<double>(counts->effectual_macs) /
                    (static_cast<double>(counts->cycles) * static_cast<double>(parameters_->array_lanes()));
      row.core_energy_J = energy.core_J();
      row.system_energy_J = energy.system_J();
      for (const EventEntry& entry : event_table()) {
        if (counts->events[entry.event] != 0) {
          row.events.push_back({entry.name, counts->events[entry.event], energy.event_J(entry.event)});
        }
      }
      result.rows.push_back(std::move(row));
      const Explanation& why = layer.explanations[static_cast<size_t>(phase)];
      if (why.steps > 0) {
        result.choices.push_back({layer.name, static_cast<Phase>(phase), why.chosen, why.changes, why.effectual_macs,
                                  why.predicted_cycles, why.cycles, why.best, why.best_cycles, why.of_all});
      }
    }
  }
  return result;
}

nlohmann::json ProcessorModel::resolved() const { return to_json(*parameters_); }

nlohmann::json ProcessorModel::save() const {
  nlohmann::json layers = nlohmann::json::array();
  for (const auto& [index, layer] : layers_) {
    nlohmann::json phases = nlohmann::json::object();
    for (int phase = 0; phase < kPhases; ++phase) {
      if (const auto& counts = layer.phases[static_cast<size_t>(phase)]) {
        phases[std::string(to_string(static_cast<Phase>(phase)))] = counts_to_json(*counts);
      }
    }
    nlohmann::json explanations = nlohmann::json::object();
    for (int phase = 0; phase < kPhases; ++phase) {
      if (layer.explanations[static_cast<size_t>(phase)].steps > 0) {
        explanations[std::string(to_string(static_cast<Phase>(phase)))] =
            to_json(layer.explanations[static_cast<size_t>(phase)]);
      }
    }
    layers.push_back({{"index", index}, {"name", layer.name}, {"phases", phases}, {"explanations", explanations}});
  }
  std::map<int, int64_t> last_wanted = expected_wanted_;
  for (const auto& [index, model] : models_) {
    if (model->last_wanted() >= 0) {
      last_wanted[index] = model->last_wanted();
    }
  }
  nlohmann::json wanted = nlohmann::json::array();
  for (const auto& [index, outputs] : last_wanted) {
    wanted.push_back({index, outputs});
  }
  return {{"parameters", resolved()}, {"layers", layers}, {"wanted_outputs", wanted}};
}

void ProcessorModel::restore(const nlohmann::json& saved) {
  if (saved.at("parameters") != resolved()) {
    throw UsageError(
        fmt::format("the saved counts are of processor '{}' with other parameters than '{}' has now: "
                    "resume with the processors and --set of the first run",
                    saved.at("parameters").at("name").get<std::string>(), parameters_->name));
  }
  std::map<int, LayerCounts> layers;
  for (const nlohmann::json& layer : saved.at("layers")) {
    LayerCounts& counts = layers[layer.at("index").get<int>()];
    counts.name = layer.at("name").get<std::string>();
    for (int phase = 0; phase < kPhases; ++phase) {
      const std::string name(to_string(static_cast<Phase>(phase)));
      if (layer.at("phases").contains(name)) {
        counts.phases[static_cast<size_t>(phase)] = counts_from_json(layer.at("phases").at(name));
      }
      if (layer.at("explanations").contains(name)) {
        counts.explanations[static_cast<size_t>(phase)] = explanation_from_json(layer.at("explanations").at(name));
      }
    }
  }
  layers_ = std::move(layers);
  expected_wanted_.clear();
  for (const nlohmann::json& entry : saved.at("wanted_outputs")) {
    expected_wanted_[entry.at(0).get<int>()] = entry.at(1).get<int64_t>();
  }
}

}  // namespace trainer
