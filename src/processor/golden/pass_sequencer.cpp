#include "processor/golden/pass_sequencer.h"

namespace trainer::golden {

PassSequencer::PassSequencer(const sc_core::sc_module_name& name, MemoryChannel& channel)
    : sc_core::sc_module(name), clock("clock"), channel_(channel), start_("start") {
  SC_HAS_PROCESS(PassSequencer);
  SC_METHOD(run);
  dont_initialize();
  sensitive << start_;
}

void PassSequencer::start(Job* job, bool ideal_memory) {
  job_ = job;
  ideal_memory_ = ideal_memory;
  passes_ = plan_passes(*job).passes;
  undrained_.clear();
  for (const Pass& pass : passes_) {
    undrained_.push_back(pass.tiles.size() * pass.blocks.size() * job->dataflow.gc);
  }
  loaded_ = stored_ = computed_ = 0;
  pass_ = 0;
  item_ = Item();
  item_.tile = passes_[0].tiles.first;
  item_.block = passes_[0].blocks.first;
  waiting_ = true;
  start_.notify(sc_core::SC_ZERO_TIME);
}

void PassSequencer::run() {
  if (!clock.posedge()) {  // started between edges
    next_trigger(clock.posedge_event());
    return;
  }
  waiting_ = false;
  running_ = true;
  channel_.begin(transfers(), &job_->counts);
}

std::vector<Transfer> PassSequencer::transfers() {
  std::vector<Transfer> list;
  const auto cycles = [&](int64_t bytes) { return ideal_memory_ ? 0 : transfer_cycles(job_->processor, bytes); };
  const auto load = [&](int64_t i) {
    const Pass& pass = passes_[static_cast<size_t>(i)];
    list.push_back(
        {cycles(pass.load_bytes), [this, i] { return computed_ >= i - 1; }, [this, &pass] { loaded(pass); }});
  };
  const auto store = [&](int64_t i) {
    const Pass& pass = passes_[static_cast<size_t>(i)];
    list.push_back(
        {cycles(pass.store_bytes), [this, i] { return computed_ >= i + 1; }, [this, &pass] { stored(pass); }});
  };
  const auto n = static_cast<int64_t>(passes_.size());
  load(0);
  for (int64_t i = 1; i < n; ++i) {
    load(i);
    store(i - 1);
  }
  store(n - 1);
  return list;
}

void PassSequencer::loaded(const Pass& pass) {
  Counts& counts = job_->counts;
  counts.dram_read += pass.load_bytes;
  OperandBits& loaded = counts.loaded;
  loaded.X += pass.loaded.X;
  loaded.W += pass.loaded.W;
  loaded.dZ += pass.loaded.dZ;
  loaded.sums += pass.loaded.sums;
  loaded.shortcut += pass.loaded.shortcut;
  loaded.bitmap += pass.loaded.bitmap;
  counts.activation_write += pass.on_chip.X + pass.on_chip.dZ + pass.on_chip.shortcut + pass.on_chip.bitmap;
  counts.weight_write += pass.on_chip.W;
  counts.output_write += pass.on_chip.sums;
  ++loaded_;
}

void PassSequencer::stored(const Pass& pass) {
  job_->counts.output_read += 32 * pass.stored_values;
  job_->counts.dram_write += pass.store_bytes;
  ++stored_;
  running_ = stored_ < static_cast<int64_t>(passes_.size());
}

void PassSequencer::drained(const Item& item) {
  --undrained_[static_cast<size_t>(item.pass)];
  while (computed_ < static_cast<int64_t>(passes_.size()) && undrained_[static_cast<size_t>(computed_)] == 0) {
    ++computed_;
    channel_.changed.notify(sc_core::SC_ZERO_TIME);
  }
}

void PassSequencer::next_item() {
  ++item_.number;
  const Pass& pass = passes_[static_cast<size_t>(pass_)];
  if (++item_.slice == job_->dataflow.gc) {
    item_.slice = 0;
    if (++item_.block == pass.blocks.end) {
      item_.block = pass.blocks.first;
      if (++item_.tile == pass.tiles.end) {
        if (++pass_ == static_cast<int64_t>(passes_.size())) {
          return;
        }
        item_.tile = passes_[static_cast<size_t>(pass_)].tiles.first;
        item_.block = passes_[static_cast<size_t>(pass_)].blocks.first;
      }
    }
  }
  item_.pass = pass_;
}

}  // namespace trainer::golden
