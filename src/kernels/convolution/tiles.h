#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "kernels/convolution/axis.h"
#include "kernels/convolution/terms.h"
#include "kernels/convolution/tiling.h"

/// How the highway path numbers its work.
namespace trainer {

inline int64_t divide_up(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }

/// One pass with its tiling and what it derived from the pattern it saw last.
struct TiledPass {
  TiledPass(ConvolutionPass the_pass, const Tiling& the_tiling) : pass(std::move(the_pass)), tiling(the_tiling) {}

  ConvolutionPass pass;
  Tiling tiling;
  std::unique_ptr<TermList> terms;
};

/// A tile: output positions of a pass by a block of the batch.
struct Tile {
  int64_t first_row;  // in the pass's own count
  int64_t first_column;
  int64_t rows;
  int64_t columns;
  int64_t vectors;  // of a row
  int64_t first_image;
  int64_t images;

  int64_t values(int64_t lanes) const { return rows * vectors * lanes; }
};

/// Some outputs of a group: channels of a phase, or of all phases, those of one after those of another.
struct Outputs {
  int64_t group;
  int64_t begin;
  int64_t end;

  int64_t count() const { return end - begin; }
};

/// The tiles of a plan, numbered so that the batch blocks of the same positions are neighbours: they share cache lines
/// and pages of the tensors.
class OutputTiles {
 public:
  OutputTiles(const TiledPass& plan, int64_t batch)
      : plan_(plan),
        batch_(batch),
        batches_(divide_up(batch, plan.tiling.batch)),
        columns_(divide_up(plan.pass.columns.count, plan.tiling.columns)),
        rows_(divide_up(plan.pass.rows.count, plan.tiling.rows)) {}

  int64_t count() const { return rows_ * columns_ * batches_; }
  Tile operator[](int64_t index) const {
    const Tiling& tiling = plan_.tiling;
    Tile tile{};
    tile.first_image = index % batches_ * tiling.batch;
    tile.images = std::min(tiling.batch, batch_ - tile.first_image);
    tile.first_column = index / batches_ % columns_ * tiling.columns;
    tile.columns = std::min(tiling.columns, plan_.pass.columns.count - tile.first_column);
    tile.vectors = tiling.vectors(tile.columns);
    tile.first_row = index / batches_ / columns_ * tiling.rows;
    tile.rows = std::min(tiling.rows, plan_.pass.rows.count - tile.first_row);
    return tile;
  }

 private:
  const TiledPass& plan_;
  int64_t batch_;
  int64_t batches_;
  int64_t columns_;
  int64_t rows_;
};

}  // namespace trainer
