#include "processor/array/tile_grid.h"

#include <algorithm>
#include <cstring>

#include "processor/array/interleave.h"

namespace trainer {
namespace {

struct Range {
  int64_t begin;
  int64_t end;
};

// Outputs o in 0..count-1 for which 0 <= o*stride + offset < extent.
Range inside_range(int64_t count, int64_t stride, int64_t offset, int64_t extent) {
  const int64_t begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t end = extent - offset <= 0 ? 0 : (extent - offset - 1) / stride + 1;
  return {std::min(begin, count), std::clamp(end, std::min(begin, count), count)};
}

// Rows of `bytes` bytes, `from_stride` apart, one after the other. They are short, and pieces whose size the compiler
// knows take less than a call for each.
void copy_rows(const uint8_t* from, int64_t from_stride, int64_t rows, int64_t bytes, uint8_t* to) {
  for (int64_t row = 0; row < rows; ++row, from += from_stride, to += bytes) {
    int64_t at = 0;
    for (; at + 64 <= bytes; at += 64) {
      std::memcpy(to + at, from + at, 64);
    }
    for (; at + 8 <= bytes; at += 8) {
      std::memcpy(to + at, from + at, 8);
    }
    for (; at < bytes; ++at) {
      to[at] = from[at];
    }
  }
}

}  // namespace

TileGrid::TileGrid(const ConvolutionGeometry& geometry, int64_t tile)
    : geometry_(geometry), batch_bytes_((geometry.n + 7) / 8), words_per_tile_(tile / 32) {
  const int64_t bytes = geometry.p() * geometry.q() * batch_bytes_;
  const int64_t tile_bytes = tile / 8;
  tiles_ = (bytes + tile_bytes - 1) / tile_bytes;
  // Narrow blocks where there are few tiles: the words of tiles that do not exist are not worth counting.
  width_ = tiles_ > 8 ? 16 : tiles_ > 4 ? 8 : 4;
  blocks_ = (tiles_ + width_ - 1) / width_;
  positions_.assign(static_cast<size_t>(tiles_), 0);
  for (int64_t byte = 0; byte < bytes; ++byte) {
    const int64_t first_image = byte % batch_bytes_ * 8;
    positions_[static_cast<size_t>(byte / tile_bytes)] +=
        static_cast<uint32_t>(std::min<int64_t>(8, geometry.n - first_image));
  }
}

void TileGrid::interleave(const uint8_t* linear, uint32_t* words) const {
  interleave_tiles(linear, static_cast<size_t>(blocks_), static_cast<size_t>(width_),
                   static_cast<size_t>(words_per_tile_), words);
}

void TileGrid::window(const Bitmap& X, int64_t c, int64_t r, int64_t s, uint8_t* linear, uint32_t* words) const {
  const ConvolutionGeometry& g = geometry_;
  const int64_t y = r * g.dilation - g.padding;
  const int64_t x = s * g.dilation - g.padding;
  copy_rows(X.window(c, y, x), X.window(c, y + g.stride, x) - X.window(c, y, x), g.p(), g.q() * batch_bytes_, linear);
  interleave(linear, words);
}

void TileGrid::channel(const Bitmap& dZ, int64_t k, uint8_t* linear, uint32_t* words) const {
  copy_rows(dZ.window(k, 0, 0), dZ.window(k, 1, 0) - dZ.window(k, 0, 0), geometry_.p(), geometry_.q() * batch_bytes_,
            linear);
  interleave(linear, words);
}

InsideBox TileGrid::inside_box(int64_t r, int64_t s) const {
  const ConvolutionGeometry& g = geometry_;
  const Range rows = inside_range(g.p(), g.stride, r * g.dilation - g.padding, g.h);
  const Range columns = inside_range(g.q(), g.stride, s * g.dilation - g.padding, g.w);
  return {rows.begin, rows.end, columns.begin, columns.end};
}

void TileGrid::inside(int64_t r, int64_t s, uint8_t* linear, uint32_t* words) const {
  const ConvolutionGeometry& g = geometry_;
  const InsideBox box = inside_box(r, s);
  std::memset(linear, 0, static_cast<size_t>(g.p() * g.q() * batch_bytes_));
  const int64_t images = g.n % 8;  // of a pixel's last byte; 0 for all eight
  const auto last_byte = static_cast<uint8_t>(images == 0 ? 0xff : (1 << images) - 1);
  for (int64_t p = box.row_begin; p < box.row_end; ++p) {
    uint8_t* row = linear + (p * g.q() + box.column_begin) * batch_bytes_;
    const int64_t columns = box.column_end - box.column_begin;
    std::memset(row, 0xff, static_cast<size_t>(columns * batch_bytes_));
    for (int64_t column = 1; column <= columns; ++column) {
      row[column * batch_bytes_ - 1] = last_byte;
    }
  }
  interleave(linear, words);
}

int64_t TileGrid::inside_positions(int64_t r, int64_t s) const {
  const InsideBox box = inside_box(r, s);
  return geometry_.n * (box.row_end - box.row_begin) * (box.column_end - box.column_begin);
}

}  // namespace trainer
