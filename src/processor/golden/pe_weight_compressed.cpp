#include "processor/golden/pe_weight_compressed.h"

#include <algorithm>

namespace trainer::golden {

void PeWeightCompressed::begin(const Item& item, Bank& bank) {
  item_ = item;
  bank_ = &bank;
  const std::vector<int64_t>& channels = job_.blocks[static_cast<size_t>(item.block)].channels;
  working_ = pe_ < static_cast<int64_t>(channels.size());
  if (!working_) {
    return;
  }
  channel_ = channels[static_cast<size_t>(pe_)];
  next_ = job_.columns_of_slice(item.slice).first;
  prepare_sums();
}

void PeWeightCompressed::prepare_sums() {
  const Job& job = job_;
  if (job.phase == Phase::WG) {
    const Range columns = job.columns_of_slice(item_.slice);
    for (int64_t column = columns.first; column < columns.end; ++column) {
      if (job.held(channel_, column)) {
        bank_->sums[job.weight_index(job.position(channel_, column))] = 0;
      }
    }
    bank_->slots = static_cast<int64_t>(bank_->sums.size());
    return;
  }
  for (int64_t place = 0; place < job.tile_places; ++place) {
    open_position(job, item_.tile * job.tile_places + place, channel_, *bank_);
  }
}

bool PeWeightCompressed::next_visit() {
  if (!working_) {
    return false;
  }
  for (const int64_t end = job_.columns_of_slice(item_.slice).end; next_ < end;) {
    column_ = next_++;
    if (job_.held(channel_, column_)) {
      visit_ = job_.position(channel_, column_);
      scan_bitmaps();
      return true;
    }
  }
  return false;
}

void PeWeightCompressed::scan_bitmaps() {
  Job& job = job_;
  const bool skip = job.zeros();
  wanted_.clear();
  issued_ = 0;
  lane_sums_.assign(static_cast<size_t>(job.processor.lanes), 0.0F);
  const float weight = job.weight(visit_);
  for (int64_t place = 0; place < job.tile_places; ++place) {
    if (skip) {
      job.counts.bitmap_scan += job.phase == Phase::WG ? 2 : 1;
    }
    const Meeting m = job.meet(item_.tile * job.tile_places + place, visit_);
    if (!m.position) {
      continue;
    }
    const auto X = [&] { return m.inside ? job.layer.X[static_cast<size_t>(m.x_index)] : 0.0F; };
    const auto dZ = [&] { return job.layer.dZ[static_cast<size_t>(m.z_index)]; };
    Operands operands{place, m.x_index, m.z_index, m.inside, 0, weight};
    bool wanted = true;
    bool outside = false;
    switch (job.phase) {
      case Phase::FF:
        operands.a = X();
        wanted = operands.a != 0;
        break;
      case Phase::BP:
        operands.a = dZ();
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

bool PeWeightCompressed::issue_cycle() {
  Job& job = job_;
  const size_t end = std::min(wanted_.size(), issued_ + static_cast<size_t>(job.processor.lanes));
  for (size_t lane = 0; issued_ < end; ++issued_, ++lane) {
    const Operands& operands = wanted_[issued_];
    ++job.counts.mac;
    // The streamed value; in WG dZ belongs to this PE's own channel.
    if (!job.lockstep || broadcast_.want(pe_, job.counts.cycle, column_ * job.tile_places + operands.place)) {
      job.counts.operand_bits += job.processor.value_bits;
    }
    if (job.phase == Phase::WG) {
      job.counts.operand_bits += job.processor.value_bits;
    }
    add(operands, lane);
  }
  if (issued_ < wanted_.size()) {
    return true;
  }
  end_visit();
  return false;
}

void PeWeightCompressed::add(const Operands& operands, size_t lane) {
  const float product = operands.a * operands.b;
  switch (job_.phase) {
    case Phase::FF:
      bank_->sums[operands.z_index] += product;
      ++job_.counts.accumulate;
      break;
    case Phase::BP:
      if (operands.inside) {
        bank_->sums[operands.x_index] += product;
      }
      ++job_.counts.accumulate;
      break;
    case Phase::WG:
      lane_sums_[lane] += product;
      break;
  }
}

void PeWeightCompressed::end_visit() {
  if (job_.phase != Phase::WG) {
    return;
  }
  float sum = 0;
  for (const float lane_sum : lane_sums_) {
    sum += lane_sum;
  }
  bank_->sums[job_.weight_index(visit_)] += sum;
  ++job_.counts.accumulate;
}

}  // namespace trainer::golden
