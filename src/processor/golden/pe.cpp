#include "processor/golden/pe.h"

#include <algorithm>

namespace trainer::golden {

Pe::Pe(sc_core::sc_module_name name, int64_t number, Sequencer& sequencer, Broadcast& broadcast,
       sc_core::sc_fifo<int>& done)
    : sc_core::sc_module(name),
      clock("clock"),
      number_(number),
      commands_(sequencer.commands),
      broadcast_(broadcast),
      done_(done) {
  SC_HAS_PROCESS(Pe);
  SC_METHOD(run);
  dont_initialize();
  sensitive << commands_.data_written_event();
}

void Pe::run() {
  if (visiting_ && issued_ == wanted_.size()) {  // the visit's last cycle has passed
    end_visit();
  }
  while (!visiting_) {
    Command command;
    if (!commands_.nb_read(command)) {
      next_trigger(commands_.data_written_event());
      return;
    }
    switch (command.kind) {
      case Command::Kind::begin:
        channel_ = command.channel;
        tile_ = command.tile;
        place_sums_.assign(static_cast<size_t>(job_->processor.tile), 0.0F);
        break;
      case Command::Kind::visit:
        visit_ = command;
        visiting_ = true;
        scan_bitmaps();
        break;
      case Command::Kind::end:
        end_item();
        break;
    }
  }
  issue_cycle();
  next_trigger(clock.posedge_event());
}

void Pe::scan_bitmaps() {
  Job& job = *job_;
  const bool skip = job.processor.skip_input_zeros;
  wanted_.clear();
  issued_ = 0;
  lane_sums_.assign(static_cast<size_t>(job.processor.lanes), 0.0F);
  for (int64_t place = 0; place < job.processor.tile; ++place) {
    if (skip) {
      job.counts.bitmap_scan += job.phase == Phase::WG ? 2 : 1;
    }
    const Meeting m = job.meet(tile_ * job.processor.tile + place, visit_.k, visit_.c, visit_.r, visit_.s);
    if (!m.position) {
      continue;
    }
    const auto X = [&] { return m.inside ? job.layer.X[static_cast<size_t>(m.x_index)] : 0.0F; };
    const auto dZ = [&] { return job.layer.dZ[static_cast<size_t>(m.z_index)]; };
    Operands operands{place, m.x_index, m.z_index, m.inside, 0, 0};
    bool wanted = true;
    bool outside = false;
    switch (job.phase) {
      case Phase::FF:
        operands.a = X();
        operands.b = visit_.weight;
        wanted = operands.a != 0;
        break;
      case Phase::BP:
        operands.a = dZ();
        operands.b = visit_.weight;
        wanted = m.inside && operands.a != 0;
        outside = !m.inside;
        break;
      case Phase::WG:
        operands.a = X();
        operands.b = dZ();
        wanted = operands.a != 0 && operands.b != 0;
        break;
    }
    if (wanted || !skip) {
      wanted_.push_back(operands);
    } else {
      ++(outside ? job.counts.skipped_by_output : job.counts.skipped_by_input);
    }
  }
}

void Pe::issue_cycle() {
  Job& job = *job_;
  active_ = true;
  const int64_t cycle = job.counts.cycle;
  const int64_t streamed = job.phase == Phase::BP ? visit_.k : visit_.c;
  const int64_t visit = (streamed * job.layer.r + visit_.r) * job.layer.s + visit_.s;
  const size_t end = std::min(wanted_.size(), issued_ + static_cast<size_t>(job.processor.lanes));
  for (size_t lane = 0; issued_ < end; ++issued_, ++lane) {
    const Operands& operands = wanted_[issued_];
    const float product = operands.a * operands.b;
    ++job.counts.mac;
    // The streamed value; in WG dZ belongs to this PE's own channel.
    if (!job.lockstep || broadcast_.want(number_, cycle, visit * job.processor.tile + operands.place)) {
      ++job.counts.operand_read;
    }
    if (job.phase == Phase::WG) {
      ++job.counts.operand_read;
    }
    switch (job.phase) {
      case Phase::FF:
        place_sums_[static_cast<size_t>(operands.place)] += product;
        ++job.counts.accumulate;
        break;
      case Phase::BP:
        if (operands.inside) {
          job.output[static_cast<size_t>(operands.x_index)] += product;
        }
        ++job.counts.accumulate;
        break;
      case Phase::WG:
        lane_sums_[lane] += product;
        break;
    }
  }
}

void Pe::end_visit() {
  Job& job = *job_;
  visiting_ = false;
  active_ = false;
  if (job.phase != Phase::WG) {
    return;
  }
  float sum = 0;
  for (const float lane_sum : lane_sums_) {
    sum += lane_sum;
  }
  const auto index = static_cast<size_t>(job.weight_index(visit_.k, visit_.c, visit_.r, visit_.s));
  job.counts.buffer_read += 32;
  job.output[index] += sum;
  ++job.counts.accumulate;
  job.counts.buffer_write += 32;
}

void Pe::end_item() {
  Job& job = *job_;
  if (job.phase == Phase::FF) {
    for (int64_t place = 0; place < job.processor.tile; ++place) {
      const Meeting m = job.meet(tile_ * job.processor.tile + place, channel_, 0, 0, 0);
      if (m.position) {
        job.output[static_cast<size_t>(m.z_index)] = place_sums_[static_cast<size_t>(place)];
        job.counts.buffer_write += 16;
        job.counts.dram_write += 2;
      }
    }
  }
  done_.nb_write(static_cast<int>(number_));
}

}  // namespace trainer::golden
