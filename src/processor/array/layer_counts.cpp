#include "processor/array/layer_counts.h"

#include <bit>

#include "base/parallel.h"
#include "processor/array/grain.h"

namespace trainer {

LayerCounts::LayerCounts(const ConvolutionGeometry& geometry, int64_t tile, int64_t lanes)
    : grid_(geometry, tile),
      rows_{static_cast<size_t>(grid_.blocks()), static_cast<size_t>(grid_.width()),
            static_cast<size_t>(grid_.words_per_tile()), std::countr_zero(static_cast<uint64_t>(lanes))} {
  for (int64_t position = 0; position < geometry.r * geometry.s; ++position) {
    outside_.push_back(grid_.total_positions() - grid_.inside_positions(position / geometry.s, position % geometry.s));
  }
}

// count(bit row, its interleaved words)
template <typename Count>
void LayerCounts::for_each_window(const Bitmap& X, Count count) const {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t kernel = g.r * g.s;
  parallel_for(g.c, grain_for(kernel * grid_.linear_bytes()), [&](int64_t begin, int64_t end) {
    AlignedVector<uint8_t> linear(static_cast<size_t>(grid_.linear_bytes()));
    AlignedVector<uint32_t> words(static_cast<size_t>(grid_.words()));
    for (int64_t window = begin * kernel; window < end * kernel; ++window) {
      const int64_t position = window % kernel;
      grid_.window(X, window / kernel, position / g.s, position % g.s, linear.data(), words.data());
      count(window, words.data());
    }
  });
}

const VisitTable& LayerCounts::windows(const BitmapView& X) {
  if (X.serial != windows_serial_) {
    const ConvolutionGeometry& g = grid_.geometry();
    windows_.rows.resize(static_cast<size_t>(g.c * g.r * g.s * grid_.row_size()));
    windows_.macs.resize(static_cast<size_t>(g.c * g.r * g.s));
    for_each_window(X.bits, [&](int64_t window, const uint32_t* words) {
      windows_.macs[static_cast<size_t>(window)] =
          visit_cycles(rows_, words, windows_.rows.data() + window * grid_.row_size());
    });
    windows_serial_ = X.serial;
  }
  return windows_;
}

const AlignedVector<uint32_t>& LayerCounts::populations(const BitmapView& X) {
  if (X.serial != populations_serial_) {
    const ConvolutionGeometry& g = grid_.geometry();
    populations_.resize(static_cast<size_t>(g.c * g.r * g.s * grid_.row_size()));
    for_each_window(X.bits, [&](int64_t window, const uint32_t* words) {
      tile_populations(rows_, words, populations_.data() + window * grid_.row_size());
    });
    populations_serial_ = X.serial;
  }
  return populations_;
}

const VisitTable& LayerCounts::gradients(const BitmapView& dZ) {
  if (dZ.serial == gradients_serial_) {
    return gradients_;
  }
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t kernel = g.r * g.s;
  AlignedVector<uint32_t> inside(static_cast<size_t>(kernel * grid_.words()));
  AlignedVector<uint8_t> scratch(static_cast<size_t>(grid_.linear_bytes()));
  for (int64_t position = 0; position < kernel; ++position) {
    grid_.inside(position / g.s, position % g.s, scratch.data(), inside.data() + position * grid_.words());
  }
  gradients_.rows.resize(static_cast<size_t>(g.k * kernel * grid_.row_size()));
  gradients_.macs.resize(static_cast<size_t>(g.k * kernel));
  parallel_for(g.k, grain_for(kernel * grid_.linear_bytes()), [&](int64_t begin, int64_t end) {
    AlignedVector<uint8_t> linear(static_cast<size_t>(grid_.linear_bytes()));
    AlignedVector<uint32_t> words(static_cast<size_t>(grid_.words()));
    for (int64_t k = begin; k < end; ++k) {
      grid_.channel(dZ.bits, k, linear.data(), words.data());
      for (int64_t position = 0; position < kernel; ++position) {
        const int64_t row = k * kernel + position;
        gradients_.macs[static_cast<size_t>(row)] =
            visit_cycles_and(rows_, words.data(), inside.data() + position * grid_.words(),
                             gradients_.rows.data() + row * grid_.row_size());
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
    counts = std::make_shared<LayerCounts>(geometry, tile, lanes);
  }
  return counts;
}

}  // namespace trainer
