#include "processor/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "processor/loop_model.h"
#include "processor/processor_file.h"
#include "processor/random_layer.h"

namespace trainer {
namespace {

// conv1 (no BP) -> bn1 -> conv2 and, reading the same X, a strided 1 x 1 shortcut -> fc: one step as a network calls
// it.
class SmallNetwork {
 public:
  SmallNetwork() {
    const ConvolutionGeometry conv1{.n = 12, .c = 3, .h = 8, .w = 8, .k = 6, .r = 3, .s = 3, .padding = 1};
    const ConvolutionGeometry conv2{
        .n = 12, .c = 6, .h = 8, .w = 8, .k = 10, .r = 3, .s = 3, .stride = 2, .padding = 1};
    const ConvolutionGeometry shortcut{.n = 12, .c = 6, .h = 8, .w = 8, .k = 10, .stride = 2};
    const ConvolutionGeometry fc{.n = 12, .c = 10, .k = 5};
    layers = {{0, "conv1", false, false, conv1, false, false, true},
              {3, "conv2", false, true, conv2, true, true, false},
              {5, "shortcut", false, true, shortcut, true, true, false},
              {9, "fc", true, true, fc, false, false, false}};
  }

  // The operands of a step; conv2 and shortcut share X.
  std::vector<LayerCase> operands(uint64_t step) const {
    std::vector<LayerCase> cases;
    for (size_t i = 0; i < layers.size(); ++i) {
      cases.push_back(make_layer(layers[i].geometry, 0.5, 0.8, 0.3, step * 10 + i));
      LayerCase& layer = cases.back();
      layer.input_is_rectified = layers[i].input_is_rectified;
      layer.input_from_batchnorm = layers[i].input_from_batchnorm;
      layer.output_to_batchnorm = layers[i].output_to_batchnorm;
      // conv2 is speculated in all steps but the second; the first layer's small gradients are dropped in the first.
      if (i == 1 && step != 1) {
        for (int64_t output = 0; output < layers[i].geometry.output().size(); ++output) {
          layer.skipped.push_back((output + static_cast<int64_t>(step)) % 3 == 0 ? 1 : 0);
        }
        layer.reads_shortcut = step == 0;
        layer.wanted_before = step == 0 ? -1 : wanted(0);
      }
      layer.gradient_pruned = i == 0 && step == 0;
    }
    cases[2].X = cases[1].X;
    return cases;
  }

  // Outputs of conv2 that are not skipped in a step.
  int64_t wanted(uint64_t step) const {
    const std::vector<uint8_t> skipped = operands(step)[1].skipped;
    return std::count(skipped.begin(), skipped.end(), 0);
  }

  // The bits that the hook is shown.
  static std::vector<uint64_t> pack(const std::vector<uint8_t>& skipped, int64_t channels, int64_t words) {
    std::vector<uint64_t> bits(static_cast<size_t>(channels * words));
    const size_t per_channel = skipped.size() / static_cast<size_t>(channels);
    for (size_t i = 0; i < skipped.size(); ++i) {
      const size_t bit = i % per_channel;
      bits[i / per_channel * static_cast<size_t>(words) + bit / 64] |= uint64_t{skipped[i]} << (bit % 64);
    }
    return bits;
  }

  void run(StepHook& hook, uint64_t step) const {
    const std::vector<LayerCase> cases = operands(step);
    std::vector<Parameter> parameters;
    hook.begin_step(static_cast<int64_t>(step));
    const BatchNormLayer bn{1, "bn1", {12, 6, 8, 8}, 2, true, false};
    Tensor unused(bn.shape);
    for (size_t i = 0; i < layers.size(); ++i) {
      Tensor Z(layers[i].geometry.output());
      const int64_t words = (Z.shape().channel_size() + 63) / 64;
      const std::vector<uint64_t> bits = pack(cases[i].skipped, Z.shape().c, words);
      if (!cases[i].skipped.empty()) {
        hook.outputs_skipped(layers[i], {bits, words, 0, cases[i].reads_shortcut});
      }
      hook.feedforward(layers[i], cases[i].X, cases[i].W(), Z);
      if (i == 0) {
        hook.batchnorm_feedforward(bn, Z);
      }
    }
    for (size_t i = layers.size(); i-- > 0;) {
      Tensor dZ = cases[i].dZ;
      if (cases[i].gradient_pruned) {
        hook.gradient_dropped(layers[i]);
      }
      hook.gradient(layers[i], cases[i].X, cases[i].W(), dZ);
      std::vector<float> dW(cases[i].weights.size());
      hook.weight_gradient(layers[i], cases[i].X, cases[i].W(), dZ, dW);
      if (layers[i].has_bp) {
        Tensor dX(layers[i].geometry.input());
        hook.backpropagation(layers[i], cases[i].X, cases[i].W(), dZ, dX);
      }
      if (i == 1) {
        hook.batchnorm_backpropagation(bn, unused, unused);
      }
      parameters.push_back({layers[i].name + ".weight", {}, cases[i].pattern, {}, {}, true, true});
    }
    parameters.push_back({"fc.bias", {5}, Pattern::full(1, 5), {}, {}, false, false});
    parameters.push_back({"bn1.weight", {6}, Pattern::full(1, 6), {}, {}, false, false});
    parameters.push_back({"scale.alpha", {7}, Pattern::full(1, 7), {}, {}, false, false});
    std::vector<Parameter*> pointers;
    pointers.reserve(parameters.size());
    for (Parameter& parameter : parameters) {
      pointers.push_back(&parameter);
    }
    hook.update(pointers);
    hook.end_step();
  }

  std::vector<ContractionLayer> layers;
};

const std::vector<ProcessorRequest> kBoth = {{"trainer-28nm", {}}, {"dense-28nm", {"array.lanes=4"}}};

const LayerPhaseResult& row_of(const ProcessorResult& result, const std::string& layer, Phase phase) {
  for (const LayerPhaseResult& row : result.rows) {
    if (row.layer == layer && row.phase == phase) {
      return row;
    }
  }
  throw std::out_of_range(layer);
}

TEST(Simulation, CountsAreThoseOfTheContract) {
  const SmallNetwork network;
  Simulation simulation(kBoth, 1);
  for (uint64_t step = 0; step < 3; ++step) {
    network.run(*simulation.hook(static_cast<int64_t>(step)), step);
  }
  const std::vector<ProcessorResult> results = simulation.results();
  ASSERT_EQ(results.size(), 2U);
  for (size_t p = 0; p < 2; ++p) {
    const ProcessorParameters parameters = load_processor(kBoth[p].name_or_file, kBoth[p].overrides);
    EXPECT_EQ(results[p].observed_steps, 3);
    for (size_t i = 0; i < network.layers.size(); ++i) {
      for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
        if (phase == Phase::BP && !network.layers[i].has_bp) {
          EXPECT_THROW(row_of(results[p], network.layers[i].name, phase), std::out_of_range);
          continue;
        }
        PhaseCounts expected;
        for (uint64_t step = 0; step < 3; ++step) {
          expected += loop_model(phase, network.operands(step)[i], parameters).counts;
        }
        const LayerPhaseResult& row = row_of(results[p], network.layers[i].name, phase);
        EXPECT_EQ(row.cycles, expected.cycles);
        EXPECT_EQ(row.effectual_macs, expected.effectual_macs);
        EXPECT_EQ(row.dense_macs, expected.dense_macs);
        EXPECT_EQ(row.dense_macs,
                  row.effectual_macs + row.skipped_by_input + row.skipped_by_weight + row.skipped_by_output);
        for (const EventResult& event : row.events) {
          for (const EventEntry& entry : event_table()) {
            if (entry.name == event.event) {
              EXPECT_EQ(event.count, expected.events[entry.event]) << entry.name;
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(results[1].rows[0].effectual_macs, results[1].rows[0].dense_macs);
}

TEST(Simulation, RestrictedMasksAreThoseOfAProcessorWithoutThem) {
  const SmallNetwork network;
  const auto effectual = [&](const std::vector<std::string>& overrides,
                             const std::optional<std::pair<bool, bool>>& masks) {
    Simulation simulation({{"trainer-28nm", overrides}}, 1);
    if (masks) {
      simulation.restrict_masks(masks->first, masks->second);
    }
    network.run(*simulation.hook(0), 0);
    std::vector<int64_t> macs;
    const std::vector<ProcessorResult> results = simulation.results();
    for (const LayerPhaseResult& row : results[0].rows) {
      macs.insert(macs.end(), {row.effectual_macs, row.cycles});
    }
    return macs;
  };
  const std::string no_bp = "speculation.backpropagation=false";
  const std::string no_wg = "skip.pruned_gradients=false";
  const auto all = effectual({}, std::nullopt);
  EXPECT_EQ(effectual({}, {{true, true}}), all);
  EXPECT_EQ(effectual({}, {{false, true}}), effectual({no_bp}, std::nullopt));
  EXPECT_EQ(effectual({}, {{true, false}}), effectual({no_wg}, std::nullopt));
  EXPECT_EQ(effectual({}, {{false, false}}), effectual({no_bp, no_wg}, std::nullopt));
  EXPECT_NE(effectual({no_bp}, std::nullopt), all);
  EXPECT_NE(effectual({no_wg}, std::nullopt), all);
}

TEST(Simulation, RowsAreInOrderOfExecutionAndPhase) {
  const SmallNetwork network;
  Simulation simulation(kBoth, 1);
  network.run(*simulation.hook(0), 0);
  std::vector<std::string> rows;
  const std::vector<ProcessorResult> results = simulation.results();
  for (const LayerPhaseResult& row : results[0].rows) {
    rows.push_back(row.layer + " " + std::string(to_string(row.phase)));
  }
  EXPECT_THAT(rows, testing::ElementsAre("conv1 FF", "conv1 WG", "conv1 UP", "bn1 BN", "bn1 UP", "conv2 FF", "conv2 BP",
                                         "conv2 WG", "conv2 UP", "shortcut FF", "shortcut BP", "shortcut WG",
                                         "shortcut UP", "fc FF", "fc BP", "fc WG", "fc UP", "scale UP"));
}

TEST(Simulation, EnergyPartsSumToTheirTotals) {
  const SmallNetwork network;
  Simulation simulation(kBoth, 1);
  network.run(*simulation.hook(0), 0);
  for (const ProcessorResult& result : simulation.results()) {
    int64_t cycles = 0;
    for (const LayerPhaseResult& row : result.rows) {
      double core = 0;
      double dram = 0;
      for (const EventResult& event : row.events) {
        (event.event.starts_with("dram") ? dram : core) += event.energy_J;
      }
      EXPECT_DOUBLE_EQ(row.core_energy_J, core);
      EXPECT_DOUBLE_EQ(row.system_energy_J, core + dram);
      EXPECT_GT(row.core_energy_J, 0);
      EXPECT_LE(row.utilisation, 1.0);
      cycles += row.cycles;
    }
    EXPECT_DOUBLE_EQ(result.time_s(), static_cast<double>(cycles) / 60e6);
  }
  // Skipping saves both time and energy on the same tensors.
  const auto results = simulation.results();
  EXPECT_LT(row_of(results[0], "conv2", Phase::FF).cycles, row_of(results[1], "conv2", Phase::FF).cycles);
  EXPECT_LT(row_of(results[0], "conv2", Phase::FF).core_energy_J, row_of(results[1], "conv2", Phase::FF).core_energy_J);
}

TEST(Simulation, ResumedEqualsUninterrupted) {
  const SmallNetwork network;
  Simulation whole(kBoth, 1);
  Simulation first(kBoth, 1);
  network.run(*whole.hook(0), 0);
  network.run(*first.hook(0), 0);
  const std::string text = first.save().dump();
  Simulation second(kBoth, 1);
  second.restore(nlohmann::json::parse(text));
  EXPECT_EQ(second.save(), first.save());
  network.run(*whole.hook(1), 1);
  network.run(*second.hook(1), 1);
  EXPECT_EQ(second.save(), whole.save());
  EXPECT_EQ(second.results()[0].rows[3].core_energy_J, whole.results()[0].rows[3].core_energy_J);
}

TEST(Simulation, ExplainsItsChoices) {
  const SmallNetwork network;
  Simulation plain(kBoth, 1);
  Simulation whole(kBoth, 1, true);
  Simulation first(kBoth, 1, true);
  network.run(*plain.hook(0), 0);
  network.run(*whole.hook(0), 0);
  network.run(*first.hook(0), 0);
  EXPECT_TRUE(plain.results()[0].choices.empty());
  Simulation second(kBoth, 1, true);
  second.restore(nlohmann::json::parse(first.save().dump()));
  network.run(*whole.hook(1), 1);
  network.run(*second.hook(1), 1);
  EXPECT_EQ(second.save(), whole.save()) << "explanations are resumed as counts are";

  const std::vector<ProcessorResult> results = whole.results();
  const ProcessorResult& result = results[0];
  ASSERT_EQ(result.dataflows.size(), 2U * (10 * 2 + 4));
  ASSERT_EQ(result.choices.size(), 11U) << "FF, BP, WG of four layers, the first without BP";
  for (const DataflowChoice& choice : result.choices) {
    EXPECT_EQ(choice.cycles, row_of(result, choice.layer, choice.phase).cycles);
    EXPECT_EQ(choice.effectual_macs, row_of(result, choice.layer, choice.phase).effectual_macs);
    EXPECT_GE(choice.cycles, choice.best_cycles);
    for (size_t i = 0; i < choice.pinned_cycles.size(); ++i) {
      // conv2's FF is speculated in one of the two steps: no dataflow with slices of input channels can be pinned.
      if (choice.layer == "conv2" && choice.phase == Phase::FF &&
          result.dataflows[i].find("x1 ") == std::string::npos) {
        EXPECT_EQ(choice.pinned_cycles[i], 0) << result.dataflows[i];
      } else {
        EXPECT_GE(choice.pinned_cycles[i], choice.best_cycles) << choice.layer;
      }
    }
    EXPECT_GT(choice.best_cycles, 0);
  }
  // A processor chooses among what it does not pin.
  for (const DataflowChoice& choice : results[1].choices) {
    EXPECT_THAT(choice.chosen, testing::MatchesRegex("weight-compressed .* in-order"));
  }
}

TEST(Simulation, RestoreRefusesOtherProcessors) {
  const SmallNetwork network;
  Simulation simulation(kBoth, 1);
  network.run(*simulation.hook(0), 0);
  const nlohmann::json saved = simulation.save();
  EXPECT_THROW(Simulation({{"trainer-28nm", {}}}, 1).restore(saved), UsageError);
  EXPECT_THROW(Simulation({{"trainer-28nm", {}}, {"dense-28nm", {}}}, 1).restore(saved), UsageError);
  EXPECT_THROW(simulation.restore(nlohmann::json::object()), UsageError);
  nlohmann::json other_version = saved;
  other_version["version"] = 1;
  EXPECT_THROW(simulation.restore(other_version), UsageError);
  nlohmann::json broken = saved;
  broken["processors"][0]["layers"][0]["phases"]["FF"].erase("cycles");
  EXPECT_THROW(simulation.restore(broken), UsageError);
  EXPECT_EQ(simulation.save(), saved) << "a refused restore changes nothing";
}

TEST(Simulation, ObservesEveryNthStep) {
  Simulation simulation(kBoth, 3);
  for (int64_t step = 0; step < 7; ++step) {
    EXPECT_EQ(simulation.hook(step) != nullptr, step % 3 == 0);
  }
  EXPECT_EQ(Simulation({}, 1).hook(0), nullptr);
}

TEST(Simulation, ResolvedHoldsEveryParameter) {
  const nlohmann::json resolved = Simulation(kBoth, 1).resolved();
  ASSERT_EQ(resolved.size(), 2U);
  EXPECT_EQ(resolved[0]["name"], "trainer-28nm");
  EXPECT_EQ(resolved[1]["array"]["lanes"], 4);
  EXPECT_EQ(resolved[1]["batchnorm"]["unit"], "conventional");
}

TEST(Simulation, Misuse) {
  EXPECT_THROW(Simulation({{"no-such-processor", {}}}, 1), UsageError);
  EXPECT_THROW(Simulation({{"trainer-28nm", {"cost=no-such-table"}}}, 1), UsageError);
  EXPECT_THROW(Simulation(kBoth, 0), UsageError);
  EXPECT_THROW(Simulation({{"trainer-28nm", {}}, {"trainer-28nm", {"array.lanes=4"}}}, 1), UsageError);
  Simulation twice({{"trainer-28nm", {}}, {"trainer-28nm", {"array.lanes=4", "name=narrow"}}}, 1);
  EXPECT_EQ(twice.results()[1].name, "narrow");
}

}  // namespace
}  // namespace trainer
