#include "processor/array/layer_counts.h"

#include <bit>
#include <utility>

#include "base/parallel.h"
#include "processor/array/grain.h"

namespace trainer {
namespace {

TileRows rows_of(const TileGrid& grid, int64_t lanes) {
  return {static_cast<size_t>(grid.blocks()), static_cast<size_t>(grid.width()),
          static_cast<size_t>(grid.words_per_tile()), std::countr_zero(static_cast<uint64_t>(lanes))};
}

}  // namespace

WindowCounts::WindowCounts(const ConvolutionGeometry& geometry, int64_t tile) : grid_(geometry, tile) {}

const VisitTable& WindowCounts::of(const BitmapView& X) {
  if (X.serial == serial_) {
    return table_;
  }
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t kernel = g.r * g.s;
  const TileRows rows = rows_of(grid_, 1);
  table_.rows.resize(static_cast<size_t>(g.c * kernel * grid_.row_size()));
  table_.macs.resize(static_cast<size_t>(g.c * kernel));
  parallel_for(g.c, grain_for(kernel * grid_.linear_bytes()), [&](int64_t begin, int64_t end) {
    AlignedVector<uint8_t> linear(static_cast<size_t>(grid_.linear_bytes()));
    AlignedVector<uint32_t> words(static_cast<size_t>(grid_.words()));
    for (int64_t window = begin * kernel; window < end * kernel; ++window) {
      const int64_t position = window % kernel;
      grid_.window(X.bits, window / kernel, position / g.s, position % g.s, linear.data(), words.data());
      table_.macs[static_cast<size_t>(window)] =
          tile_populations(rows, words.data(), table_.rows.data() + window * grid_.row_size());
    }
  });
  serial_ = X.serial;
  return table_;
}

LayerCounts::LayerCounts(const ConvolutionGeometry& geometry, int64_t tile, int64_t lanes)
    : LayerCounts(std::make_shared<WindowCounts>(geometry, tile), lanes) {}

LayerCounts::LayerCounts(std::shared_ptr<WindowCounts> window_counts, int64_t lanes)
    : window_counts_(std::move(window_counts)), rows_(rows_of(grid(), lanes)) {
  const ConvolutionGeometry& g = grid().geometry();
  for (int64_t position = 0; position < g.r * g.s; ++position) {
    outside_.push_back(grid().total_positions() - grid().inside_positions(position / g.s, position % g.s));
  }
}

const VisitTable& LayerCounts::windows(const BitmapView& X) {
  if (X.serial != windows_serial_) {
    const VisitTable& counts = window_counts_->of(X);
    windows_.macs = counts.macs;
    windows_.rows.resize(counts.rows.size());
    visit_cycles(counts.rows.data(), counts.rows.size(), rows_.lane_shift, windows_.rows.data());
    windows_serial_ = X.serial;
  }
  return windows_;
}

const VisitTable& LayerCounts::gradients(const BitmapView& dZ) {
  if (dZ.serial == gradients_serial_) {
    return gradients_;
  }
  const ConvolutionGeometry& g = grid().geometry();
  const int64_t kernel = g.r * g.s;
  AlignedVector<uint32_t> inside(static_cast<size_t>(kernel * grid().words()));
  AlignedVector<uint8_t> scratch(static_cast<size_t>(grid().linear_bytes()));
  for (int64_t position = 0; position < kernel; ++position) {
    grid().inside(position / g.s, position % g.s, scratch.data(), inside.data() + position * grid().words());
  }
  gradients_.rows.resize(static_cast<size_t>(g.k * kernel * grid().row_size()));
  gradients_.macs.resize(static_cast<size_t>(g.k * kernel));
  parallel_for(g.k, grain_for(kernel * grid().linear_bytes()), [&](int64_t begin, int64_t end) {
    AlignedVector<uint8_t> linear(static_cast<size_t>(grid().linear_bytes()));
    AlignedVector<uint32_t> words(static_cast<size_t>(grid().words()));
    for (int64_t k = begin; k < end; ++k) {
      grid().channel(dZ.bits, k, linear.data(), words.data());
      for (int64_t position = 0; position < kernel; ++position) {
        const int64_t row = k * kernel + position;
        gradients_.macs[static_cast<size_t>(row)] =
            visit_cycles_and(rows_, words.data(), inside.data() + position * grid().words(),
                             gradients_.rows.data() + row * grid().row_size());
      }
    }
  });
  gradients_serial_ = dZ.serial;
  return gradients_;
}

std::shared_ptr<LayerCounts> LayerCountsPool::get(int layer, const ConvolutionGeometry& geometry, int64_t tile,
                                                  int64_t lanes) {
  std::shared_ptr<LayerCounts>& counts = counts_[{layer, tile, lanes}];
  if (!counts || !(counts->grid().geometry() == geometry)) {
    std::shared_ptr<LayerCounts>& first = first_[{layer, tile}];
    const bool serves = first && first->grid().geometry() == geometry;
    counts =
        serves ? std::make_shared<LayerCounts>(*first, lanes) : std::make_shared<LayerCounts>(geometry, tile, lanes);
    first = serves ? first : counts;
  }
  return counts;
}

}  // namespace trainer
