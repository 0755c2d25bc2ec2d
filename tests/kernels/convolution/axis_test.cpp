#include "kernels/convolution/axis.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "kernels/convolution/geometry.h"

namespace trainer {
namespace {

/// What a position of dX is summed from: kernel index -> position in dZ, which may lie outside of it.
using Sources = std::map<int64_t, int64_t>;

/// By the definition of a convolution: dX[x] has the terms dZ[z] for x = stride * z + dilation * tap - padding.
Sources expected_sources(int64_t x, int64_t kernel, const ConvolutionGeometry& g) {
  Sources sources;
  for (int64_t tap = 0; tap < kernel; ++tap) {
    const int64_t distance = x + g.padding - tap * g.dilation;
    if (distance % g.stride == 0) {
      sources[tap] = distance / g.stride;
    }
  }
  return sources;
}

Sources sources_of(const Axis& axis, size_t phase, int64_t i) {
  Sources sources;
  for (size_t tap = 0; tap < axis.taps.size(); ++tap) {
    const Tap& place = axis.taps[tap];
    if (place.used && place.phase == static_cast<int64_t>(phase)) {
      sources[static_cast<int64_t>(tap)] = axis.first + i + place.offset;
      EXPECT_LE(place.offset, axis.reach);
    }
  }
  return sources;
}

class BackwardPasses : public ::testing::TestWithParam<const char*> {};

TEST_P(BackwardPasses, SumEveryPositionOnceFromWhatReachesIt) {
  const ConvolutionGeometry g = parse_convolution_problem(GetParam()).geometry;
  std::map<std::pair<int64_t, int64_t>, int> written;
  for (const ConvolutionPass& pass : backward_passes(g)) {
    EXPECT_GT(pass.phases(), 0);
    for (size_t rows = 0; rows < pass.rows.phases.size(); ++rows) {
      for (size_t columns = 0; columns < pass.columns.phases.size(); ++columns) {
        const OutputPhase& row_phase = pass.rows.phases[rows];
        const OutputPhase& column_phase = pass.columns.phases[columns];
        EXPECT_LE(row_phase.count, pass.rows.count);
        EXPECT_LE(column_phase.count, pass.columns.count);
        for (int64_t i = 0; i < row_phase.count; ++i) {
          for (int64_t j = 0; j < column_phase.count; ++j) {
            const int64_t y = row_phase.first + i * pass.rows.output_step;
            const int64_t x = column_phase.first + j * pass.columns.output_step;
            ++written[{y, x}];
            const Sources of_rows = expected_sources(y, g.r, g);
            const Sources of_columns = expected_sources(x, g.s, g);
            if (of_rows.empty() || of_columns.empty()) {  // no product of taps reaches this position
              EXPECT_EQ(pass.rows.used_taps() * pass.columns.used_taps(), 0) << y << " " << x;
            } else {
              EXPECT_EQ(sources_of(pass.rows, rows, i), of_rows) << y;
              EXPECT_EQ(sources_of(pass.columns, columns, j), of_columns) << x;
            }
          }
        }
      }
    }
  }
  for (int64_t y = 0; y < g.h; ++y) {
    for (int64_t x = 0; x < g.w; ++x) {
      EXPECT_EQ((written[{y, x}]), 1) << y << " " << x;
    }
  }
  EXPECT_EQ(static_cast<int64_t>(written.size()), g.h * g.w);
}

INSTANTIATE_TEST_SUITE_P(Geometries, BackwardPasses,
                         ::testing::Values("n1c1k1h6r3p1", "n1c1k1h5r3s2p1", "n1c1k1h7w8r3s3p1", "n1c1k1h6r2s2e2",
                                           "n1c1k1h9r3s2p2e2", "n1c1k1h1r1s2p1", "n1c1k1h2w9r3s3p2", "n1c1k1h5r1s2",
                                           "n1c1k1h8r2s3p1", "n1c1k1h7w4r5q2s2p2"));

}  // namespace
}  // namespace trainer
