#include "processor/simulation.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/error.h"
#include "processor/processor_model.h"
#include "processor/step_bitmaps.h"

namespace trainer {
namespace {

/// Hands every phase of a step to all processors, with the bitmaps of its tensors.
class Observer : public StepHook {
 public:
  explicit Observer(std::vector<ProcessorModel>& processors) : processors_(processors) {}

  void begin_step(int64_t /*step*/) override {
    bitmaps_.begin_step();
    wanted_.reset();
    pruned_layers_.clear();
  }

  void outputs_skipped(const ContractionLayer& layer, const SkippedOutputs& skipped) override {
    wanted_.emplace(WantedOutputs{bitmaps_.wanted(layer, skipped), skipped.reads_shortcut});
  }

  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& /*Z*/) override {
    const BitmapView input = bitmaps_.input(layer, X);
    for (ProcessorModel& processor : processors_) {
      processor.feedforward(layer, W, input, wanted_ ? &*wanted_ : nullptr);
    }
    wanted_.reset();
  }

  void gradient_dropped(const ContractionLayer& layer) override { pruned_layers_.insert(layer.index); }

  void gradient(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/, Tensor& dZ) override {
    bitmaps_.set_gradient(layer, dZ);
  }

  void backpropagation(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                       Tensor& /*dX*/) override {
    const BitmapView input = bitmaps_.input(layer, X);
    const BitmapView gradient = bitmaps_.gradient(layer, dZ);
    for (ProcessorModel& processor : processors_) {
      processor.backpropagation(layer, W, input, gradient);
    }
  }

  void weight_gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                       std::span<float> /*dW*/) override {
    const BitmapView input = bitmaps_.input(layer, X);
    const BitmapView gradient = bitmaps_.gradient(layer, dZ);
    for (ProcessorModel& processor : processors_) {
      processor.weight_gradient(layer, W, input, gradient, pruned_layers_.count(layer.index) > 0);
    }
  }

  void batchnorm_feedforward(const BatchNormLayer& layer, const Tensor& /*Z*/) override {
    for (ProcessorModel& processor : processors_) {
      processor.batchnorm_feedforward(layer);
    }
  }

  void batchnorm_backpropagation(const BatchNormLayer& layer, const Tensor& /*Z*/, Tensor& /*dZ*/) override {
    for (ProcessorModel& processor : processors_) {
      processor.batchnorm_backpropagation(layer);
    }
  }

  void update(std::span<Parameter* const> parameters) override {
    for (ProcessorModel& processor : processors_) {
      for (const Parameter* parameter : parameters) {
        processor.update(*parameter);
      }
    }
  }

  void end_step() override { ++observed_steps; }

  int64_t observed_steps = 0;

 private:
  std::vector<ProcessorModel>& processors_;
  StepBitmaps bitmaps_;
  std::optional<WantedOutputs> wanted_;  // of the layer whose FF comes next
  std::set<int> pruned_layers_;          // of this step
};

}  // namespace

double ProcessorResult::time_s() const {
  int64_t cycles = 0;
  for (const LayerPhaseResult& row : rows) {
    cycles += row.cycles;
  }
  return static_cast<double>(cycles) / (clock_MHz * 1e6);
}

struct Simulation::State {
  explicit State(int64_t every) : observe_every(every), observer(processors) {}

  int64_t observe_every;
  LayerCountsPool pool;
  std::vector<ProcessorModel> processors;
  Observer observer;
};

Simulation::Simulation(const std::vector<ProcessorRequest>& processors, int64_t observe_every, bool explain)
    : state_(std::make_unique<State>(observe_every)) {
  if (observe_every < 1) {
    throw UsageError(fmt::format("processors cannot observe every {} steps: give 1 or more", observe_every));
  }
  std::set<std::string> names;
  for (const ProcessorRequest& request : processors) {
    state_->processors.emplace_back(request, state_->pool, explain);
    const std::string& name = state_->processors.back().parameters().name;
    if (!names.insert(name).second) {
      throw UsageError(
          fmt::format("two processors are named '{}': give one another name, such as --set name={}-2", name, name));
    }
  }
}

Simulation::~Simulation() = default;

void Simulation::restrict_masks(bool backpropagation, bool weight_gradient) {
  for (ProcessorModel& processor : state_->processors) {
    processor.restrict_masks(backpropagation, weight_gradient);
  }
}

void Simulation::expect_wanted_outputs(const ContractionLayer& layer, int64_t outputs) {
  for (ProcessorModel& processor : state_->processors) {
    processor.expect_wanted_outputs(layer.index, outputs);
  }
}

StepHook* Simulation::hook(int64_t step) {
  return !state_->processors.empty() && step % state_->observe_every == 0 ? &state_->observer : nullptr;
}

std::vector<ProcessorResult> Simulation::results() const {
  std::vector<ProcessorResult> results;
  for (const ProcessorModel& processor : state_->processors) {
    results.push_back(processor.result(state_->observer.observed_steps));
  }
  return results;
}

nlohmann::json Simulation::resolved() const {
  nlohmann::json list = nlohmann::json::array();
  for (const ProcessorModel& processor : state_->processors) {
    list.push_back(processor.resolved());
  }
  return list;
}

nlohmann::json Simulation::save() const {
  nlohmann::json list = nlohmann::json::array();
  for (const ProcessorModel& processor : state_->processors) {
    list.push_back(processor.save());
  }
  return {{"version", 4}, {"observed_steps", state_->observer.observed_steps}, {"processors", list}};
}

void Simulation::restore(const nlohmann::json& saved) {
  try {
    if (saved.at("version") != 4) {
      throw UsageError(fmt::format("the saved processor counts have version {}, this program reads version 4",
                                   saved.at("version").dump()));
    }
    const nlohmann::json& list = saved.at("processors");
    if (list.size() != state_->processors.size()) {
      throw UsageError(fmt::format("the saved counts are of {} processors, this run has {}: resume with the same ones",
                                   list.size(), state_->processors.size()));
    }
    const auto observed_steps = saved.at("observed_steps").get<int64_t>();
    for (size_t i = 0; i < list.size(); ++i) {
      state_->processors[i].restore(list[i]);
    }
    state_->observer.observed_steps = observed_steps;
  } catch (const nlohmann::json::exception& error) {
    throw UsageError(fmt::format("the saved processor counts cannot be read: {}", error.what()));
  }
}

}  // namespace trainer
