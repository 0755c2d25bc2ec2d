#include "processor/array/pipeline.h"

#include <algorithm>
#include <vector>

#include "processor/dataflow/partition.h"
#include "processor/integer.h"

namespace trainer {
namespace {

// A group with its estimator and their queues. Numbers of items are kept modulo the queues' depths.
struct Group {
  int64_t finished = 0;             // its last item
  int64_t drained = 0;              // its last item
  int64_t drained_before = 0;       // the one before
  int64_t estimated = 0;            // its last item
  int64_t items = 0;                // in the distributor's queue so far
  int64_t estimates = 0;            // in the estimator's queue so far
  std::vector<int64_t> finishes{};  // of items sent and not known to be finished: dynamic assignment alone
  size_t first_unfinished = 0;
};

class Pipeline {
 public:
  Pipeline(const ItemTable& items, const ItemPort& port, const Dataflow& dataflow,
           const ProcessorParameters& parameters)
      : items_(items),
        port_(port),
        dataflow_(dataflow),
        depth_(parameters.fifo_depth),
        estimate_depth_(parameters.speculation_fifo_depth),
        drain_(parameters.drain),
        groups_(static_cast<size_t>(dataflow.grouping.product())),
        taken_(static_cast<size_t>(dataflow.grouping.product() * depth_)),
        starts_(static_cast<size_t>(dataflow.grouping.product() * estimate_depth_)) {}

  // Sends the pass's items; none is sent before `gate`. Returns when all items so far have drained.
  int64_t run(const Pass& pass, int64_t gate) {
    const int64_t gp = dataflow_.grouping.positions;
    const bool dynamic = dataflow_.assignment == Assignment::dynamic;
    sent_ = std::max(sent_, gate);
    for (int64_t tile = pass.tile_begin; tile < pass.tile_end; ++tile) {
      const int64_t tile_sums = items_.tile_sums[static_cast<size_t>(tile)];
      for (int64_t block = pass.block_begin; block < pass.block_end; ++block) {
        const int64_t first_group = (block_part(block, dataflow_) * gp + tile % gp) * items_.slices;
        for (int64_t slice = 0; slice < items_.slices; ++slice) {
          const int64_t sums = tile_sums * items_.block_sums[static_cast<size_t>(block * items_.slices + slice)];
          const Item item{port_.cycles(tile, block, slice),
                          items_.estimates.empty() ? 0 : items_.estimate_row(block)[tile],
                          items_.row(block, slice)[tile], ceil_div(sums, drain_)};
          send(dynamic ? least_busy(slice) : first_group + slice, item);
        }
      }
    }
    return computed_;
  }

 private:
  struct Item {
    int64_t port;
    int64_t estimate;
    int64_t cycles;
    int64_t drain;
  };

  // The group of the slice that has the fewest items outstanding when the distributor is ready.
  int64_t least_busy(int64_t slice) {
    int64_t best = -1;
    size_t fewest = 0;
    for (int64_t number = slice; number < static_cast<int64_t>(groups_.size()); number += items_.slices) {
      Group& group = groups_[static_cast<size_t>(number)];
      while (group.first_unfinished < group.finishes.size() && group.finishes[group.first_unfinished] <= sent_) {
        ++group.first_unfinished;
      }
      const size_t outstanding = group.finishes.size() - group.first_unfinished;
      if (best < 0 || outstanding < fewest) {
        best = number;
        fewest = outstanding;
      }
    }
    return best;
  }

  void send(int64_t number, const Item& item) {
    Group& group = groups_[static_cast<size_t>(number)];
    int64_t& taken_of_slot = taken_[static_cast<size_t>(number * depth_ + group.items)];
    group.items = group.items + 1 == depth_ ? 0 : group.items + 1;
    sent_ = std::max(sent_, taken_of_slot) + item.port;
    int64_t start = 0;
    if (items_.estimates.empty()) {
      start = std::max({sent_, group.finished, group.drained_before});
      taken_of_slot = start;
    } else {
      int64_t& start_of_slot = starts_[static_cast<size_t>(number * estimate_depth_ + group.estimates)];
      group.estimates = group.estimates + 1 == estimate_depth_ ? 0 : group.estimates + 1;
      const int64_t begun = std::max({sent_, group.estimated, start_of_slot});
      taken_of_slot = begun;
      group.estimated = begun + item.estimate;
      start = std::max({group.estimated, group.finished, group.drained_before});
      start_of_slot = start;
    }
    group.finished = start + item.cycles;
    group.drained_before = group.drained;
    group.drained = std::max(group.finished, group.drained) + item.drain;
    computed_ = std::max(computed_, group.drained);
    if (dataflow_.assignment == Assignment::dynamic) {
      group.finishes.push_back(group.finished);
    }
  }

  const ItemTable& items_;
  const ItemPort& port_;
  Dataflow dataflow_;
  int64_t depth_;
  int64_t estimate_depth_;
  int64_t drain_;
  std::vector<Group> groups_;
  std::vector<int64_t> taken_;   // [group][slot of the distributor's queue]: when the item that used it last left it
  std::vector<int64_t> starts_;  // [group][slot of the estimator's queue]: the same
  int64_t sent_ = 0;
  int64_t computed_ = 0;
};

}  // namespace

PhaseTime run_pipeline(const ItemTable& items, const PassPlan& plan, const ItemPort& port, const Dataflow& dataflow,
                       const ProcessorParameters& parameters) {
  const Dram dram(parameters);
  PhaseTime time;
  for (const bool memory_takes_time : {true, false}) {
    const auto transfer = [&](int64_t bytes) { return memory_takes_time ? dram.cycles(bytes) : 0; };
    Pipeline pipeline(items, port, dataflow, parameters);
    const size_t count = plan.passes.size();
    std::vector<int64_t> loaded(count);
    std::vector<int64_t> computed(count);
    std::vector<int64_t> stored(count);
    int64_t free = 0;
    const auto load = [&](size_t i) {
      if (i < count) {
        loaded[i] = free = std::max(free, i < 2 ? 0 : computed[i - 2]) + transfer(plan.passes[i].load_bytes);
      }
    };
    load(0);
    for (size_t i = 0; i < count; ++i) {
      load(i + 1);
      computed[i] = pipeline.run(plan.passes[i], std::max(loaded[i], i < 2 ? 0 : stored[i - 2]));
      stored[i] = free = std::max(free, computed[i]) + transfer(plan.passes[i].store_bytes);
    }
    (memory_takes_time ? time.cycles : time.compute_cycles) = stored.back();
  }
  return time;
}

}  // namespace trainer
