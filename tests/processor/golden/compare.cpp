#include "processor/golden/compare.h"

#include <fmt/format.h>

#include <sstream>

#include "processor/contraction_model.h"
#include "processor/golden/the_machine.h"
#include "processor/golden/values.h"
#include "processor/processor_file.h"
#include "processor/stream_models.h"

namespace trainer::golden_test {
namespace {

constexpr golden::Phase kGoldenPhases[] = {golden::Phase::FF, golden::Phase::BP, golden::Phase::WG};
constexpr const char* kPhaseNames[] = {"FF", "BP", "WG"};

/// Every event by its member; a new event must be added to both models.
int64_t count_of(const golden::Counts& counts, const golden::Processor& processor, Event event) {
  const bool fp8 = processor.value_bits == 8;
  switch (event) {
    case Event::mac:
      return fp8 ? 0 : counts.mac;
    case Event::mac_fp8:
      return fp8 ? counts.mac : 0;
    case Event::lane_active:
      return counts.lane_active;
    case Event::lane_idle:
      return counts.lane_idle;
    case Event::cycle:
      return counts.cycle;
    case Event::dispatch:
      return counts.dispatch;
    case Event::bitmap_scan:
      return counts.bitmap_scan;
    case Event::bitmap_read:
      return counts.bitmap_read;
    case Event::operand_read:
      return counts.operand_read();
    case Event::accumulate:
      return counts.accumulate;
    case Event::reduce:
      return counts.reduce;
    case Event::estimate:
      return counts.estimate;
    case Event::exponent_read:
      return counts.exponent_read;
    case Event::predict:
      return counts.predict;
    case Event::prune:
      return counts.prune;
    case Event::activation_read:
      return counts.activation_read;
    case Event::activation_write:
      return counts.activation_write;
    case Event::weight_read:
      return counts.weight_read;
    case Event::weight_write:
      return counts.weight_write;
    case Event::output_read:
      return counts.output_read;
    case Event::output_write:
      return counts.output_write;
    case Event::fp32_add:
      return counts.fp32_add;
    case Event::fp32_multiply:
      return counts.fp32_multiply;
    case Event::bn_channel:
      return counts.bn_channel;
    case Event::dram_read:
      return counts.dram_read;
    case Event::dram_write:
      return counts.dram_write;
  }
  return -1;
}

ProcessorParameters fast_parameters(const Case& c) {
  std::vector<std::string> overrides;
  std::istringstream words(processor_string(c.processor, c.pins));
  for (std::string word; words >> word;) {
    overrides.push_back(word);
  }
  return load_processor("trainer-28nm", overrides);
}

/// Set where an output is not skipped.
Bitmap wanted_bits(const ConvolutionGeometry& geometry, const std::vector<uint8_t>& skipped) {
  Tensor wanted(geometry.output());
  const Shape& shape = wanted.shape();
  size_t i = 0;
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t k = 0; k < shape.c; ++k) {
      for (int64_t p = 0; p < shape.h; ++p) {
        for (int64_t q = 0; q < shape.w; ++q) {
          wanted.at(n, k, p, q) = skipped[i++] == 0 ? 1.0F : 0.0F;
        }
      }
    }
  }
  Bitmap bits;
  bits.assign(wanted, 0, 1);
  return bits;
}

/// The fast model of one case.
class Fast {
 public:
  explicit Fast(const Case& c)
      : layer_(c.layer),
        parameters_(fast_parameters(c)),
        bitmaps_(c.layer),
        model_(c.layer.geometry, parameters_,
               std::make_shared<LayerCounts>(c.layer.geometry, parameters_.tile, parameters_.lanes),
               {c.input_is_rectified, c.input_from_batchnorm, c.output_to_batchnorm}),
        case_(c) {
    if (c.before) {
      const LayerBitmaps bitmaps(*c.before);
      for (const golden::Phase phase : kGoldenPhases) {
        run(phase, *c.before, bitmaps, c.skipped_before, 3, false);
      }
    }
  }

  PhaseOutcome run(golden::Phase phase, bool every_dataflow) {
    return run(phase, layer_, bitmaps_, case_.skipped, 1, every_dataflow);
  }
  const ProcessorParameters& parameters() const { return parameters_; }

 private:
  PhaseOutcome run(golden::Phase phase, const LayerCase& layer, const LayerBitmaps& bitmaps,
                   const std::vector<uint8_t>& skipped, int64_t serial, bool every_dataflow) {
    const BitmapView X{bitmaps.X, serial};
    const BitmapView dZ{bitmaps.dZ, serial + 1};
    switch (phase) {
      case golden::Phase::FF:
        return feedforward(layer, X, skipped, every_dataflow);
      case golden::Phase::BP:
        return model_.backpropagation(layer.W(), X, dZ, every_dataflow);
      case golden::Phase::WG:
        break;
    }
    return model_.weight_gradient(layer.W(), X, dZ, case_.gradient_pruned, every_dataflow);
  }

  PhaseOutcome feedforward(const LayerCase& layer, const BitmapView& X, const std::vector<uint8_t>& skipped,
                           bool every_dataflow) {
    if (skipped.empty()) {
      return model_.feedforward(layer.W(), X, nullptr, every_dataflow);
    }
    const Bitmap bits = wanted_bits(layer.geometry, skipped);
    const WantedOutputs wanted{bits, case_.reads_shortcut};
    return model_.feedforward(layer.W(), X, &wanted, every_dataflow);
  }

  const LayerCase& layer_;
  const ProcessorParameters parameters_;
  const LayerBitmaps bitmaps_;
  ContractionModel model_;
  const Case& case_;
};

golden::Dataflow golden_dataflow(const Dataflow& dataflow) {
  golden::Dataflow result;
  result.compress = dataflow.compress == Compress::weight ? golden::Compress::weights : golden::Compress::activations;
  result.gk = dataflow.grouping.output_channels;
  result.gp = dataflow.grouping.positions;
  result.gc = dataflow.grouping.input_channels;
  result.assignment = dataflow.assignment == Assignment::dynamic    ? golden::Assignment::dynamic
                      : dataflow.assignment == Assignment::balanced ? golden::Assignment::balanced
                                                                    : golden::Assignment::in_order;
  return result;
}

std::string to_text(const golden::Dataflow& d) {
  return fmt::format("{} {}x{}x{} {}", d.compress == golden::Compress::weights ? "weight" : "activation", d.gk, d.gp,
                     d.gc,
                     d.assignment == golden::Assignment::dynamic    ? "dynamic"
                     : d.assignment == golden::Assignment::balanced ? "balanced"
                                                                    : "in-order");
}

std::string choice_difference(const golden::Choice& golden, const Choice& fast) {
  const golden::Dataflow fast_dataflow = golden_dataflow(fast.dataflow);
  std::string text;
  if (!(golden.dataflow == fast_dataflow)) {
    text += fmt::format("dataflow golden {} fast {}, ", to_text(golden.dataflow), to_text(fast_dataflow));
  }
  if (golden.predicted_compute != fast.prediction.compute_cycles ||
      golden.predicted_cycles != fast.prediction.cycles()) {
    text += fmt::format("predicted golden {} compute {} fast {} compute {}, ", golden.predicted_cycles,
                        golden.predicted_compute, fast.prediction.cycles(), fast.prediction.compute_cycles);
  }
  return text;
}

std::string time_differences(golden::Phase phase, const Case& c, const golden::Layer& layer, const Fast& fast,
                             const std::vector<PhaseTime>& times) {
  std::string text;
  const std::vector<Dataflow> dataflows = all_dataflows(fast.parameters());
  for (size_t i = 0; i < dataflows.size(); ++i) {
    const golden::Dataflow dataflow = golden_dataflow(dataflows[i]);
    if (phase == golden::Phase::FF && layer.speculated && c.processor.speculation_feedforward && dataflow.gc != 1) {
      continue;  // no candidate: an output is decided on by one group
    }
    const golden::Counts counts = machine().run(phase, layer, c.processor, dataflow).counts;
    if (counts.cycle != times[i].cycles || counts.compute_cycles != times[i].compute_cycles) {
      text += fmt::format("{}: cycles golden {} compute {} fast {} compute {}, ", to_text(dataflow), counts.cycle,
                          counts.compute_cycles, times[i].cycles, times[i].compute_cycles);
    }
  }
  return text;
}

testing::AssertionResult verdict(const std::string& differences, const Case& c) {
  if (differences.empty()) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << differences << "\n" << c.text;
}

testing::AssertionResult same_phases(const Case& c, bool values, bool every_dataflow) {
  const golden::Layer layer = golden_layer(c);
  Fast fast(c);
  std::string text;
  for (size_t i = 0; i < 3; ++i) {
    const golden::Phase phase = kGoldenPhases[i];
    const PhaseOutcome outcome = fast.run(phase, every_dataflow);
    const golden::Choice choice = choose(phase, layer, c.processor, c.pins);
    const golden::Result result = machine().run(phase, layer, c.processor, choice.dataflow);
    std::string differences = choice_difference(choice, outcome.choice);
    differences += difference(result.counts, c.processor, outcome.counts);
    if (values) {
      differences += value_difference(result.output, reference_output(phase, c));
    }
    if (every_dataflow) {
      differences += time_differences(phase, c, layer, fast, outcome.hindsight);
    }
    text +=
        differences.empty() ? "" : fmt::format("{} {}: {}; ", kPhaseNames[i], to_text(choice.dataflow), differences);
  }
  return verdict(text, c);
}

}  // namespace

std::string difference(const golden::Counts& golden, const golden::Processor& processor, const PhaseCounts& fast) {
  std::string text;
  const auto compare = [&](std::string_view name, int64_t golden_count, int64_t fast_count) {
    if (golden_count != fast_count) {
      text += fmt::format("{} golden {} fast {}, ", name, golden_count, fast_count);
    }
  };
  for (const EventEntry& entry : event_table()) {
    compare(entry.name, count_of(golden, processor, entry.event), fast.events[entry.event]);
  }
  compare("cycles", golden.cycle, fast.cycles);
  compare("compute_cycles", golden.compute_cycles, fast.compute_cycles);
  compare("memory_cycles", golden.memory_cycles, fast.memory_cycles);
  compare("X bits loaded", golden.loaded.X, fast.loaded.X);
  compare("W bits loaded", golden.loaded.W, fast.loaded.W);
  compare("dZ bits loaded", golden.loaded.dZ, fast.loaded.dZ);
  compare("sum bits loaded", golden.loaded.sums, fast.loaded.sums);
  compare("shortcut bits loaded", golden.loaded.shortcut, fast.loaded.shortcut);
  compare("bitmap bits loaded", golden.loaded.bitmap, fast.loaded.bitmap);
  compare("effectual", golden.mac, fast.effectual_macs);
  compare("skipped_by_input", golden.skipped_by_input, fast.skipped_by_input);
  compare("skipped_by_weight", golden.skipped_by_weight, fast.skipped_by_weight);
  compare("skipped_by_output", golden.skipped_by_output, fast.skipped_by_output);
  compare("dense", golden.mac + golden.skipped_by_input + golden.skipped_by_weight + golden.skipped_by_output,
          fast.dense_macs);
  return text;
}

testing::AssertionResult same(const Case& c, bool every_dataflow) { return same_phases(c, true, every_dataflow); }

testing::AssertionResult same_counts(const Case& c) { return same_phases(c, false, false); }

PhaseCounts fast_feedforward(const Case& c) { return Fast(c).run(golden::Phase::FF, false).counts; }

testing::AssertionResult same_units(const Case& c) {
  const ProcessorParameters parameters = fast_parameters(c);
  const Shape shape = c.layer.geometry.output();
  golden::BatchNorm batchnorm;
  batchnorm.n = shape.n;
  batchnorm.c = shape.c;
  batchnorm.h = shape.h;
  batchnorm.w = shape.w;
  batchnorm.Z = in_order(c.layer.dZ);
  batchnorm.dY = batchnorm.Z;
  batchnorm.gamma.assign(static_cast<size_t>(shape.c), 1.5F);
  batchnorm.beta.assign(static_cast<size_t>(shape.c), 0.5F);
  std::string text;
  const auto compare = [&](const char* what, const golden::Counts& counts, const PhaseCounts& fast) {
    const std::string differences = difference(counts, c.processor, fast);
    text += differences.empty() ? "" : fmt::format("{}: {}; ", what, differences);
  };
  batchnorm.input_from_contraction = c.batchnorm_after_contraction;
  batchnorm.applied_on_load = c.applied_on_load;
  batchnorm.contraction_has_bp = c.contraction_has_bp;
  BatchNormLayer layer;
  layer.shape = shape;
  layer.applied_on_load = static_cast<int>(c.applied_on_load);
  layer.input_from_contraction = c.batchnorm_after_contraction;
  layer.contraction_has_bp = c.contraction_has_bp;
  compare("BN forward", machine().batchnorm_feedforward(batchnorm, c.processor).counts,
          batchnorm_feedforward(layer, parameters));
  compare("BN backward", machine().batchnorm_backpropagation(batchnorm, c.processor).counts,
          batchnorm_backpropagation(layer, parameters));

  golden::Update step;
  step.unpruned = c.layer.pattern->mask();
  step.weight.assign(step.unpruned.size(), 1.0F);
  step.momentum.assign(step.unpruned.size(), 0.5F);
  step.gradient.assign(step.unpruned.size(), 0.25F);
  const int64_t trained = parameters.skip_pruned_gradients ? c.layer.pattern->nonzeros() : c.layer.pattern->size();
  compare("UP", machine().update(step, c.processor).counts, update(trained, parameters));
  return verdict(text, c);
}

}  // namespace trainer::golden_test
