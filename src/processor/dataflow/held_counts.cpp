#include "processor/dataflow/held_counts.h"

#include <algorithm>

namespace trainer {
namespace {

// [channel][slice], every position held.
void count_full(const PhaseShape& shape, int64_t slices, std::vector<int64_t>& counts) {
  for (size_t i = 0; i < counts.size(); ++i) {
    const int64_t d = static_cast<int64_t>(i) % slices;
    counts[i] = (slice_begin(shape.inputs, slices, d + 1) - slice_begin(shape.inputs, slices, d)) * shape.kernel;
  }
}

// FF and WG: rows of the weights are output channels, and their columns ascend with the input channel.
void count_rows(const PhaseShape& shape, const HeldWeights& held, int64_t slices, std::vector<int64_t>& counts) {
  for (int64_t k = 0; k < shape.outputs; ++k) {
    const std::span<const uint32_t> columns = held.row(k);
    auto begin = columns.begin();
    for (int64_t d = 0; d < slices; ++d) {
      const int64_t end_column = slice_begin(shape.inputs, slices, d + 1) * shape.kernel;
      const auto end =
          d + 1 == slices ? columns.end() : std::lower_bound(begin, columns.end(), static_cast<uint32_t>(end_column));
      counts[static_cast<size_t>(k * slices + d)] = end - begin;
      begin = end;
    }
  }
}

// BP: rows of the weights are input channels, their columns output channels.
void count_columns(const PhaseShape& shape, const HeldWeights& held, int64_t slices, std::vector<int64_t>& counts) {
  const int64_t group_outputs = shape.group_outputs();
  std::vector<uint32_t> entry_of(static_cast<size_t>(group_outputs * shape.kernel));
  for (size_t column = 0; column < entry_of.size(); ++column) {
    entry_of[column] = static_cast<uint32_t>(static_cast<int64_t>(column) / shape.kernel * slices);
  }
  for (int64_t group = 0; group < shape.conv_groups; ++group) {
    for (int64_t d = 0; d < slices; ++d) {
      int64_t* of_slice = counts.data() + group * group_outputs * slices + d;
      for (int64_t i = slice_begin(shape.inputs, slices, d); i < slice_begin(shape.inputs, slices, d + 1); ++i) {
        for (const uint32_t column : held.row(group * shape.inputs + i)) {
          ++of_slice[entry_of[column]];
        }
      }
    }
  }
}

}  // namespace

HeldCounts::HeldCounts(const PhaseShape& shape, const HeldWeights& held, int64_t finest)
    : levels_(static_cast<size_t>(std::bit_width(static_cast<uint64_t>(finest)))), total_(held.size()) {
  std::vector<int64_t>& counts = levels_.back();
  counts.resize(static_cast<size_t>(shape.outputs * finest));
  if (held.size() == shape.outputs * shape.columns()) {
    count_full(shape, finest, counts);
  } else if (shape.phase == Phase::BP) {
    count_columns(shape, held, finest, counts);
  } else {
    count_rows(shape, held, finest, counts);
  }
  for (size_t level = levels_.size() - 1; level > 0; --level) {
    const std::vector<int64_t>& fine = levels_[level];
    std::vector<int64_t>& coarse = levels_[level - 1];
    coarse.resize(fine.size() / 2);
    for (size_t i = 0; i < coarse.size(); ++i) {
      coarse[i] = fine[2 * i] + fine[2 * i + 1];
    }
  }
}

}  // namespace trainer
