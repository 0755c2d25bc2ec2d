#include "data/resize.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "data/decode.h"

namespace trainer {

void Resizer::Taps::set(int64_t source_size, int64_t output_size, double box_begin, double box_step) {
  if (source == source_size && output == output_size && begin == box_begin && step == box_step) {
    return;  // most images of a data set have one size
  }
  source = source_size;
  output = output_size;
  begin = box_begin;
  step = box_step;
  const double reach = std::max(step, 1.0);
  stride = static_cast<int64_t>(std::ceil(2.0 * reach)) + 1;
  first.assign(static_cast<size_t>(output), 0);
  count.assign(static_cast<size_t>(output), 0);
  weight.assign(static_cast<size_t>(output * stride), 0.0F);
  for (int64_t i = 0; i < output; ++i) {
    const double centre = begin + (static_cast<double>(i) + 0.5) * step;
    const auto low = std::max<int64_t>(0, static_cast<int64_t>(std::floor(centre - reach + 0.5)));
    const auto high = std::min(source, static_cast<int64_t>(std::floor(centre + reach + 0.5)));
    const auto tap_weight = [&](int64_t k) {
      return std::max(0.0, 1.0 - std::abs(static_cast<double>(k) + 0.5 - centre) / reach);
    };
    double sum = 0;
    for (int64_t k = low; k < high; ++k) {
      sum += tap_weight(k);
    }
    first[static_cast<size_t>(i)] = low;
    count[static_cast<size_t>(i)] = high - low;
    for (int64_t k = low; k < high; ++k) {
      weight[static_cast<size_t>(i * stride + k - low)] = static_cast<float>(tap_weight(k) / sum);
    }
  }
}

void Resizer::resize(const Image& from, int64_t height, int64_t width, Image& to) {
  assert(&from != &to && height > 0 && width > 0);
  const double scale = std::max(static_cast<double>(height) / static_cast<double>(from.height),
                                static_cast<double>(width) / static_cast<double>(from.width));
  const double step = 1.0 / scale;
  columns_.set(from.width, width, (static_cast<double>(from.width) - static_cast<double>(width) * step) / 2.0, step);
  rows_.set(from.height, height, (static_cast<double>(from.height) - static_cast<double>(height) * step) / 2.0, step);

  const int64_t top = rows_.first.front();
  const int64_t bottom = rows_.first.back() + rows_.count.back();
  narrowed_.resize(static_cast<size_t>((bottom - top) * width));
  sums_.resize(static_cast<size_t>(width));
  shape_image(to, from.channels, height, width);
  for (int64_t c = 0; c < from.channels; ++c) {
    for (int64_t y = top; y < bottom; ++y) {
      const uint8_t* row = from.pixels.data() + (c * from.height + y) * from.width;
      float* narrow = narrowed_.data() + (y - top) * width;
      for (int64_t x = 0; x < width; ++x) {
        const auto column = static_cast<size_t>(x);
        const float* weight = columns_.weight.data() + x * columns_.stride;
        const uint8_t* source = row + columns_.first[column];
        float value = 0;
        for (int64_t k = 0; k < columns_.count[column]; ++k) {
          value += weight[k] * static_cast<float>(source[k]);
        }
        narrow[x] = value;
      }
    }
    for (int64_t y = 0; y < height; ++y) {
      const auto row = static_cast<size_t>(y);
      const float* weight = rows_.weight.data() + y * rows_.stride;
      const float* source = narrowed_.data() + (rows_.first[row] - top) * width;
      uint8_t* out = to.pixels.data() + (c * height + y) * width;
      std::fill(sums_.begin(), sums_.end(), 0.5F);  // rounds to nearest below
      for (int64_t k = 0; k < rows_.count[row]; ++k) {
        for (int64_t x = 0; x < width; ++x) {
          sums_[static_cast<size_t>(x)] += weight[k] * source[k * width + x];
        }
      }
      for (int64_t x = 0; x < width; ++x) {
        out[x] = static_cast<uint8_t>(std::clamp(sums_[static_cast<size_t>(x)], 0.0F, 255.0F));
      }
    }
  }
}

}  // namespace trainer
