#include "processor/golden/pe_activation_compressed.h"

#include <algorithm>
#include <numeric>

namespace trainer::golden {

void PeActivationCompressed::begin(const Item& item, Bank& bank) {
  item_ = item;
  bank_ = &bank;
  places_.clear();
  columns_.clear();
  next_column_ = next_activation_ = 0;
  held_activations_.clear();
  if (job_.phase == Phase::WG) {
    take_inputs();
  } else {
    take_places();
  }
  prepare_sums();
}

void PeActivationCompressed::take_places() {
  const int64_t own = divide_up(job_.tile_places, job_.processor.pes);
  const int64_t end = std::min((pe_ + 1) * own, job_.tile_places);
  for (int64_t place = pe_ * own; place < end; ++place) {
    places_.push_back(item_.tile * job_.tile_places + place);
  }
  const Range columns = job_.columns_of_slice(item_.slice);
  columns_.resize(static_cast<size_t>(columns.size()));
  std::iota(columns_.begin(), columns_.end(), columns.first);
}

void PeActivationCompressed::take_inputs() {
  places_.resize(static_cast<size_t>(job_.tile_places));
  std::iota(places_.begin(), places_.end(), item_.tile * job_.tile_places);

  const int64_t conv_group = job_.blocks[static_cast<size_t>(item_.block)].conv_group;
  const Range inputs = job_.inputs_of_slice(item_.slice);
  std::vector<int64_t> order(static_cast<size_t>(inputs.size()));
  std::iota(order.begin(), order.end(), inputs.first);
  const bool balanced = job_.balances();
  if (balanced) {
    const auto nonzeros = [&](int64_t i) {
      return job_.nonzeros_X[static_cast<size_t>(conv_group * job_.inputs_per_group + i)];
    };
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return nonzeros(a) > nonzeros(b); });
  }
  const int64_t pes = job_.processor.pes;
  const int64_t kernel = job_.layer.r * job_.layer.s;
  for (int64_t x = 0; x < inputs.size(); ++x) {
    if ((balanced ? snake(x, pes) : x % pes) != pe_) {
      continue;
    }
    for (int64_t place = 0; place < kernel; ++place) {
      columns_.push_back(order[static_cast<size_t>(x)] * kernel + place);
    }
  }
}

void PeActivationCompressed::prepare_sums() {
  const Job& job = job_;
  if (job.phase == Phase::WG) {
    for (const int64_t column : columns_) {
      for (const int64_t k : holders(column)) {
        bank_->sums[job.weight_index(job.position(k, column))] = 0;
      }
    }
    bank_->slots = static_cast<int64_t>(bank_->sums.size());
    return;
  }
  for (const int64_t place : places_) {
    for (const int64_t o : job.blocks[static_cast<size_t>(item_.block)].channels) {
      open_position(job, place, o, *bank_);
    }
  }
}

std::vector<int64_t> PeActivationCompressed::holders(int64_t column) const {
  std::vector<int64_t> result;
  for (const int64_t o : job_.blocks[static_cast<size_t>(item_.block)].channels) {
    if (job_.held(o, column)) {
      result.push_back(o);
    }
  }
  return result;
}

bool PeActivationCompressed::next_visit() {
  while (next_activation_ == held_activations_.size()) {
    if (next_column_ == columns_.size()) {
      return false;
    }
    column_ = columns_[next_column_++];
    holders_ = holders(column_);
    held_activations_.clear();
    next_activation_ = 0;
    if (!holders_.empty()) {
      scan_activations();
    }
  }
  place_ = held_activations_[next_activation_++];
  lane_channel_ = 0;
  int64_t bitmaps = job_.hold ? 1 : 0;
  if (job_.phase == Phase::WG && job_.zeros()) {
    ++bitmaps;  // of dZ
  }
  if (job_.selective && lanes_ == Lanes::multipliers) {
    ++bitmaps;  // of wanted outputs
  }
  job_.counts.bitmap_scan += bitmaps * job_.block_channels;
  return true;
}

void PeActivationCompressed::scan_activations() {
  Job& job = job_;
  // What a place holds is the same for all channels of the block.
  const WeightPosition any = job.position(holders_.front(), column_);
  for (const int64_t place : places_) {
    const Meeting m = job.meet(place, any);
    if (!m.position) {
      continue;
    }
    if (meets(m) || !job.zeros()) {
      held_activations_.push_back(place);
      continue;
    }
    if (lanes_ == Lanes::exponents) {
      continue;
    }
    const bool outside = job.phase == Phase::BP && !m.inside;
    for (const int64_t o : holders_) {
      const bool unwanted = outside || !wants_output(job, job.meet(place, job.position(o, column_)), *bank_);
      ++(unwanted ? job.counts.skipped_by_output : job.counts.skipped_by_input);
    }
  }
}

bool PeActivationCompressed::meets(const Meeting& m) const {
  if (!m.inside) {
    return false;
  }
  return job_.phase == Phase::BP ? job_.layer.dZ[static_cast<size_t>(m.z_index)] != 0
                                 : job_.layer.X[static_cast<size_t>(m.x_index)] != 0;
}

bool PeActivationCompressed::issue_cycle() {
  const size_t end = std::min(holders_.size(), lane_channel_ + static_cast<size_t>(lane_count(job_, lanes_)));
  for (; lane_channel_ < end; ++lane_channel_) {
    issue(holders_[lane_channel_]);
  }
  return lane_channel_ < holders_.size();
}

void PeActivationCompressed::issue(int64_t o) {
  Job& job = job_;
  const WeightPosition at = job.position(o, column_);
  const Meeting m = job.meet(place_, at);
  if (lanes_ == Lanes::exponents) {
    const float X = m.inside ? job.layer.X[static_cast<size_t>(m.x_index)] : 0;
    ++job.counts.estimate;
    ++job.counts.exponent_read;
    bank_->sums[m.z_index] += product_of(job, lanes_, X, job.weight(at));
  } else if (job.phase == Phase::WG && job.zeros() && job.layer.dZ[static_cast<size_t>(m.z_index)] == 0) {  // gated
    ++job.counts.skipped_by_input;
  } else if (!wants_output(job, m, *bank_)) {  // gated
    ++job.counts.skipped_by_output;
  } else {
    multiply(at, m);
  }
}

void PeActivationCompressed::multiply(const WeightPosition& at, const Meeting& m) {
  Job& job = job_;
  ++job.counts.mac;
  ++job.counts.accumulate;
  job.counts.operand_bits += job.processor.value_bits;
  const float X = m.inside ? job.layer.X[static_cast<size_t>(m.x_index)] : 0;
  const auto dZ = [&] { return job.layer.dZ[static_cast<size_t>(m.z_index)]; };
  switch (job.phase) {
    case Phase::FF:
      bank_->sums[m.z_index] += X * job.weight(at);
      break;
    case Phase::BP:
      if (m.inside) {
        bank_->terms.push_back({m.x_index, column_, dZ() * job.weight(at)});
      }
      break;
    case Phase::WG:
      bank_->sums[job.weight_index(at)] += X * dZ();
      break;
  }
}

}  // namespace trainer::golden
