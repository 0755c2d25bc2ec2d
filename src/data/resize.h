#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace trainer {

/// Resizes images to height x width, keeping the aspect ratio: the image is scaled by the larger of height/H and
/// width/W, and what is then too long is cut equally on both sides.
///
/// Pixel centres lie at halves: output column x is at b + (x + 1/2) * s of the source, s source columns an output
/// column and b the left edge of what is kept. Its value is the mean of the source columns with centres nearer than f =
/// max(s, 1), weighted by the triangle 1 - distance/f: linear interpolation where images grow, and an average over all
/// source pixels where they shrink, so nothing aliases. Rows likewise; the result is rounded to the nearest byte.
class Resizer {
 public:
  /// `to` must be another image than `from`; its memory and the resizer's own are reused.
  void resize(const Image& from, int64_t height, int64_t width, Image& to);

 private:
  // One axis: output position i is the sum over k < count[i] of weight[i * stride + k] * source[first[i] + k].
  struct Taps {
    int64_t source = 0;
    int64_t output = 0;
    double begin = 0;
    double step = 0;
    int64_t stride = 0;
    std::vector<int64_t> first;
    std::vector<int64_t> count;
    std::vector<float> weight;

    void set(int64_t source_size, int64_t output_size, double box_begin, double box_step);
  };

  Taps columns_;
  Taps rows_;
  std::vector<float> narrowed_;  // the source rows in use, resized along columns only
  std::vector<float> sums_;      // one output row
};

}  // namespace trainer
