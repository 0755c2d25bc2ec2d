#include "processor/array/weight_compressed.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "processor/array/grain.h"
#include "processor/integer.h"

namespace trainer {
namespace {

// Windows of X that are kept at a time for WG: they should stay in the second-level cache.
constexpr int64_t kWindowBytes = int64_t{512} * 1024;
// Rows of BP that one piece of work adds to should stay in the first-level cache.
constexpr int64_t kRowBytes = int64_t{16} * 1024;

}  // namespace

WeightCompressedArray::WeightCompressedArray(const ConvolutionGeometry& geometry, const ProcessorParameters& parameters,
                                             std::shared_ptr<LayerCounts> counts)
    : parameters_(parameters), counts_(std::move(counts)), grid_(counts_->grid()) {
  const int64_t most_visits =
      std::max(geometry.weight_columns(), geometry.k / geometry.groups * geometry.r * geometry.s);
  const int64_t most_cycles = ceil_div(parameters.tile, parameters.lanes);
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

std::span<const uint32_t> WeightCompressedArray::row_of_channels(const HeldWeights& W, int64_t k, int64_t begin,
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

void WeightCompressedArray::reset(int64_t channels, int64_t slices) {
  table_.slices = slices;
  table_.row_size = grid_.row_size();
  table_.cycles.assign(static_cast<size_t>(channels * slices * grid_.row_size()), 0);
  table_.macs = {};
}

void WeightCompressedArray::visit_everything(Phase phase, const HeldWeights& W) {
  const PhaseShape shape(phase, grid_.geometry());
  const HeldCounts held(shape, W, table_.slices);
  for (int64_t channel = 0; channel < shape.outputs; ++channel) {
    for (int64_t d = 0; d < table_.slices; ++d) {
      const int64_t visits = held.at(channel, table_.slices, d);
      uint32_t* row = table_.row(channel, d);
      for (size_t tile = 0; tile < grid_.positions().size(); ++tile) {
        row[tile] = static_cast<uint32_t>(visits * ceil_div(grid_.positions()[tile], parameters_.lanes));
      }
    }
  }
  table_.macs.effectual = W.size() * grid_.total_positions();
}

int64_t WeightCompressedArray::channel_macs(const HeldWeights& W, const VisitTable& windows, int64_t k) const {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t* of_group = windows.macs.data() + k / (g.k / g.groups) * g.weight_columns();
  int64_t macs = 0;
  for (const uint32_t column : W.row(k)) {
    macs += of_group[column];
  }
  return macs;
}

PhaseMacs WeightCompressedArray::feedforward_macs(const HeldWeights& W, const BitmapView& X) {
  const VisitTable& windows = counts_->windows(X);
  PhaseMacs macs;
  for (int64_t k = 0; k < grid_.geometry().k; ++k) {
    macs.effectual += channel_macs(W, windows, k);
  }
  return macs;
}

PhaseMacs WeightCompressedArray::backpropagation_macs(const HeldWeights& W, const BitmapView& dZ) {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t kernel = g.r * g.s;
  const std::vector<int64_t>& visit_macs = counts_->gradients(dZ).macs;
  PhaseMacs macs;
  std::vector<int64_t> held(static_cast<size_t>(kernel));
  for (int64_t k = 0; k < g.k; ++k) {
    std::fill(held.begin(), held.end(), 0);
    for (const uint32_t column : W.row(k)) {
      ++held[column_position_[column]];
    }
    for (int64_t position = 0; position < kernel; ++position) {
      macs.effectual += held[static_cast<size_t>(position)] * visit_macs[static_cast<size_t>(k * kernel + position)];
      macs.outside += held[static_cast<size_t>(position)] * counts_->outside(position);
    }
  }
  return macs;
}

PhaseMacs WeightCompressedArray::macs(Phase phase, const HeldWeights& W, const BitmapView* X, const BitmapView* dZ) {
  if (!parameters_.skip_input_zeros) {
    return {W.size() * grid_.total_positions(), 0};
  }
  return phase == Phase::FF   ? feedforward_macs(W, *X)
         : phase == Phase::BP ? backpropagation_macs(W, *dZ)
                              : weight_gradient(W, *X, *dZ, 1).macs;
}

const ChannelTable& WeightCompressedArray::feedforward(const HeldWeights& W, const BitmapView& X, int64_t slices) {
  const ConvolutionGeometry& g = grid_.geometry();
  reset(g.k, slices);
  if (!parameters_.skip_input_zeros) {
    visit_everything(Phase::FF, W);
    return table_;
  }
  std::vector<int64_t> channels(static_cast<size_t>(g.k));
  std::iota(channels.begin(), channels.end(), 0);
  visit_windows(W, X, channels);
  return table_;
}

void WeightCompressedArray::visit_windows(const HeldWeights& W, const BitmapView& X,
                                          const std::vector<int64_t>& channels) {
  const ConvolutionGeometry& g = grid_.geometry();
  const VisitTable& windows = counts_->windows(X);
  const auto row_size = static_cast<size_t>(grid_.row_size());
  const int64_t group_channels = g.c / g.groups;
  const int64_t kernel = g.r * g.s;
  const int64_t slices = table_.slices;
  const int64_t mean_weights = std::max<int64_t>(1, W.size() / g.k);
  std::vector<int64_t> macs(channels.size());
  const auto count = static_cast<int64_t>(channels.size());
  parallel_for(count, grain_for(mean_weights * grid_.row_size() * 4), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t k = channels[static_cast<size_t>(i)];
      const int64_t first_window = k / (g.k / g.groups) * group_channels * kernel;
      std::span<const uint32_t> rest = W.row(k);
      for (int64_t d = 0; d < slices; ++d) {
        const std::span<const uint32_t> columns = take_below(rest, slice_begin(group_channels, slices, d + 1) * kernel);
        add_table_rows(windows.rows.data() + first_window * grid_.row_size(), row_size, columns.data(), columns.size(),
                       table_.row(k, d));
      }
      macs[static_cast<size_t>(i)] = channel_macs(W, windows, k);
    }
  });
  table_.macs.effectual += sum(macs);
}

const ChannelTable& WeightCompressedArray::backpropagation(const HeldWeights& W, const BitmapView& dZ, int64_t slices) {
  const ConvolutionGeometry& g = grid_.geometry();
  reset(g.c, slices);
  if (!parameters_.skip_input_zeros) {
    visit_everything(Phase::BP, W);
    return table_;
  }
  const VisitTable& visits = counts_->gradients(dZ);
  const int64_t row_size = grid_.row_size();
  const int64_t kernel = g.r * g.s;
  const int64_t group_channels = g.c / g.groups;
  const int64_t group_outputs = g.k / g.groups;
  std::vector<uint32_t> target(column_channel_.size());  // rows of the channel's slice 0
  for (size_t column = 0; column < target.size(); ++column) {
    target[column] = column_channel_[column] * static_cast<uint32_t>(slices);
  }
  const int64_t channels_each = std::clamp<int64_t>(kRowBytes / (row_size * 4), 8, 256);
  parallel_for(g.c, channels_each, [&](int64_t begin, int64_t end) {
    for (int64_t k = 0; k < g.k; ++k) {
      const int64_t group = k / group_outputs;
      int64_t d = 0;
      while (k % group_outputs >= slice_begin(group_outputs, slices, d + 1)) {
        ++d;
      }
      const std::span<const uint32_t> columns = row_of_channels(W, k, begin, end);
      scatter_table_rows(visits.rows.data() + k * kernel * row_size, static_cast<size_t>(row_size),
                         column_position_.data(), target.data(), columns.data(), columns.size(),
                         table_.row(group * group_channels, d));
    }
  });
  table_.macs = backpropagation_macs(W, dZ);
  return table_;
}

const ChannelTable& WeightCompressedArray::weight_gradient(const HeldWeights& positions, const BitmapView& X,
                                                           const BitmapView& dZ, int64_t slices) {
  visit_pairs(positions, X, dZ.bits, slices);
  return table_;
}

void WeightCompressedArray::visit_pairs(const HeldWeights& positions, const BitmapView& X, const Bitmap& other,
                                        int64_t slices) {
  if (!parameters_.skip_input_zeros) {
    feedforward(positions, X, slices);
    return;
  }
  // Where a channel of the other has no zero, a visit meets the zeros of X alone: the same numbers as in FF.
  std::vector<int64_t> full;
  std::vector<int64_t> sparse;
  for (int64_t k = 0; k < grid_.geometry().k; ++k) {
    const bool is_full = other.channel_nonzeros()[static_cast<size_t>(k)] == grid_.total_positions();
    (is_full ? full : sparse).push_back(k);
  }
  reset(grid_.geometry().k, slices);
  visit_windows(positions, X, full);
  if (!sparse.empty()) {
    count_pairs(positions, X.bits, other, sparse);
  }
}

AlignedVector<uint32_t> WeightCompressedArray::gradient_rows(const Bitmap& dZ,
                                                             const std::vector<int64_t>& channels) const {
  const auto count = static_cast<int64_t>(channels.size());
  AlignedVector<uint32_t> rows(static_cast<size_t>(count * grid_.words()));
  parallel_for(count, grain_for(grid_.linear_bytes()), [&](int64_t begin, int64_t end) {
    AlignedVector<uint8_t> linear(static_cast<size_t>(grid_.linear_bytes()));
    for (int64_t i = begin; i < end; ++i) {
      grid_.channel(dZ, channels[static_cast<size_t>(i)], linear.data(), rows.data() + i * grid_.words());
    }
  });
  return rows;
}

void WeightCompressedArray::count_pairs(const HeldWeights& positions, const Bitmap& X, const Bitmap& dZ,
                                        const std::vector<int64_t>& sparse) {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t kernel = g.r * g.s;
  const int64_t words = grid_.words();
  const int64_t slices = table_.slices;
  const int64_t group_channels = g.c / g.groups;
  const int64_t channels_each = std::clamp<int64_t>(kWindowBytes / (kernel * words * 4), 1, g.c);
  const int64_t sparse_count = static_cast<int64_t>(sparse.size());
  std::vector<int64_t> macs(sparse.size());
  std::vector<std::span<const uint32_t>> rest;  // of each channel: held columns that are not counted yet
  rest.reserve(sparse.size());
  for (const int64_t k : sparse) {
    rest.push_back(positions.row(k));
  }
  const AlignedVector<uint32_t> gradients = gradient_rows(dZ, sparse);
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
        const int64_t first_channel = k / (g.k / g.groups) * group_channels;
        for (int64_t d = 0; d < slices; ++d) {
          const int64_t slice_end = first_channel + slice_begin(group_channels, slices, d + 1);
          const std::span<const uint32_t> columns =
              take_below(rest[static_cast<size_t>(i)], (std::min(last, slice_end) - first_channel) * kernel);
          // Windows are numbered from channel `first`, columns from the convolution group's first channel.
          macs[static_cast<size_t>(i)] += add_visit_cycles_of_pairs(counts_->rows(), gradients.data() + i * words,
                                                                    windows.data(), (first_channel - first) * kernel,
                                                                    columns.data(), columns.size(), table_.row(k, d));
        }
      }
    });
  }
  table_.macs.effectual += sum(macs);
}

}  // namespace trainer
