#include "kernels/convolution/tiling.h"

#include <algorithm>
#include <limits>

namespace trainer {
namespace {

// A little over the 32 to 48 KB of a first-level cache measures best: fewer lines of the window hit it, but an output
// channel's sums are loaded and stored less often. From 28 to 48 KB the times differ by 5%.
constexpr int64_t kWindowBytes = int64_t{40} * 1024;
// Of whole rows, packed and summed: a part of most second-level caches.
constexpr int64_t kWholeRowsBytes = int64_t{256} * 1024;
// Density the estimate assumes; what matters is that terms are few.
constexpr double kDensity = 0.1;
// Cycles for a term beyond its multiply-adds (read, broadcast, loop), and the fewest a term can take: the latency of
// the multiply-add, which a tile of too few accumulators cannot hide.
constexpr double kTermCycles = 1.5;
constexpr double kTermLatency = 5;
// Cycles to pack one vector, mostly spent waiting for memory; and, for an output channel's visit to a block, to find
// the end of its terms (a branch that cannot be predicted).
constexpr double kPackCycles = 12;
constexpr double kVisitCycles = 20;

int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

void lay_out(Tiling& tiling, const ConvolutionPass& pass, int64_t input_channels, Format values) {
  tiling.row_pitch =
      round_up(tiling.vectors(tiling.columns) * tiling.lanes + pass.columns.reach * tiling.batch, tiling.lanes);
  tiling.plane_rows = tiling.rows + pass.rows.reach;
  tiling.plane_pitch = tiling.plane_rows * tiling.row_pitch;
  tiling.channel_pitch =
      tiling.plane_pitch * static_cast<int64_t>(pass.rows.planes.size() * pass.columns.planes.size());
  const int64_t channel_bytes = std::max<int64_t>(tiling.channel_pitch, 1) * bytes_of(values);
  const int64_t most = std::clamp<int64_t>(kWindowBytes / channel_bytes, 1, input_channels);
  const int64_t blocks = (input_channels + most - 1) / most;
  tiling.channels = (input_channels + blocks - 1) / blocks;
}

/// Estimated cycles for one input channel and one output channel of one phase.
double estimate(const Tiling& tiling, const ConvolutionPass& pass, int64_t batch, int64_t output_channels,
                const VectorUnit& unit) {
  const auto phases = static_cast<double>(pass.phases());
  const double terms = kDensity * static_cast<double>(pass.rows.used_taps() * pass.columns.used_taps()) / phases;
  const int64_t window_vectors = tiling.channel_pitch / tiling.lanes;
  // How often an input channel's visit loads and stores sums.
  const double sums = std::max(1 / static_cast<double>(tiling.channels), terms / static_cast<double>(unit.chunk));
  const double pack =
      kPackCycles * static_cast<double>(window_vectors) / (phases * static_cast<double>(output_channels));
  const int64_t last_rows = pass.rows.count % tiling.rows;
  const int64_t last_columns = pass.columns.count % tiling.columns;
  const auto tiles = [&](int64_t rows, int64_t columns, int64_t count) {
    const auto vectors = static_cast<double>(rows * tiling.vectors(columns));
    return static_cast<double>(count) *
           (terms * std::max(vectors + kTermCycles, kTermLatency) +
            kVisitCycles / static_cast<double>(tiling.channels) + unit.sum_cycles * vectors * sums + pack);
  };
  const int64_t whole_rows = pass.rows.count / tiling.rows;
  const int64_t whole_columns = pass.columns.count / tiling.columns;
  const double image = tiles(tiling.rows, tiling.columns, whole_rows * whole_columns) +
                       tiles(last_rows, tiling.columns, last_rows > 0 ? whole_columns : 0) +
                       tiles(tiling.rows, last_columns, last_columns > 0 ? whole_rows : 0) +
                       tiles(last_rows, last_columns, last_rows > 0 && last_columns > 0 ? 1 : 0);
  const int64_t batch_blocks = (batch + tiling.batch - 1) / tiling.batch;
  return image * static_cast<double>(batch_blocks);
}

}  // namespace

Tiling choose_tiling(const ConvolutionPass& pass, int64_t batch, int64_t input_channels, int64_t output_channels,
                     const VectorUnit& unit) {
  Tiling best;
  double best_cycles = std::numeric_limits<double>::infinity();
  const int64_t most_pieces = std::max<int64_t>(batch / unit.lanes, 1);
  for (int64_t pieces = 1; pieces <= most_pieces; ++pieces) {
    Tiling tiling;
    tiling.lanes = unit.lanes;
    tiling.batch = (batch + pieces - 1) / pieces;
    for (tiling.rows = 1; tiling.rows <= std::min(kMostTileRows, pass.rows.count); ++tiling.rows) {
      for (tiling.columns = 1; tiling.columns <= pass.columns.count; ++tiling.columns) {
        const int64_t vectors = tiling.vectors(tiling.columns);
        if (vectors > kMostTileVectors || vectors * tiling.rows > unit.accumulators) {
          break;
        }
        lay_out(tiling, pass, input_channels, unit.values);
        const double cycles = estimate(tiling, pass, batch, output_channels, unit);
        if (cycles < best_cycles) {
          best_cycles = cycles;
          best = tiling;
        }
      }
    }
  }
  return best;
}

Tiling choose_tiling_of_whole_rows(const ConvolutionPass& pass, int64_t batch, const VectorUnit& unit) {
  Tiling tiling;
  tiling.whole_rows = true;
  tiling.lanes = unit.lanes;
  tiling.batch = batch;
  tiling.columns = pass.columns.count;
  for (int64_t pieces = 1; pieces <= pass.rows.count; ++pieces) {
    tiling.rows = (pass.rows.count + pieces - 1) / pieces;
    lay_out(tiling, pass, 1, unit.values);
    const int64_t sums = pass.phases() * tiling.rows * tiling.vectors(tiling.columns) * tiling.lanes;
    if ((tiling.channel_pitch + sums) * static_cast<int64_t>(sizeof(float)) <= kWholeRowsBytes) {
      break;
    }
  }
  return tiling;
}

}  // namespace trainer
