#pragma once

#include <cstdint>
#include <vector>

#include "kernels/convolution/geometry.h"
#include "tensor/aligned.h"
#include "tensor/bitmap.h"

namespace trainer {

/// Output pixels whose X pixel under one kernel position lies inside the image.
struct InsideBox {
  int64_t row_begin;
  int64_t row_end;
  int64_t column_begin;
  int64_t column_end;
};

/// How the positions (p, q, n) of a convolution are cut into tiles of T (docs/processor-contract.md, section 2), and
/// how their bits are kept for counting.
///
/// Counting wants, for one tile after the other, the population count of T bits. So the 32-bit words of `width` tiles
/// are interleaved: word j of tile t is word ((t / width) * words_per_tile + j) * width + t % width. A vector then
/// holds the same word of neighbouring tiles, and their counts come out of vertical additions alone.
class TileGrid {
 public:
  TileGrid(const ConvolutionGeometry& geometry, int64_t tile);

  const ConvolutionGeometry& geometry() const { return geometry_; }
  int64_t tiles() const { return tiles_; }
  int64_t width() const { return width_; }
  int64_t blocks() const { return blocks_; }
  int64_t words_per_tile() const { return words_per_tile_; }
  /// Entries of one row of per-tile numbers: tiles rounded up to whole blocks.
  int64_t row_size() const { return blocks_ * width_; }
  /// 32-bit words of one interleaved row of bits.
  int64_t words() const { return row_size() * words_per_tile_; }
  /// Positions of each tile that are not padding of the batch.
  const std::vector<uint32_t>& positions() const { return positions_; }
  /// N * P * Q.
  int64_t total_positions() const { return geometry_.n * geometry_.p() * geometry_.q(); }

  /// Bytes of the linear form: all positions, batch padded to bytes, up to whole blocks of tiles.
  int64_t linear_bytes() const { return words() * 4; }

  /// Bits of X that weight position (r, s) of input channel c meets at every position. `linear` is scratch memory of
  /// linear_bytes(), zero beyond the last position.
  void window(const Bitmap& X, int64_t c, int64_t r, int64_t s, uint8_t* linear, uint32_t* words) const;
  /// Bits of channel k of dZ.
  void channel(const Bitmap& dZ, int64_t k, uint8_t* linear, uint32_t* words) const;
  /// Positions whose X pixel under (r, s) lies inside the image.
  void inside(int64_t r, int64_t s, uint8_t* linear, uint32_t* words) const;
  InsideBox inside_box(int64_t r, int64_t s) const;
  /// N times the number of output pixels whose X pixel under (r, s) lies inside the image.
  int64_t inside_positions(int64_t r, int64_t s) const;

 private:
  void interleave(const uint8_t* linear, uint32_t* words) const;

  ConvolutionGeometry geometry_;
  int64_t batch_bytes_;
  int64_t tiles_;
  int64_t words_per_tile_;
  int64_t width_;
  int64_t blocks_;
  std::vector<uint32_t> positions_;
};

}  // namespace trainer
