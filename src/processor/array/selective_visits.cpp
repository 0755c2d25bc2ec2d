// Visits of held weights where some outputs are unwanted: docs/processor-contract.md, sections 1 and 3.
#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "processor/array/grain.h"
#include "processor/array/weight_compressed.h"
#include "processor/integer.h"

namespace trainer {
namespace {

/// The output channels of FF that hold each weight position (c, r, s), ascending.
struct Holders {
  Holders(const HeldWeights& W, const ConvolutionGeometry& g) : begin(static_cast<size_t>(g.c * g.r * g.s) + 1) {
    const int64_t group_outputs = g.k / g.groups;
    const auto first_window = [&](int64_t k) { return k / group_outputs * g.weight_columns(); };
    for (int64_t k = 0; k < g.k; ++k) {
      for (const uint32_t column : W.row(k)) {
        ++begin[static_cast<size_t>(first_window(k) + column) + 1];
      }
    }
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    channels.resize(static_cast<size_t>(W.size()));
    std::vector<int64_t> next(begin.begin(), begin.end() - 1);
    for (int64_t k = 0; k < g.k; ++k) {
      for (const uint32_t column : W.row(k)) {
        channels[static_cast<size_t>(next[static_cast<size_t>(first_window(k) + column)]++)] = static_cast<uint32_t>(k);
      }
    }
  }

  std::span<const uint32_t> of(int64_t window) const {
    const auto first = static_cast<size_t>(begin[static_cast<size_t>(window)]);
    return std::span(channels).subspan(first, static_cast<size_t>(begin[static_cast<size_t>(window) + 1]) - first);
  }

  std::vector<int64_t> begin;
  std::vector<uint32_t> channels;
};

}  // namespace

const ChannelTable& WeightCompressedArray::speculated_feedforward(const HeldWeights& W, const BitmapView& X,
                                                                  const Bitmap& wanted, int64_t slices) {
  const ConvolutionGeometry& g = grid_.geometry();
  int64_t unwanted = 0;
  for (int64_t k = 0; k < g.k; ++k) {
    unwanted += static_cast<int64_t>(W.row(k).size()) *
                (grid_.total_positions() - wanted.channel_nonzeros()[static_cast<size_t>(k)]);
  }
  if (parameters_.skip_input_zeros) {
    visit_pairs(W, X, wanted, slices);
    table_.macs.met = feedforward_macs(W, X).effectual;
  } else {
    reset(g.k, slices);
    visit_wanted(W, wanted);
    table_.macs.met = W.size() * grid_.total_positions();
    table_.macs.effectual = table_.macs.met - unwanted;
  }
  table_.macs.outside = unwanted;
  return table_;
}

// Every visit of a channel takes as long: the zeros of X do not matter.
void WeightCompressedArray::visit_wanted(const HeldWeights& W, const Bitmap& wanted) {
  const PhaseShape shape(Phase::FF, grid_.geometry());
  const HeldCounts held(shape, W, table_.slices);
  const auto row_size = static_cast<size_t>(grid_.row_size());
  parallel_for(shape.outputs, grain_for(grid_.linear_bytes()), [&](int64_t begin, int64_t end) {
    AlignedVector<uint8_t> linear(static_cast<size_t>(grid_.linear_bytes()));
    AlignedVector<uint32_t> words(static_cast<size_t>(grid_.words()));
    AlignedVector<uint32_t> populations(row_size);
    AlignedVector<uint32_t> cycles(row_size);
    for (int64_t k = begin; k < end; ++k) {
      grid_.channel(wanted, k, linear.data(), words.data());
      tile_populations(counts_->rows(), words.data(), populations.data());
      visit_cycles(populations.data(), row_size, counts_->rows().lane_shift, cycles.data());
      for (int64_t d = 0; d < table_.slices; ++d) {
        add_scaled_row(cycles.data(), row_size, static_cast<uint32_t>(held.at(k, table_.slices, d)), table_.row(k, d));
      }
    }
  });
}

const ChannelTable& WeightCompressedArray::masked_backpropagation(const HeldWeights& W, const BitmapView& X,
                                                                  const BitmapView& dZ, int64_t slices) {
  const ConvolutionGeometry& g = grid_.geometry();
  reset(g.c, slices);
  if (parameters_.skip_input_zeros) {
    visit_masked_pairs(W, X, dZ);
    table_.macs.met = backpropagation_macs(W, dZ).effectual;
  } else {
    visit_rectified(W, X);
    table_.macs.met = W.size() * grid_.total_positions();
    table_.macs.outside = table_.macs.met - table_.macs.effectual;
  }
  return table_;
}

// A visit wants positions where dZ is not zero and X is not zero: those of WG. Where a channel of dZ has no zero, X
// alone says.
void WeightCompressedArray::visit_masked_pairs(const HeldWeights& W, const BitmapView& X, const BitmapView& dZ) {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t kernel = g.r * g.s;
  const int64_t words = grid_.words();
  const auto row_size = static_cast<size_t>(grid_.row_size());
  const int64_t slices = table_.slices;
  const int64_t group_outputs = g.k / g.groups;
  const VisitTable& windows = counts_->windows(X);
  const Holders holders(W, g);
  std::vector<uint32_t> row_of_gradient(static_cast<size_t>(g.k));
  std::vector<int64_t> sparse;
  for (int64_t k = 0; k < g.k; ++k) {
    if (dZ.bits.channel_nonzeros()[static_cast<size_t>(k)] != grid_.total_positions()) {
      row_of_gradient[static_cast<size_t>(k)] = static_cast<uint32_t>(sparse.size());
      sparse.push_back(k);
    } else {
      row_of_gradient[static_cast<size_t>(k)] = static_cast<uint32_t>(g.k);  // has no row
    }
  }
  const AlignedVector<uint32_t> gradients = gradient_rows(dZ.bits, sparse);
  std::vector<int64_t> effectual(static_cast<size_t>(g.c));
  std::vector<int64_t> unwanted(static_cast<size_t>(g.c));
  parallel_for(g.c, grain_for(kernel * words * 4), [&](int64_t begin, int64_t end) {
    AlignedVector<uint8_t> linear(static_cast<size_t>(grid_.linear_bytes()));
    AlignedVector<uint32_t> window_words(static_cast<size_t>(words));
    std::vector<uint32_t> rows;
    for (int64_t window = begin * kernel; window < end * kernel; ++window) {
      const int64_t c = window / kernel;
      const int64_t position = window % kernel;
      const std::span<const uint32_t> all = holders.of(window);
      const int64_t wanted = windows.macs[static_cast<size_t>(window)];
      unwanted[static_cast<size_t>(c)] += static_cast<int64_t>(all.size()) * (grid_.total_positions() - wanted);
      if (!sparse.empty() && !all.empty()) {
        grid_.window(X.bits, c, position / g.s, position % g.s, linear.data(), window_words.data());
      }
      auto next = all.begin();
      for (int64_t d = 0; d < slices; ++d) {
        rows.clear();
        uint32_t full = 0;
        for (; next != all.end() && *next % group_outputs < slice_begin(group_outputs, slices, d + 1); ++next) {
          const uint32_t row = row_of_gradient[*next];
          if (row == static_cast<uint32_t>(g.k)) {
            ++full;
          } else {
            rows.push_back(row);
          }
        }
        if (full > 0) {
          add_scaled_row(windows.rows.data() + window * grid_.row_size(), row_size, full, table_.row(c, d));
          effectual[static_cast<size_t>(c)] += full * wanted;
        }
        effectual[static_cast<size_t>(c)] += add_visit_cycles_of_pairs(
            counts_->rows(), window_words.data(), gradients.data(), 0, rows.data(), rows.size(), table_.row(c, d));
      }
    }
  });
  table_.macs.effectual = sum(effectual);
  table_.macs.outside = sum(unwanted);
}

// Without the zeros of dZ: everything but the dX pixels inside the image where X is zero.
void WeightCompressedArray::visit_rectified(const HeldWeights& W, const BitmapView& X) {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t kernel = g.r * g.s;
  const auto row_size = static_cast<size_t>(grid_.row_size());
  const int64_t group_outputs = g.k / g.groups;
  const int64_t L = parameters_.lanes;
  const AlignedVector<uint32_t>& populations = counts_->populations(X);
  const Holders holders(W, g);
  AlignedVector<uint32_t> outside(static_cast<size_t>(kernel) * row_size);  // positions in the padding, of each tile
  AlignedVector<uint8_t> linear(static_cast<size_t>(grid_.linear_bytes()));
  AlignedVector<uint32_t> words(static_cast<size_t>(grid_.words()));
  for (int64_t position = 0; position < kernel; ++position) {
    uint32_t* row = outside.data() + static_cast<size_t>(position) * row_size;
    grid_.inside(position / g.s, position % g.s, linear.data(), words.data());
    tile_populations(counts_->rows(), words.data(), row);
    for (size_t t = 0; t < grid_.positions().size(); ++t) {
      row[t] = grid_.positions()[t] - row[t];
    }
  }
  AlignedVector<uint32_t> cycles(row_size);
  for (int64_t window = 0; window < g.c * kernel; ++window) {
    const std::span<const uint32_t> all = holders.of(window);
    for (size_t t = 0; t < grid_.positions().size(); ++t) {
      const int64_t wanted = populations[static_cast<size_t>(window) * row_size + t] +
                             outside[static_cast<size_t>(window % kernel) * row_size + t];
      cycles[t] = static_cast<uint32_t>(std::max<int64_t>(1, (wanted + L - 1) / L));
      table_.macs.effectual += static_cast<int64_t>(all.size()) * wanted;
    }
    auto next = all.begin();
    for (int64_t d = 0; d < table_.slices; ++d) {
      uint32_t visits = 0;
      for (; next != all.end() && *next % group_outputs < slice_begin(group_outputs, table_.slices, d + 1); ++next) {
        ++visits;
      }
      add_scaled_row(cycles.data(), row_size, visits, table_.row(window / kernel, d));
    }
  }
}

}  // namespace trainer
