#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "processor/golden/case.h"
#include "processor/golden/item_port.h"
#include "processor/golden/passes.h"

namespace trainer::golden_test {
namespace {

using golden::Assignment;
using golden::Compress;
using golden::Dataflow;
using golden::Phase;

const char* name_of(Phase phase) { return phase == Phase::FF ? "FF" : phase == Phase::BP ? "BP" : "WG"; }

/// What is special about a phase of a case.
class Kinds {
 public:
  Kinds(Phase phase, const Case& c, const golden::Layer& layer)
      : name_(name_of(phase)),
        case_(c),
        dataflow_(choose(phase, layer, c.processor, c.pins).dataflow),
        job_(phase, layer, c.processor, dataflow_) {
    note_dataflow();
    note_passes(plan_passes(job_));
    note_selection();
    note_port();
  }
  const std::vector<std::string>& list() const { return list_; }

 private:
  void note(bool holds, const std::string& kind) {
    if (holds) {
      list_.push_back(name_ + " " + kind);
    }
  }

  void note_dataflow() {
    const bool several_groups = dataflow_.gk * dataflow_.gp > 1;
    note(true, dataflow_.compress == Compress::activations ? "AC" : "WC");
    note(job_.lockstep, "lockstep");
    note(dataflow_.gc > job_.inputs_per_group, "empty slice");
    note(dataflow_.assignment == Assignment::balanced && dataflow_.gk > 1, "balanced over several groups");
    note(dataflow_.assignment == Assignment::dynamic && several_groups, "dynamic over several groups");
    note(dataflow_.assignment == Assignment::dynamic && several_groups && dataflow_.gc > 1, "dynamic with slices");
    note(!case_.pins.compress && !case_.pins.grouping && !case_.pins.assignment, "all adaptive");
  }

  void note_passes(const golden::PassPlan& plan) {
    const golden::Pass& first = plan.passes.front();
    note(plan.passes.size() > 2, "several passes");
    note(first.tiles.size() > 1 && first.tiles.end < job_.tiles, "tile span of several");
    note(first.blocks.size() > 1 && first.blocks.end < static_cast<int64_t>(job_.blocks.size()),
         "block span of several");
    note(plan.passes.size() > 1 && plan.passes[1].blocks.first != 0, "blocks first");
    note(plan.passes.size() > 1 && plan.passes[1].tiles.first != 0, "tiles first");
    note(plan.activations_too_large, "activations too large");
    note(plan.weights_too_large, "weights too large");
    note(plan.activations_too_large && plan.weights_too_large, "both too large");
    note(plan.sums_too_large, "sums too large");
    note(plan.sums_too_large && plan.passes[0].tiles.end < job_.tiles, "sums leave and come back");
  }

  /// Of FF and BP, outputs that nobody wants.
  void note_selection() {
    if (!job_.selective) {
      return;
    }
    const std::string kind = job_.speculated ? "speculated " : "masked ";
    const std::vector<float>& X = job_.layer.X;
    const auto unwanted = job_.speculated ? std::count(case_.skipped.begin(), case_.skipped.end(), 1)
                                          : std::count(X.begin(), X.end(), 0.0F);
    const auto all = static_cast<int64_t>(job_.speculated ? case_.skipped.size() : X.size());
    note(true, kind + (dataflow_.compress == Compress::activations ? "AC" : "WC"));
    note(dataflow_.assignment == Assignment::dynamic && dataflow_.gk * dataflow_.gp > 1, kind + "and dynamic");
    note(job_.zeros(), kind + "with zeros skipped");
    note(!job_.zeros(), kind + "without zeros skipped");
    note(unwanted == 0, kind + "and all wanted");
    note(unwanted == all, kind + "and nothing wanted");
    note(unwanted > 0 && unwanted < all, kind + "in part");
    note(job_.layer.stride > 1, kind + "with a stride");
    note(job_.layer.groups > 1, kind + "in convolution groups");
    note(job_.speculated && job_.layer.reads_shortcut, kind + "with a shortcut");
    note(job_.speculated && job_.layer.wanted.has_value(), kind + "before");
    note(job_.speculated && case_.processor.estimator_fifo == 1, kind + "into a queue of one");
    note(job_.speculated && case_.processor.estimator_fifo > 1, kind + "into a queue of several");
    note(job_.speculated && case_.processor.estimator_lanes < case_.processor.lanes, kind + "by fewer lanes");
    note(job_.speculated && case_.processor.estimator_lanes > case_.processor.lanes, kind + "by more lanes");
    note(job_.masked && dataflow_.gc > 1, kind + "in slices");
  }

  void note_port() {
    int64_t most = 0;
    for (int64_t b = 0; b < static_cast<int64_t>(job_.blocks.size()); ++b) {
      most = std::max(most, port_cycles(job_, {0, 0, 0, b, 0}));
    }
    note(true, "port of " + std::to_string(case_.processor.port_bits));
    note(most > 1 && most <= 16, "some cycles in the port");
    note(most > 16, "many cycles in the port");

    const golden::Processor& p = case_.processor;
    const int64_t ways = p.output_port_bits / (golden::kSumBits * p.pes * p.drain);
    note(true, "output port of " + std::to_string(p.output_port_bits));
    note(ways == 0, "an output port for less than a group");
    note(p.groups > 1 && ways <= 1, "an output port for one of several groups");
    note(p.groups > ways && ways > 1, "an output port for some groups");
    note(ways >= p.groups, "an output port for all groups");
    note(p.groups > ways && dataflow_.assignment == Assignment::dynamic, "dynamic before a narrow output port");
  }

  std::string name_;
  const Case& case_;
  Dataflow dataflow_;
  golden::Job job_;
  std::vector<std::string> list_;
};

/// Of so many random layers, how many have a phase of each kind.
std::map<std::string, int> count_kinds() {
  std::map<std::string, int> counts;
  for (uint64_t number = 0; number < 600; ++number) {
    const Case c = random_case(number);
    const golden::Layer layer = golden_layer(c);
    for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
      const Kinds kinds(phase, c, layer);
      for (const std::string& kind : kinds.list()) {
        ++counts[kind];
      }
    }
  }
  return counts;
}

TEST(GoldenCases, AreOfEveryKind) {
  constexpr int kLeast = 3;
  constexpr int kOften = 10;
  const std::map<std::string, int> counts = count_kinds();
  const auto expect = [&](const std::string& kind, int least) {
    const auto found = counts.find(kind);
    EXPECT_GE(found == counts.end() ? 0 : found->second, least) << kind;
  };
  for (const std::string phase : {"FF ", "BP ", "WG "}) {
    for (const char* kind : {"WC", "AC", "several passes", "tile span of several", "block span of several",
                             "tiles first", "activations too large", "weights too large", "both too large", "lockstep",
                             "empty slice", "balanced over several groups", "all adaptive"}) {
      expect(phase + kind, kLeast);
    }
    for (const char* kind : {"dynamic over several groups",
                             "dynamic with slices",
                             "some cycles in the port",
                             "many cycles in the port",
                             "port of 1",
                             "port of 16",
                             "port of 64",
                             "port of 256",
                             "port of 1024",
                             "port of 4096",
                             "port of 1048576",
                             "output port of 16",
                             "output port of 100",
                             "output port of 512",
                             "output port of 2048",
                             "output port of 8192",
                             "output port of 1048576",
                             "an output port for less than a group",
                             "an output port for one of several groups",
                             "an output port for some groups",
                             "an output port for all groups",
                             "dynamic before a narrow output port"}) {
      expect(phase + kind, kOften);
    }
  }
  for (const char* kind : {"FF blocks first", "BP blocks first", "WG sums too large", "WG sums leave and come back"}) {
    expect(kind, kLeast);
  }
  for (const std::string selection : {"FF speculated ", "BP masked "}) {
    for (const char* kind : {"WC", "AC", "and dynamic", "with zeros skipped", "without zeros skipped", "in part",
                             "with a stride", "in convolution groups"}) {
      expect(selection + kind, kOften);
    }
    expect(selection + "and all wanted", kLeast);
    expect(selection + "and nothing wanted", kLeast);
  }
  for (const char* kind : {"FF speculated with a shortcut", "FF speculated before", "FF speculated into a queue of one",
                           "FF speculated into a queue of several", "FF speculated by fewer lanes",
                           "FF speculated by more lanes", "BP masked in slices"}) {
    expect(kind, kOften);
  }
}

}  // namespace
}  // namespace trainer::golden_test
