#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "processor/array/tile_counts.h"
#include "processor/array/tile_grid.h"
#include "processor/bitmap_view.h"
#include "tensor/aligned.h"

namespace trainer {

/// Numbers of each tile for many bit rows.
struct VisitTable {
  AlignedVector<uint32_t> rows;  ///< [bit row][grid.row_size()]
  std::vector<int64_t> macs;     ///< [bit row]: wanted positions of all tiles
};

/// Wanted positions of every visit in FF, of a layer's X and T alone: counted once for all numbers of lanes. Not
/// thread-safe; uses parallel_for inside.
class WindowCounts {
 public:
  WindowCounts(const ConvolutionGeometry& geometry, int64_t tile);

  const TileGrid& grid() const { return grid_; }
  /// Of weight (c, r, s), for all C input channels: bit row (c*R + r)*S + s. X as Bitmap::assign(X, padding, stride)
  /// packs it.
  const VisitTable& of(const BitmapView& X);

 private:
  TileGrid grid_;
  int64_t serial_ = -1;
  VisitTable table_;
};

/// What visits take that depends on X or dZ, T and L alone: counted once for a layer's tensors, used by every processor
/// with this T and L. Not thread-safe; uses parallel_for inside.
class LayerCounts {
 public:
  LayerCounts(const ConvolutionGeometry& geometry, int64_t tile, int64_t lanes);
  /// For other lanes beside those of `shares`.
  LayerCounts(const LayerCounts& shares, int64_t lanes) : LayerCounts(shares.window_counts_, lanes) {}

  const TileGrid& grid() const { return window_counts_->grid(); }
  const TileRows& rows() const { return rows_; }

  /// Cycles of a visit in FF: the bit rows of WindowCounts.
  const VisitTable& windows(const BitmapView& X);
  /// Wanted positions instead of cycles.
  const AlignedVector<uint32_t>& populations(const BitmapView& X) { return window_counts_->of(X).rows; }
  /// Cycles of a visit of weight (k, ., r, s) in BP: bit row (k*R + r)*S + s. dZ as Bitmap::assign(dZ, 0, 1).
  const VisitTable& gradients(const BitmapView& dZ);
  /// Positions whose dX pixel under kernel position r*S + s is in the padding.
  int64_t outside(int64_t position) const { return outside_[static_cast<size_t>(position)]; }

 private:
  LayerCounts(std::shared_ptr<WindowCounts> window_counts, int64_t lanes);

  std::shared_ptr<WindowCounts> window_counts_;
  TileRows rows_;
  std::vector<int64_t> outside_;
  int64_t windows_serial_ = -1;
  VisitTable windows_;
  int64_t gradients_serial_ = -1;
  VisitTable gradients_;
};

/// The counts of every layer, T and L.
class LayerCountsPool {
 public:
  std::shared_ptr<LayerCounts> get(int layer, const ConvolutionGeometry& geometry, int64_t tile, int64_t lanes);

 private:
  std::map<std::tuple<int, int64_t>, std::shared_ptr<LayerCounts>> first_;  // of each T, with lanes of any number
  std::map<std::tuple<int, int64_t, int64_t>, std::shared_ptr<LayerCounts>> counts_;
};

}  // namespace trainer
