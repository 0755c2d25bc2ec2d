#include "processor/golden/stream_unit.h"

#include <algorithm>
#include <utility>

namespace trainer::golden {

StreamUnit::StreamUnit(sc_core::sc_module_name name) : sc_core::sc_module(name), clock("clock"), start_("start") {
  SC_HAS_PROCESS(StreamUnit);
  SC_METHOD(run);
  dont_initialize();
  sensitive << start_;
}

void StreamUnit::start(std::vector<Stage> stages) {
  stages_ = std::move(stages);
  start_.notify(sc_core::SC_ZERO_TIME);
}

void StreamUnit::run() {
  if (!busy_) {
    if (!clock.posedge()) {
      next_trigger(clock.posedge_event());
      return;
    }
    busy_ = true;
    stage_ = 0;
    next_ = 0;
  }
  for (; stage_ < stages_.size(); ++stage_, next_ = 0) {
    const Stage& stage = stages_[stage_];
    const int64_t end = stage.per_cycle == 0 ? stage.elements : std::min(stage.elements, next_ + stage.per_cycle);
    const bool takes_cycle = stage.per_cycle != 0 && next_ < end;
    for (; next_ < end; ++next_) {
      stage.work(next_);
    }
    if (takes_cycle) {
      next_trigger(clock.posedge_event());
      return;
    }
  }
  busy_ = false;
  sc_core::sc_pause();
}

}  // namespace trainer::golden
