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
  issue_.clear();
  issued_ = 0;
  visit_sum_ = 0;
  int64_t bitmaps = job_.zeros() ? 1 : 0;
  if (job_.phase == Phase::WG && job_.zeros()) {
    ++bitmaps;  // of dZ
  }
  if (job_.selective && lanes_ == Lanes::multipliers) {
    ++bitmaps;  // of wanted outputs
  }
  job_.counts.bitmap_scan += bitmaps * job_.tile_places;
  for (int64_t place = 0; place < job_.tile_places; ++place) {
    scan_place(place);
  }
}

void PeWeightCompressed::scan_place(int64_t place) {
  Job& job = job_;
  const Meeting m = job.meet(item_.tile * job.tile_places + place, visit_);
  if (!m.position) {
    return;
  }
  const float X = m.inside ? job.layer.X[static_cast<size_t>(m.x_index)] : 0;
  Operands operands{place, m.x_index, m.z_index, m.inside, X, job.weight(visit_)};
  bool meets = X != 0;
  if (job.phase == Phase::BP) {
    operands.a = job.layer.dZ[static_cast<size_t>(m.z_index)];
    meets = m.inside && operands.a != 0;
  } else if (job.phase == Phase::WG) {
    operands.b = job.layer.dZ[static_cast<size_t>(m.z_index)];
    meets = X != 0 && operands.b != 0;
  }
  meets = meets || !job.zeros();
  if (lanes_ == Lanes::exponents) {
    if (meets) {
      issue_.push_back(operands);
    }
    return;
  }
  if (!wants_output(job, m, *bank_)) {
    ++job.counts.skipped_by_output;
  } else if (meets) {
    issue_.push_back(operands);
  } else {
    const bool outside = job.phase == Phase::BP && !m.inside;
    ++(outside ? job.counts.skipped_by_output : job.counts.skipped_by_input);
  }
}

bool PeWeightCompressed::issue_cycle() {
  Job& job = job_;
  const size_t end = std::min(issue_.size(), issued_ + static_cast<size_t>(lane_count(job, lanes_)));
  for (; issued_ < end; ++issued_) {
    const Operands& operands = issue_[issued_];
    if (lanes_ == Lanes::exponents) {
      ++job.counts.estimate;
      ++job.counts.exponent_read;
      bank_->sums[operands.z_index] += product_of(job, lanes_, operands.a, operands.b);
    } else {
      multiply(operands);
    }
  }
  if (issued_ < issue_.size()) {
    return true;
  }
  end_visit();
  return false;
}

void PeWeightCompressed::multiply(const Operands& operands) {
  Job& job = job_;
  ++job.counts.mac;
  // The streamed value; in WG dZ belongs to this PE's own channel.
  if (!job.lockstep || broadcast_.want(pe_, job.counts.cycle, column_ * job.tile_places + operands.place)) {
    job.counts.operand_bits += job.processor.value_bits;
  }
  if (job.phase == Phase::WG) {
    job.counts.operand_bits += job.processor.value_bits;
  }
  add(operands, operands.a * operands.b);
}

void PeWeightCompressed::add(const Operands& operands, float product) {
  switch (job_.phase) {
    case Phase::FF:
      bank_->sums[operands.z_index] += product;
      ++job_.counts.accumulate;
      break;
    case Phase::BP:
      if (operands.inside) {
        bank_->terms.push_back({operands.x_index, column_, product});
      }
      ++job_.counts.accumulate;
      break;
    case Phase::WG:
      visit_sum_ += product;
      break;
  }
}

void PeWeightCompressed::end_visit() {
  if (job_.phase != Phase::WG) {
    return;
  }
  bank_->sums[job_.weight_index(visit_)] = visit_sum_;
  ++job_.counts.accumulate;
}

}  // namespace trainer::golden
