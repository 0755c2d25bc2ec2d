#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "kernels/convolution/convolution.h"

namespace trainer {

/// The weight positions that a processor visits in one phase, row by row (row = output channel k of FF). Columns ascend
/// within a row. The list may refer to the pattern it was made from, which must outlive its use.
class HeldWeights {
 public:
  /// Every position, pruned or not.
  void hold_all(int64_t rows, int64_t columns);
  /// The unpruned positions.
  void hold_unpruned(const Pattern& pattern);
  /// The unpruned positions whose value is not zero.
  void hold_nonzero(const WeightView& W);

  std::span<const uint32_t> row(int64_t k) const {
    if (shared_row_) {
      return identity_;
    }
    const size_t begin = row_begin_[static_cast<size_t>(k)];
    return columns_.subspan(begin, row_begin_[static_cast<size_t>(k) + 1] - begin);
  }
  /// The part of row(k) with begin <= column < end.
  std::span<const uint32_t> row_part(int64_t k, uint32_t begin, uint32_t end) const;
  int64_t size() const { return size_; }

 private:
  int64_t size_ = 0;
  bool shared_row_ = false;
  std::vector<uint32_t> identity_;
  std::span<const uint32_t> row_begin_;
  std::span<const uint32_t> columns_;
  std::vector<uint32_t> own_row_begin_;
  std::vector<uint32_t> own_columns_;
};

/// Takes the columns below `end` from the front of an ascending list. A walk: between taking all parts of a list it is
/// passed once, which is less than to search for each of them.
inline std::span<const uint32_t> take_below(std::span<const uint32_t>& columns, int64_t end) {
  constexpr size_t kStride = 16;
  size_t count = 0;
  while (count + kStride <= columns.size() && columns[count + kStride - 1] < end) {
    count += kStride;
  }
  while (count < columns.size() && columns[count] < end) {
    ++count;
  }
  const std::span<const uint32_t> taken = columns.first(count);
  columns = columns.subspan(count);
  return taken;
}

}  // namespace trainer
