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

/// What visits take that depends on X or dZ, T and L alone: counted once for a layer's tensors, used by every processor
/// with this T and L. Not thread-safe; uses parallel_for inside.
class LayerCounts {
 public:
  LayerCounts(const ConvolutionGeometry& geometry, int64_t tile, int64_t lanes);

  const TileGrid& grid() const { return grid_; }
  const TileRows& rows() const { return rows_; }

  /// Cycles of a visit of weight (c, r, s) in FF, for all C input channels: bit row (c*R + r)*S + s.
  /// X as Bitmap::assign(X, padding, stride) packs it.
  const VisitTable& windows(const BitmapView& X);
  /// The same bit rows, wanted positions instead of cycles.
  const AlignedVector<uint32_t>& populations(const BitmapView& X);
  /// Cycles of a visit of weight (k, ., r, s) in BP: bit row (k*R + r)*S + s. dZ as Bitmap::assign(dZ, 0, 1).
  const VisitTable& gradients(const BitmapView& dZ);
  /// Positions whose dX pixel under kernel position r*S + s is in the padding.
  int64_t outside(int64_t position) const { return outside_[static_cast<size_t>(position)]; }

 private:
  template <typename Count>
  void for_each_window(const Bitmap& X, Count count) const;

  TileGrid grid_;
  TileRows rows_;
  std::vector<int64_t> outside_;
  int64_t windows_serial_ = -1;
  VisitTable windows_;
  int64_t populations_serial_ = -1;
  AlignedVector<uint32_t> populations_;
  int64_t gradients_serial_ = -1;
  VisitTable gradients_;
};

/// The counts of every layer, T and L.
class LayerCountsPool {
 public:
  std::shared_ptr<LayerCounts> get(int layer, const ConvolutionGeometry& geometry, int64_t tile, int64_t lanes);

 private:
  std::map<std::tuple<int, int64_t, int64_t>, std::shared_ptr<LayerCounts>> counts_;
};

}  // namespace trainer
