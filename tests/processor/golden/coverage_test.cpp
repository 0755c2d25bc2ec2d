#include <gtest/gtest.h>

#include <map>
#include <string>

#include "processor/golden/case.h"
#include "processor/golden/passes.h"

namespace trainer::golden_test {
namespace {

using golden::Phase;

/// What is special about a phase of a case.
std::vector<std::string> kinds_of(Phase phase, const Case& c, const golden::Layer& layer) {
  const golden::Dataflow dataflow = choose(phase, layer, c.processor, c.pins).dataflow;
  const golden::Job job(phase, layer, c.processor, dataflow);
  const golden::PassPlan plan = plan_passes(job);
  const bool AC = dataflow.compress == golden::Compress::activations;
  const std::string where = std::string(phase == Phase::FF ? "FF" : phase == Phase::BP ? "BP" : "WG");
  std::vector<std::string> kinds{where + (AC ? " AC" : " WC")};
  const auto note = [&](bool holds, const char* kind) {
    if (holds) {
      kinds.push_back(where + " " + kind);
    }
  };
  const golden::Pass& first = plan.passes.front();
  note(plan.passes.size() > 2, "several passes");
  note(first.tiles.size() > 1 && first.tiles.end < job.tiles, "tile span of several");
  note(first.blocks.size() > 1 && first.blocks.end < static_cast<int64_t>(job.blocks.size()), "block span of several");
  note(plan.passes.size() > 1 && plan.passes[1].blocks.first != 0, "blocks first");
  note(plan.passes.size() > 1 && plan.passes[1].tiles.first != 0, "tiles first");
  note(plan.activations_too_large, "activations too large");
  note(plan.weights_too_large, "weights too large");
  note(plan.activations_too_large && plan.weights_too_large, "both too large");
  note(plan.sums_too_large, "sums too large");
  note(plan.sums_too_large && plan.passes[0].tiles.end < job.tiles, "sums leave and come back");
  note(job.lockstep, "lockstep");
  note(dataflow.gc > job.inputs_per_group, "empty slice");
  note(dataflow.assignment == golden::Assignment::balanced && dataflow.gk > 1, "balanced over several groups");
  note(!c.pins.compress && !c.pins.grouping && !c.pins.assignment, "all adaptive");
  return kinds;
}

TEST(GoldenCases, AreOfEveryKind) {
  constexpr int kLeast = 3;
  std::map<std::string, int> counts;
  for (uint64_t number = 0; number < 600; ++number) {
    const Case c = random_case(number);
    const golden::Layer layer = golden_layer(c);
    for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
      for (const std::string& kind : kinds_of(phase, c, layer)) {
        ++counts[kind];
      }
    }
  }
  for (const std::string phase : {"FF", "BP", "WG"}) {
    for (const char* kind : {"WC", "AC", "several passes", "tile span of several", "block span of several",
                             "tiles first", "activations too large", "weights too large", "both too large", "lockstep",
                             "empty slice", "balanced over several groups", "all adaptive"}) {
      EXPECT_GE(counts[phase + " " + kind], kLeast) << phase << " " << kind;
    }
  }
  for (const char* kind : {"FF blocks first", "BP blocks first", "WG sums too large", "WG sums leave and come back"}) {
    EXPECT_GE(counts[kind], kLeast) << kind;
  }
}

}  // namespace
}  // namespace trainer::golden_test
