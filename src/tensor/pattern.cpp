#include "tensor/pattern.h"

#include <algorithm>
#include <cassert>

#include "base/error.h"

namespace trainer {

std::shared_ptr<const Pattern> Pattern::full(int64_t rows, int64_t columns) {
  std::shared_ptr<Pattern> pattern(new Pattern(rows, columns));
  pattern->row_begin_.resize(static_cast<size_t>(rows) + 1);
  for (int64_t row = 0; row <= rows; ++row) {
    pattern->row_begin_[static_cast<size_t>(row)] = static_cast<uint32_t>(row * columns);
  }
  return pattern;
}

std::shared_ptr<const Pattern> Pattern::from_mask(int64_t rows, int64_t columns, std::span<const uint8_t> kept) {
  assert(static_cast<int64_t>(kept.size()) == rows * columns);
  std::shared_ptr<Pattern> pattern(new Pattern(rows, columns));
  const auto row_of = [&](int64_t row) {
    return kept.subspan(static_cast<size_t>(row * columns), static_cast<size_t>(columns));
  };
  const auto is_kept = [](uint8_t value) { return value != 0; };
  pattern->row_begin_.reserve(static_cast<size_t>(rows) + 1);
  pattern->row_begin_.push_back(0);
  for (int64_t row = 0; row < rows; ++row) {
    const auto count = std::ranges::count_if(row_of(row), is_kept);
    pattern->row_begin_.push_back(pattern->row_begin_.back() + static_cast<uint32_t>(count));
  }
  if (pattern->is_full()) {
    return full(rows, columns);
  }
  pattern->column_.reserve(pattern->row_begin_.back());  // exactly: patterns live as long as the weights they describe
  for (int64_t row = 0; row < rows; ++row) {
    const auto mask = row_of(row);
    for (size_t column = 0; column < mask.size(); ++column) {
      if (is_kept(mask[column])) {
        pattern->column_.push_back(static_cast<uint32_t>(column));
      }
    }
  }
  return pattern;
}

std::shared_ptr<const Pattern> Pattern::from_rows(int64_t rows, int64_t columns, std::vector<uint32_t> row_begin,
                                                  std::vector<uint32_t> column) {
  const auto require = [](bool holds) {
    if (!holds) {
      throw UsageError("weight pattern is damaged: its rows do not describe a sparse weight of the stated size");
    }
  };
  require(rows >= 0 && columns >= 0 && static_cast<int64_t>(row_begin.size()) == rows + 1 && row_begin.front() == 0);
  for (int64_t row = 0; row < rows; ++row) {
    const uint32_t begin = row_begin[static_cast<size_t>(row)];
    const uint32_t end = row_begin[static_cast<size_t>(row) + 1];
    require(begin <= end && end - begin <= columns);
  }
  const bool all_kept = row_begin.back() == rows * columns;
  if (all_kept) {
    return full(rows, columns);
  }
  require(column.size() == row_begin.back());
  for (int64_t row = 0; row < rows; ++row) {
    for (uint32_t i = row_begin[static_cast<size_t>(row)]; i < row_begin[static_cast<size_t>(row) + 1]; ++i) {
      require(column[i] < columns && (i == row_begin[static_cast<size_t>(row)] || column[i - 1] < column[i]));
    }
  }
  std::shared_ptr<Pattern> pattern(new Pattern(rows, columns));
  pattern->row_begin_ = std::move(row_begin);
  pattern->column_ = std::move(column);
  return pattern;
}

std::vector<uint8_t> Pattern::mask() const {
  std::vector<uint8_t> kept(static_cast<size_t>(size()), 0);
  for (int64_t row = 0; row < rows_; ++row) {
    for (uint32_t i = row_begin_[static_cast<size_t>(row)]; i < row_begin_[static_cast<size_t>(row) + 1]; ++i) {
      kept[static_cast<size_t>(row * columns_ + column_at(row, i))] = 1;
    }
  }
  return kept;
}

AlignedVector<float> carry_over(const Pattern& from, std::span<const float> values, const Pattern& to, float fill) {
  assert(from.rows() == to.rows() && from.columns() == to.columns());
  AlignedVector<float> result(static_cast<size_t>(to.nonzeros()), fill);
  for (int64_t row = 0; row < to.rows(); ++row) {
    uint32_t i = from.row_begin()[static_cast<size_t>(row)];
    const uint32_t end = from.row_begin()[static_cast<size_t>(row) + 1];
    for (uint32_t j = to.row_begin()[static_cast<size_t>(row)]; j < to.row_begin()[static_cast<size_t>(row) + 1]; ++j) {
      const uint32_t column = to.column_at(row, j);
      while (i < end && from.column_at(row, i) < column) {
        ++i;
      }
      if (i < end && from.column_at(row, i) == column) {
        result[j] = values[i];
      }
    }
  }
  return result;
}

void scatter(const Pattern& pattern, std::span<const float> values, std::span<float> dense) {
  std::fill(dense.begin(), dense.end(), 0.0F);
  for (int64_t row = 0; row < pattern.rows(); ++row) {
    float* dense_row = dense.data() + row * pattern.columns();
    for (uint32_t i = pattern.row_begin()[static_cast<size_t>(row)];
         i < pattern.row_begin()[static_cast<size_t>(row) + 1]; ++i) {
      dense_row[pattern.column_at(row, i)] = values[i];
    }
  }
}

void gather(const Pattern& pattern, std::span<const float> dense, std::span<float> values) {
  for (int64_t row = 0; row < pattern.rows(); ++row) {
    const float* dense_row = dense.data() + row * pattern.columns();
    for (uint32_t i = pattern.row_begin()[static_cast<size_t>(row)];
         i < pattern.row_begin()[static_cast<size_t>(row) + 1]; ++i) {
      values[i] = dense_row[pattern.column_at(row, i)];
    }
  }
}

}  // namespace trainer
