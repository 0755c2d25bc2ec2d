#include "processor/array_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "processor/schedule.h"

namespace trainer {
namespace {

// Windows of X that are kept at a time for WG: they should stay in the second-level cache.
constexpr int64_t kWindowBytes = int64_t{512} * 1024;
// Table rows that one piece of work makes at least.
constexpr int64_t kGrainBytes = int64_t{256} * 1024;

int64_t grain_for(int64_t bytes_each) { return std::max<int64_t>(1, kGrainBytes / std::max<int64_t>(1, bytes_each)); }

int64_t sum(const std::vector<int64_t>& values) { return std::accumulate(values.begin(), values.end(), int64_t{0}); }

}  // namespace

ArrayModel::ArrayModel(const ConvolutionGeometry& geometry, const ProcessorParameters& parameters)
    : grid_(geometry, parameters.tile),
      rows_{static_cast<size_t>(grid_.blocks()), static_cast<size_t>(grid_.width()),
            static_cast<size_t>(grid_.words_per_tile()), std::countr_zero(static_cast<uint64_t>(parameters.lanes))},
      pes_(parameters.pes_per_group),
      groups_(parameters.groups),
      skip_input_zeros_(parameters.skip_input_zeros) {
  const int64_t most_visits =
      std::max(geometry.weight_columns(), geometry.k / geometry.groups * geometry.r * geometry.s);
  const int64_t most_cycles = (parameters.tile + parameters.lanes - 1) / parameters.lanes;
  if (most_visits > std::numeric_limits<uint32_t>::max() / most_cycles) {
    throw UsageError(
        fmt::format("processor '{}': array.tile {} is too large for a layer with {} weights per output channel: choose "
                    "a smaller one",
                    parameters.name, parameters.tile, most_visits));
  }
  const int64_t positions = geometry.r * geometry.s;
  for (int64_t column = 0; column < geometry.weight_columns(); ++column) {
    column_channel_.push_back(static_cast<uint32_t>(column / positions));
    column_position_.push_back(static_cast<uint32_t>(column % positions));
  }
}

std::span<const uint32_t> ArrayModel::row_of_channels(const HeldWeights& W, int64_t k, int64_t begin,
                                                      int64_t end) const {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t group_channels = g.c / g.groups;
  const int64_t first = k / (g.k / g.groups) * group_channels;
  const int64_t low = std::max(begin, first) - first;
  const int64_t high = std::min(end, first + group_channels) - first;
  if (low >= high) {
    return {};
  }
  return W.row_part(k, static_cast<uint32_t>(low * g.r * g.s), static_cast<uint32_t>(high * g.r * g.s));
}

void ArrayModel::clear_channels(int64_t channels) {
  cycles_.assign(static_cast<size_t>(channels * grid_.row_size()), 0);
  macs_.assign(static_cast<size_t>(channels), 0);
}

void ArrayModel::visit_everything(const std::vector<int64_t>& held) {
  clear_channels(static_cast<int64_t>(held.size()));
  for (size_t channel = 0; channel < held.size(); ++channel) {
    uint32_t* row = channel_row(static_cast<int64_t>(channel));
    for (size_t tile = 0; tile < grid_.positions().size(); ++tile) {
      const uint32_t round_up = (1U << rows_.lane_shift) - 1;
      row[tile] = static_cast<uint32_t>(held[channel]) * ((grid_.positions()[tile] + round_up) >> rows_.lane_shift);
    }
    macs_[channel] = held[channel] * grid_.total_positions();
  }
}

ArrayWork ArrayModel::finish(int64_t channels, int64_t visits) const {
  const ArraySchedule schedule = schedule_array(cycles_, grid_, channels, grid_.geometry().groups, pes_, groups_);
  ArrayWork work;
  work.visits = visits;
  work.macs = sum(macs_);
  work.cycles = schedule.cycles;
  work.active_cycles = schedule.active_cycles;
  work.channel_blocks = schedule.channel_blocks;
  return work;
}

void ArrayModel::count_windows(const BitmapView& X) {
  if (X.serial == window_serial_) {
    return;
  }
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t positions = g.r * g.s;
  const int64_t row_size = grid_.row_size();
  window_cycles_.resize(static_cast<size_t>(g.c * positions * row_size));
  window_macs_.resize(static_cast<size_t>(g.c * positions));
  parallel_for(g.c, grain_for(positions * grid_.linear_bytes()), [&](int64_t begin, int64_t end) {
    AlignedVector<uint8_t> linear(static_cast<size_t>(grid_.linear_bytes()));
    AlignedVector<uint32_t> words(static_cast<size_t>(grid_.words()));
    for (int64_t window = begin * positions; window < end * positions; ++window) {
      const int64_t position = window % positions;
      grid_.window(X.bits, window / positions, position / g.s, position % g.s, linear.data(), words.data());
      window_macs_[static_cast<size_t>(window)] =
          visit_cycles(rows_, words.data(), window_cycles_.data() + window * row_size);
    }
  });
  window_serial_ = X.serial;
}

ArrayWork ArrayModel::feedforward(const HeldWeights& W, const BitmapView& X) {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t visits = W.size() * grid_.tiles();
  if (!skip_input_zeros_) {
    std::vector<int64_t> held(static_cast<size_t>(g.k));
    for (int64_t k = 0; k < g.k; ++k) {
      held[static_cast<size_t>(k)] = static_cast<int64_t>(W.row(k).size());
    }
    visit_everything(held);
    return finish(g.k, visits);
  }
  count_windows(X);
  clear_channels(g.k);
  const size_t row_size = static_cast<size_t>(grid_.row_size());
  const int64_t mean_weights = std::max<int64_t>(1, W.size() / g.k);
  parallel_for(g.k, grain_for(mean_weights * grid_.row_size() * 4), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const int64_t first_window = k / (g.k / g.groups) * g.weight_columns();
      const std::span<const uint32_t> columns = W.row(k);
      add_table_rows(window_cycles_.data() + first_window * grid_.row_size(), row_size, columns.data(), columns.size(),
                     channel_row(k));
      const int64_t* window_macs = window_macs_.data() + first_window;
      macs_[static_cast<size_t>(k)] =
          std::accumulate(columns.begin(), columns.end(), int64_t{0},
                          [window_macs](int64_t total, uint32_t column) { return total + window_macs[column]; });
    }
  });
  return finish(g.k, visits);
}

ArrayWork ArrayModel::backpropagation(const HeldWeights& W, const Bitmap& dZ) {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t positions = g.r * g.s;
  const int64_t visits = W.size() * grid_.tiles();
  const int64_t group_channels = g.c / g.groups;
  if (!skip_input_zeros_) {
    std::vector<int64_t> held(static_cast<size_t>(g.c));
    for (int64_t k = 0; k < g.k; ++k) {
      const int64_t first_channel = k / (g.k / g.groups) * group_channels;
      for (const uint32_t column : W.row(k)) {
        ++held[static_cast<size_t>(first_channel + column_channel_[column])];
      }
    }
    visit_everything(held);
    return finish(g.c, visits);
  }

  const int64_t row_size = grid_.row_size();
  AlignedVector<uint32_t> inside(static_cast<size_t>(positions * grid_.words()));
  std::vector<int64_t> outside(static_cast<size_t>(positions));
  AlignedVector<uint8_t> scratch(static_cast<size_t>(grid_.linear_bytes()));
  for (int64_t position = 0; position < positions; ++position) {
    grid_.inside(position / g.s, position % g.s, scratch.data(), inside.data() + position * grid_.words());
    outside[static_cast<size_t>(position)] =
        grid_.total_positions() - grid_.inside_positions(position / g.s, position % g.s);
  }
  AlignedVector<uint32_t> visit(static_cast<size_t>(g.k * positions * row_size));
  std::vector<int64_t> visit_macs(static_cast<size_t>(g.k * positions));
  parallel_for(g.k, grain_for(positions * grid_.linear_bytes()), [&](int64_t begin, int64_t end) {
    AlignedVector<uint8_t> linear(static_cast<size_t>(grid_.linear_bytes()));
    AlignedVector<uint32_t> words(static_cast<size_t>(grid_.words()));
    for (int64_t k = begin; k < end; ++k) {
      grid_.channel(dZ, k, linear.data(), words.data());
      for (int64_t position = 0; position < positions; ++position) {
        const int64_t row = k * positions + position;
        visit_macs[static_cast<size_t>(row)] = visit_cycles_and(
            rows_, words.data(), inside.data() + position * grid_.words(), visit.data() + row * row_size);
      }
    }
  });

  clear_channels(g.c);
  // Rows of the channels that one piece of work adds to should stay in the first-level cache.
  const int64_t channels_each = std::clamp<int64_t>(int64_t{16} * 1024 / (row_size * 4), 8, 256);
  std::vector<int64_t> outside_of_piece(static_cast<size_t>((g.c + channels_each - 1) / channels_each));
  parallel_for(g.c, channels_each, [&](int64_t begin, int64_t end) {
    int64_t outside_macs = 0;
    for (int64_t k = 0; k < g.k; ++k) {
      const int64_t first_channel = k / (g.k / g.groups) * group_channels;
      const std::span<const uint32_t> columns = row_of_channels(W, k, begin, end);
      scatter_table_rows(visit.data() + k * positions * row_size, static_cast<size_t>(row_size),
                         column_position_.data(), column_channel_.data(), columns.data(), columns.size(),
                         channel_row(first_channel));
      const int64_t* position_macs = visit_macs.data() + k * positions;
      for (const uint32_t column : columns) {
        const uint32_t position = column_position_[column];
        macs_[static_cast<size_t>(first_channel + column_channel_[column])] += position_macs[position];
        outside_macs += outside[position];
      }
    }
    outside_of_piece[static_cast<size_t>(begin / channels_each)] = outside_macs;
  });
  ArrayWork work = finish(g.c, visits);
  work.outside_macs = sum(outside_of_piece);
  return work;
}

ArrayWork ArrayModel::weight_gradient(const HeldWeights& positions, const BitmapView& X, const Bitmap& dZ) {
  const ConvolutionGeometry& g = grid_.geometry();
  // Where a channel of dZ has no zero, a visit meets the zeros of X alone: the same numbers as in FF.
  std::vector<uint8_t> full(static_cast<size_t>(g.k));
  for (size_t k = 0; k < full.size(); ++k) {
    full[k] = dZ.channel_nonzeros()[k] == grid_.total_positions() ? 1 : 0;
  }
  const ArrayWork all_full = feedforward(positions, X);
  if (!skip_input_zeros_ || std::find(full.begin(), full.end(), 0) == full.end()) {
    return all_full;
  }
  weight_gradient_sparse_channels(positions, X.bits, dZ, full);
  return finish(g.k, all_full.visits);
}

void ArrayModel::weight_gradient_sparse_channels(const HeldWeights& positions, const Bitmap& X, const Bitmap& dZ,
                                                 const std::vector<uint8_t>& full) {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t kernel = g.r * g.s;
  const int64_t words = grid_.words();
  const int64_t channels_each = std::clamp<int64_t>(kWindowBytes / (kernel * words * 4), 1, g.c);
  std::vector<int64_t> sparse;
  for (int64_t k = 0; k < g.k; ++k) {
    if (full[static_cast<size_t>(k)] == 0) {
      sparse.push_back(k);
      std::fill_n(channel_row(k), grid_.row_size(), 0U);
      macs_[static_cast<size_t>(k)] = 0;
    }
  }
  const int64_t sparse_count = static_cast<int64_t>(sparse.size());
  AlignedVector<uint32_t> gradients(static_cast<size_t>(sparse_count * words));
  parallel_for(sparse_count, grain_for(grid_.linear_bytes()), [&](int64_t begin, int64_t end) {
    AlignedVector<uint8_t> linear(static_cast<size_t>(grid_.linear_bytes()));
    for (int64_t i = begin; i < end; ++i) {
      grid_.channel(dZ, sparse[static_cast<size_t>(i)], linear.data(), gradients.data() + i * words);
    }
  });
  AlignedVector<uint32_t> windows(static_cast<size_t>(channels_each * kernel * words));
  for (int64_t first = 0; first < g.c; first += channels_each) {
    const int64_t last = std::min(g.c, first + channels_each);
    parallel_for(last - first, grain_for(kernel * grid_.linear_bytes()), [&](int64_t begin, int64_t end) {
      AlignedVector<uint8_t> linear(static_cast<size_t>(grid_.linear_bytes()));
      for (int64_t window = begin * kernel; window < end * kernel; ++window) {
        const int64_t position = window % kernel;
        grid_.window(X, first + window / kernel, position / g.s, position % g.s, linear.data(),
                     windows.data() + window * words);
      }
    });
    parallel_for(sparse_count, grain_for(kernel * words * 4), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t k = sparse[static_cast<size_t>(i)];
        const int64_t first_window = k / (g.k / g.groups) * g.weight_columns() - first * kernel;
        for (const uint32_t column : row_of_channels(positions, k, first, last)) {
          macs_[static_cast<size_t>(k)] += add_visit_cycles_and(
              rows_, gradients.data() + i * words, windows.data() + (first_window + column) * words, channel_row(k));
        }
      }
    });
  }
}

}  // namespace trainer
