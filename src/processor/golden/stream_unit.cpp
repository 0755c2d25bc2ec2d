#include "processor/golden/stream_unit.h"

#include <algorithm>
#include <utility>

#include "processor/golden/passes.h"

namespace trainer::golden {

StreamUnit::StreamUnit(const sc_core::sc_module_name& name, MemoryChannel& channel)
    : sc_core::sc_module(name), clock("clock"), channel_(channel), start_("start") {
  SC_HAS_PROCESS(StreamUnit);
  SC_METHOD(run);
  dont_initialize();
  sensitive << start_;
}

void StreamUnit::start(std::vector<Stage> stages, const Processor& processor, Counts* counts) {
  stages_ = std::move(stages);
  counts_ = counts;
  int64_t read = 0;
  int64_t written = 0;
  for (const Stage& stage : stages_) {
    read += stage.elements * stage.fetch_bits / 8;
    written += stage.elements * stage.store_bits / 8;
  }
  const auto always = [] { return true; };
  transfers_ = {{transfer_cycles(processor, read), always, [counts, read] { counts->dram_read += read; }},
                {transfer_cycles(processor, written), always, [counts, written] { counts->dram_write += written; }}};
  waiting_ = true;
  start_.notify(sc_core::SC_ZERO_TIME);
}

void StreamUnit::begin() {
  waiting_ = false;
  running_ = true;
  stage_ = 0;
  next_ = 0;
  channel_.begin(transfers_, counts_);
}

void StreamUnit::run() {
  if (waiting_) {
    if (!clock.posedge()) {  // started between edges
      next_trigger(clock.posedge_event());
      return;
    }
    begin();
  }
  for (; stage_ < stages_.size(); ++stage_, next_ = 0) {
    if (do_elements(stages_[stage_])) {
      ++counts_->compute_cycles;
      next_trigger(clock.posedge_event());
      return;
    }
  }
  running_ = false;
}

bool StreamUnit::do_elements(const Stage& stage) {
  const int64_t end = stage.per_cycle == 0 ? stage.elements : std::min(stage.elements, next_ + stage.per_cycle);
  const bool takes_cycle = stage.per_cycle != 0 && next_ < end;
  for (; next_ < end; ++next_) {
    counts_->activation_read += stage.fetch_bits;
    counts_->activation_write += stage.store_bits;
    stage.work(next_);
  }
  return takes_cycle;
}

}  // namespace trainer::golden
