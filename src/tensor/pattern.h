#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tensor/aligned.h"

namespace trainer {

/// Which weights of a K x (C/groups) x R x S weight are unpruned: row-compressed, one row for each output channel.
///
/// A column is the position (c*R + r)*S + s within a row. Values, gradients and optimiser state of the weight are
/// arrays of nonzeros() numbers in this order, so nothing is kept for a pruned weight. A full pattern keeps no columns:
/// its values are then the plain dense K,C,R,S array.
///
/// Immutable: a change of the mask makes a new Pattern (carry_over moves values from one to the next).
class Pattern {
 public:
  /// Everything unpruned.
  static std::shared_ptr<const Pattern> full(int64_t rows, int64_t columns);
  /// `kept[row * columns + column]` != 0 marks an unpruned weight. Gives a full pattern when all are kept.
  static std::shared_ptr<const Pattern> from_mask(int64_t rows, int64_t columns, std::span<const uint8_t> kept);
  /// `row_begin` has rows + 1 entries; columns ascend within a row. Throws UsageError if that does not hold (it is what
  /// reads checkpoints).
  static std::shared_ptr<const Pattern> from_rows(int64_t rows, int64_t columns, std::vector<uint32_t> row_begin,
                                                  std::vector<uint32_t> column);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t size() const { return rows_ * columns_; }
  int64_t nonzeros() const { return row_begin_.back(); }
  double density() const { return static_cast<double>(nonzeros()) / static_cast<double>(size()); }
  bool is_full() const { return nonzeros() == size(); }

  /// rows + 1 entries: row k's weights are row_begin()[k] .. row_begin()[k+1]-1.
  std::span<const uint32_t> row_begin() const { return row_begin_; }
  /// One entry per unpruned weight; empty for a full pattern.
  std::span<const uint32_t> column() const { return column_; }
  /// The column of unpruned weight `index` of row `row`, for full patterns too.
  uint32_t column_at(int64_t row, uint32_t index) const {
    return column_.empty() ? index - row_begin_[static_cast<size_t>(row)] : column_[index];
  }
  /// rows * columns bytes, 1 = unpruned.
  std::vector<uint8_t> mask() const;

 private:
  Pattern(int64_t rows, int64_t columns) : rows_(rows), columns_(columns) {}

  int64_t rows_;
  int64_t columns_;
  std::vector<uint32_t> row_begin_;
  std::vector<uint32_t> column_;
};

/// Values of the weights that both patterns keep, in `to`'s order; `fill` where `from` has none.
AlignedVector<float> carry_over(const Pattern& from, std::span<const float> values, const Pattern& to, float fill);

/// Dense rows*columns array with zeros for pruned weights.
void scatter(const Pattern& pattern, std::span<const float> values, std::span<float> dense);
/// The unpruned entries of a dense rows*columns array.
void gather(const Pattern& pattern, std::span<const float> dense, std::span<float> values);

}  // namespace trainer
