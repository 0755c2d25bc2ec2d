#include "processor/array/tile_grid.h"

#include <algorithm>
#include <cstring>

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
  for (int64_t block = 0; block < blocks_; ++block) {
    for (int64_t lane = 0; lane < width_; ++lane) {
      const uint8_t* source = linear + (block * width_ + lane) * words_per_tile_ * 4;
      uint32_t* target = words + block * words_per_tile_ * width_ + lane;
      for (int64_t j = 0; j < words_per_tile_; ++j) {
        std::memcpy(target + j * width_, source + j * 4, 4);
      }
    }
  }
}

void TileGrid::window(const Bitmap& X, int64_t c, int64_t r, int64_t s, uint8_t* linear, uint32_t* words) const {
  const ConvolutionGeometry& g = geometry_;
  const int64_t row_bytes = g.q() * batch_bytes_;
  for (int64_t p = 0; p < g.p(); ++p) {
    std::memcpy(linear + p * row_bytes,
                X.window(c, p * g.stride + r * g.dilation - g.padding, s * g.dilation - g.padding),
                static_cast<size_t>(row_bytes));
  }
  interleave(linear, words);
}

void TileGrid::channel(const Bitmap& dZ, int64_t k, uint8_t* linear, uint32_t* words) const {
  const int64_t row_bytes = geometry_.q() * batch_bytes_;
  for (int64_t p = 0; p < geometry_.p(); ++p) {
    std::memcpy(linear + p * row_bytes, dZ.window(k, p, 0), static_cast<size_t>(row_bytes));
  }
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
