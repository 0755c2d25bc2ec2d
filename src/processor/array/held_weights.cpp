#include "processor/array/held_weights.h"

#include <algorithm>

namespace trainer {

void HeldWeights::hold_all(int64_t rows, int64_t columns) {
  shared_row_ = true;
  size_ = rows * columns;
  identity_.resize(static_cast<size_t>(columns));
  std::iota(identity_.begin(), identity_.end(), 0U);
}

void HeldWeights::hold_unpruned(const Pattern& pattern) {
  if (pattern.is_full()) {
    hold_all(pattern.rows(), pattern.columns());
    return;
  }
  shared_row_ = false;
  size_ = pattern.nonzeros();
  row_begin_ = pattern.row_begin();
  columns_ = pattern.column();
}

void HeldWeights::hold_nonzero(const WeightView& W) {
  const Pattern& pattern = *W.pattern;
  if (std::find(W.values.begin(), W.values.end(), 0.0F) == W.values.end()) {
    hold_unpruned(pattern);
    return;
  }
  shared_row_ = false;
  own_row_begin_.assign(1, 0);
  own_columns_.clear();
  for (int64_t k = 0; k < pattern.rows(); ++k) {
    const uint32_t end = pattern.row_begin()[static_cast<size_t>(k) + 1];
    for (uint32_t i = pattern.row_begin()[static_cast<size_t>(k)]; i < end; ++i) {
      if (W.values[i] != 0.0F) {
        own_columns_.push_back(pattern.column_at(k, i));
      }
    }
    own_row_begin_.push_back(static_cast<uint32_t>(own_columns_.size()));
  }
  size_ = static_cast<int64_t>(own_columns_.size());
  row_begin_ = own_row_begin_;
  columns_ = own_columns_;
}

std::span<const uint32_t> HeldWeights::row_part(int64_t k, uint32_t begin, uint32_t end) const {
  const std::span<const uint32_t> all = row(k);
  const auto first = begin == 0 ? all.begin() : std::lower_bound(all.begin(), all.end(), begin);
  const auto last = all.empty() || all.back() < end ? all.end() : std::lower_bound(first, all.end(), end);
  return all.subspan(static_cast<size_t>(first - all.begin()), static_cast<size_t>(last - first));
}

}  // namespace trainer
