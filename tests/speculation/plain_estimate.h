#pragma once

#include <cmath>
#include <vector>

#include "kernels/convolution/convolution.h"
#include "tensor/pattern.h"

namespace trainer::test {

/// Of a value that is 0 or normal.
inline float exponent_only(float value) {
  return value == 0 ? 0 : std::copysign(1.5F * std::ldexp(1.0F, std::ilogb(value)), value);
}

/// Zhat by definition, in double, for one group and stride 1.
inline std::vector<double> plain_estimate(const ConvolutionGeometry& g, const Tensor& X, const WeightView& W) {
  std::vector<float> dense(static_cast<size_t>(W.pattern->size()), 0.0F);
  scatter(*W.pattern, W.values, dense);
  const Shape out = g.output();
  std::vector<double> Z;
  for (int64_t k = 0; k < out.c; ++k) {
    for (int64_t p = 0; p < out.h; ++p) {
      for (int64_t q = 0; q < out.w; ++q) {
        for (int64_t n = 0; n < out.n; ++n) {
          double sum = 0;
          for (int64_t c = 0; c < g.c; ++c) {
            for (int64_t r = 0; r < g.r; ++r) {
              for (int64_t s = 0; s < g.s; ++s) {
                const int64_t h = p - g.padding + r;
                const int64_t w = q - g.padding + s;
                if (h >= 0 && h < g.h && w >= 0 && w < g.w) {
                  const float weight = dense[static_cast<size_t>(((k * g.c + c) * g.r + r) * g.s + s)];
                  sum +=
                      static_cast<double>(exponent_only(weight)) * static_cast<double>(exponent_only(X.at(n, c, h, w)));
                }
              }
            }
          }
          Z.push_back(sum);
        }
      }
    }
  }
  return Z;
}

}  // namespace trainer::test
