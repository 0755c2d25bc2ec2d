#include "processor/golden/sequencer.h"

namespace trainer::golden {
namespace {

constexpr int kQueueDepth = 4;

}  // namespace

Sequencer::Sequencer(sc_core::sc_module_name name)
    : sc_core::sc_module(name), items("items", 1), commands("commands", kQueueDepth) {
  SC_HAS_PROCESS(Sequencer);
  SC_METHOD(run);
  dont_initialize();
  sensitive << items.data_written_event();
}

void Sequencer::run() {
  while (true) {
    if (!open_) {
      if (!items.nb_read(item_)) {
        next_trigger(items.data_written_event());
        return;
      }
      open_ = true;
      next_ = -1;
      positions_ = job_->streamed_per_group * job_->layer.r * job_->layer.s;
    }
    if (commands.num_free() == 0) {
      next_trigger(commands.data_read_event());
      return;
    }
    if (next_ < 0) {
      Command begin;
      begin.kind = Command::Kind::begin;
      begin.channel = item_.channel;
      begin.tile = item_.tile;
      commands.nb_write(begin);
      next_ = 0;
    } else if (next_ < positions_) {
      look_at_position();
    } else {
      commands.nb_write(Command());
      open_ = false;
    }
  }
}

void Sequencer::look_at_position() {
  Job& job = *job_;
  const int64_t streamed = next_ / (job.layer.r * job.layer.s);
  Command visit;
  visit.kind = Command::Kind::visit;
  visit.r = next_ / job.layer.s % job.layer.r;
  visit.s = next_ % job.layer.s;
  ++next_;
  const int64_t conv_group = item_.channel / job.channels_per_group;
  if (job.phase == Phase::BP) {
    visit.k = conv_group * job.kernels_per_group + streamed;
    visit.c = item_.channel;
  } else {
    visit.k = item_.channel;
    visit.c = conv_group * job.input_channels_per_group + streamed;
  }
  const int64_t index = job.weight_index(visit.k, visit.c, visit.r, visit.s);
  const bool held = job.held(index);

  // WG needs the mask alone; FF and BP the values, compressed where zeros are skipped.
  if (job.phase == Phase::WG) {
    job.counts.buffer_read += job.skips_positions ? 1 : 0;
  } else {
    job.counts.buffer_read += job.skips_positions ? 1 : 0;
    job.counts.buffer_read += held ? 16 : 0;
  }
  if (!held) {
    (job.phase == Phase::WG ? job.counts.skipped_by_output : job.counts.skipped_by_weight) +=
        job.positions_of_tile(item_.tile);
    return;
  }
  visit.weight = job.layer.unpruned[static_cast<size_t>(index)] != 0 ? job.layer.W[static_cast<size_t>(index)] : 0.0F;
  commands.nb_write(visit);
}

}  // namespace trainer::golden
