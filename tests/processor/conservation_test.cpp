#include "processor/conservation.h"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

namespace trainer {
namespace {

// FF of 8 images of one pixel, 2 input and 4 output channels, nothing skipped, on one group of 2 PEs of 4 lanes: one
// tile, two blocks of 2 channels; 8 * 4 * 2 = 64 MACs.
class Conservation : public testing::Test {
 protected:
  Conservation() {
    parameters_.clock_MHz = 100;
    parameters_.groups = 1;
    parameters_.pes_per_group = 2;
    parameters_.lanes = 4;
    parameters_.tile = 64;
    held_.hold_all(4, 2);
    X_.assign(Tensor(geometry_.input()), 0, 1);
    tiles_ = make_tiles(geometry_, 64, 2);
    items_.tile_sums = {8};
    items_.active_cycles = 16;  // 4 channels * 2 visits * 2 cycles
    counts_.dense_macs = counts_.effectual_macs = 64;
    counts_.cycles = 100;
    counts_.compute_cycles = 20;
    counts_.memory_cycles = 30;
  }

  // Counts events and checks them, after `damage`.
  void check(const std::function<void(PassPlan&, PhaseCounts&)>& damage) {
    const PhaseShape shape(Phase::FF, geometry_);
    const HeldCounts held(shape, held_, 1);
    const OperandSizes sizes(shape, parameters_, held, &X_, nullptr);
    Dataflow dataflow;
    dataflow.assignment = assignment_;
    const Selection selection;
    Arrangement arrangement;
    arrangement.blocks = make_blocks(shape, dataflow, parameters_, held.of_channels());
    arrangement.plan = plan_passes(shape, {}, parameters_, tiles_, arrangement.blocks, held, sizes);
    PhaseCounts counts = counts_;
    const PhaseRecord record{shape,  geometry_, parameters_,  dataflow, selection, arrangement,
                             items_, sizes,     held_.size(), met_,     false,     false};
    count_events(record, counts);
    damage(arrangement.plan, counts);
    check_conservation(record, counts);
  }

  ConvolutionGeometry geometry_{.n = 8, .c = 2, .k = 4};
  ProcessorParameters parameters_;
  HeldWeights held_;
  Bitmap X_;
  Tiles tiles_;
  ItemTable items_;
  PhaseCounts counts_;
  int64_t met_ = 64;
  Assignment assignment_ = Assignment::in_order;
};

TEST_F(Conservation, HoldsForCountsThatAreRight) {
  EXPECT_NO_THROW(check([](PassPlan&, PhaseCounts&) {}));
}

// A wait for memory may lead items that choose their group to a better one.
TEST_F(Conservation, DynamicMayBeShorterThanItsCompute) {
  const auto longer_compute = [](PassPlan&, PhaseCounts& counts) { counts.compute_cycles = counts.cycles + 1; };
  EXPECT_THROW(check(longer_compute), std::logic_error);
  assignment_ = Assignment::dynamic;
  EXPECT_NO_THROW(check(longer_compute));
}

TEST_F(Conservation, StopsForEveryCountThatIsWrong) {
  const std::vector<std::function<void(PassPlan&, PhaseCounts&)>> damages = {
      [](PassPlan&, PhaseCounts& counts) { --counts.effectual_macs; },
      [](PassPlan&, PhaseCounts& counts) {
        counts.skipped_by_input = -1;
        ++counts.skipped_by_weight;
      },
      [](PassPlan& plan, PhaseCounts&) { --plan.final_values; },
      [](PassPlan& plan, PhaseCounts&) { plan.load_bytes -= 1; },
      [](PassPlan& plan, PhaseCounts&) { plan.loaded.X -= 1; },
      [](PassPlan& plan, PhaseCounts&) { plan.on_chip.X -= 1; },
      [](PassPlan& plan, PhaseCounts&) { plan.on_chip.W -= 1; },
      [](PassPlan& plan, PhaseCounts&) { ++plan.passes[0].block_end; },
      [](PassPlan&, PhaseCounts& counts) { ++counts.events[Event::lane_idle]; },
      [](PassPlan&, PhaseCounts& counts) { ++counts.events[Event::dispatch]; },
      [](PassPlan&, PhaseCounts& counts) { counts.compute_cycles = counts.cycles + 1; },
      [](PassPlan&, PhaseCounts& counts) { counts.memory_cycles = counts.cycles + 1; },
  };
  for (size_t i = 0; i < damages.size(); ++i) {
    EXPECT_THROW(check(damages[i]), std::logic_error) << i;
  }
  met_ = 63;
  EXPECT_THROW(check([](PassPlan&, PhaseCounts&) {}), std::logic_error);
  met_ = 64;
  items_.active_cycles = 100 * 2 + 1;  // of 2 PEs in 100 cycles
  EXPECT_THROW(check([](PassPlan&, PhaseCounts&) {}), std::logic_error);
}

TEST_F(Conservation, TheMessageSaysWhereAndWhat) {
  try {
    check([](PassPlan&, PhaseCounts& counts) { --counts.effectual_macs; });
    FAIL();
  } catch (const std::logic_error& error) {
    EXPECT_STREQ(
        error.what(),
        "FF of n8c2k4h1r1 in weight-compressed 1x1x1 in-order: dense MACs are not effectual + skipped ones: 64 "
        "against 63");
  }
}

}  // namespace
}  // namespace trainer
