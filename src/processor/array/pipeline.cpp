#include "processor/array/pipeline.h"

#include <algorithm>

#include "processor/dataflow/partition.h"
#include "processor/integer.h"

namespace trainer {
namespace {

struct Group {
  int64_t finished = 0;        // its last item
  int64_t drained = 0;         // its last item
  int64_t drained_before = 0;  // the one before
  int64_t items = 0;           // modulo the queue's depth
};

class Pipeline {
 public:
  Pipeline(const ItemTable& items, const Dataflow& dataflow, const ProcessorParameters& parameters)
      : items_(items),
        dataflow_(dataflow),
        depth_(parameters.fifo_depth),
        drain_(parameters.drain),
        groups_(static_cast<size_t>(dataflow.grouping.product())),
        starts_(static_cast<size_t>(dataflow.grouping.product() * parameters.fifo_depth)) {}

  // Sends the pass's items; none is sent before `gate`. Returns when all items so far have drained.
  int64_t run(const Pass& pass, int64_t gate) {
    const int64_t gp = dataflow_.grouping.positions;
    sent_ = std::max(sent_, gate);
    for (int64_t tile = pass.tile_begin; tile < pass.tile_end; ++tile) {
      const int64_t tile_sums = items_.tile_sums[static_cast<size_t>(tile)];
      for (int64_t block = pass.block_begin; block < pass.block_end; ++block) {
        const int64_t first_group = (block_part(block, dataflow_) * gp + tile % gp) * items_.slices;
        for (int64_t slice = 0; slice < items_.slices; ++slice) {
          const int64_t sums = tile_sums * items_.block_sums[static_cast<size_t>(block * items_.slices + slice)];
          send(first_group + slice, items_.row(block, slice)[tile], ceil_div(sums, drain_));
        }
      }
    }
    return computed_;
  }

 private:
  void send(int64_t number, int64_t cycles, int64_t drain_cycles) {
    Group& group = groups_[static_cast<size_t>(number)];
    int64_t& start_of_slot = starts_[static_cast<size_t>(number * depth_ + group.items)];
    sent_ = std::max(sent_, start_of_slot) + 1;
    const int64_t start = std::max({sent_, group.finished, group.drained_before});
    start_of_slot = start;
    group.items = group.items + 1 == depth_ ? 0 : group.items + 1;
    group.finished = start + cycles;
    group.drained_before = group.drained;
    group.drained = std::max(group.finished, group.drained) + drain_cycles;
    computed_ = std::max(computed_, group.drained);
  }

  const ItemTable& items_;
  Dataflow dataflow_;
  int64_t depth_;
  int64_t drain_;
  std::vector<Group> groups_;
  std::vector<int64_t> starts_;  // [group][slot of its queue]: when the item that used it last was started
  int64_t sent_ = 0;
  int64_t computed_ = 0;
};

}  // namespace

PhaseTime run_pipeline(const ItemTable& items, const PassPlan& plan, const Dataflow& dataflow,
                       const ProcessorParameters& parameters) {
  const Dram dram(parameters);
  PhaseTime time;
  for (const bool memory_takes_time : {true, false}) {
    const auto transfer = [&](int64_t bytes) { return memory_takes_time ? dram.cycles(bytes) : 0; };
    Pipeline pipeline(items, dataflow, parameters);
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
