#include <algorithm>
#include <functional>
#include <utility>

#include "base/parallel.h"
#include "kernels/convolution/paths.h"

namespace trainer {
namespace {

/// One unpruned weight: its place in the values and in the kernel.
struct Weight {
  uint32_t index;
  int64_t c;  // of the whole input, not of the group
  int64_t r;
  int64_t s;
};

constexpr int64_t kPlacesOfByte = 8;  // a batch takes whole bytes of the processor's bitmaps

/// Adds in the order of the Trainer processor (docs/precision.md), always in FP32. Where operands have so few bits that
/// products are exact, results are the processor's, bit for bit:
///
/// FF  Z: from 0, products in ascending order of (input channel of the group, r, s);
/// BP  dX: from 0, products in ascending order of (k, r, s); accumulating, what is there is added to that sum;
/// WG  dW: place (p*Q + q)*N8 + n, where N8 is N rounded up to a multiple of 8. In each tile of 512 places from 0,
///     products in ascending order of places; then the tiles' sums in ascending order. (Or tiles of another size.)
class ReferenceConvolution final : public Convolution {
 public:
  ReferenceConvolution(const ConvolutionGeometry& geometry, int64_t places_of_tile)
      : g_(geometry), places_of_tile_(places_of_tile) {}

  void feedforward(const Tensor& X, const WeightView& W, Tensor& Z) override {
    parallel_for(g_.k, 1, [&](int64_t k, int64_t) {
      std::fill_n(Z.channel(k), Z.shape().channel_size(), 0.0F);
      for_each_weight(*W.pattern, k, [&](const Weight& weight) {
        const float value = W.values[weight.index];
        for_each_product(weight, [&](int64_t p, int64_t q, int64_t h, int64_t w) {
          for (int64_t n = 0; n < g_.n; ++n) {
            Z.at(n, k, p, q) += value * X.at(n, weight.c, h, w);
          }
        });
      });
    });
  }

  void backpropagate(const Tensor& dZ, const WeightView& W, Tensor& dX, bool accumulate) override {
    if (accumulate) {
      Tensor sum(dX.shape());
      backpropagate(dZ, W, sum, false);
      std::ranges::transform(dX.values(), sum.values(), dX.values().begin(), std::plus<>());
      return;
    }
    dX.fill(0);
    // The channels of a group get gradients from the output channels of that group alone.
    parallel_for(g_.groups, 1, [&](int64_t group, int64_t) {
      const int64_t channels = g_.k / g_.groups;
      for (int64_t k = group * channels; k < (group + 1) * channels; ++k) {
        for_each_weight(*W.pattern, k, [&](const Weight& weight) {
          const float value = W.values[weight.index];
          for_each_product(weight, [&](int64_t p, int64_t q, int64_t h, int64_t w) {
            for (int64_t n = 0; n < g_.n; ++n) {
              dX.at(n, weight.c, h, w) += value * dZ.at(n, k, p, q);
            }
          });
        });
      }
    });
  }

  void weight_gradient(const Tensor& dZ, const Tensor& X, const std::shared_ptr<const Pattern>& pattern,
                       std::span<float> dW) override {
    parallel_for(g_.k, 1, [&](int64_t k, int64_t) {
      for_each_weight(*pattern, k, [&](const Weight& weight) {
        float sum = 0;       // of the tiles before the present one
        float tile_sum = 0;  // of the products of the present one
        int64_t tile = 0;
        for_each_product(weight, [&](int64_t p, int64_t q, int64_t h, int64_t w) {
          const int64_t first_place = (p * g_.q() + q) * places_of_batch_;
          for (int64_t n = 0; n < g_.n; ++n) {
            if (const int64_t own = (first_place + n) / places_of_tile_; own != tile) {
              sum += std::exchange(tile_sum, 0.0F);
              tile = own;
            }
            tile_sum += dZ.at(n, k, p, q) * X.at(n, weight.c, h, w);
          }
        });
        dW[weight.index] = sum + tile_sum;
      });
    });
  }

 private:
  template <typename Body>
  void for_each_weight(const Pattern& pattern, int64_t k, const Body& body) const {
    const int64_t channels = g_.c / g_.groups;
    const int64_t first_channel = k / (g_.k / g_.groups) * channels;
    const auto row = static_cast<size_t>(k);
    for (uint32_t i = pattern.row_begin()[row]; i < pattern.row_begin()[row + 1]; ++i) {
      const int64_t column = pattern.column_at(k, i);
      body(Weight{i, first_channel + column / (g_.r * g_.s), column / g_.s % g_.r, column % g_.s});
    }
  }

  /// Calls body(p, q, h, w) wherever the weight meets a value of X, not the padding.
  template <typename Body>
  void for_each_product(const Weight& weight, const Body& body) const {
    for (int64_t p = 0; p < g_.p(); ++p) {
      const int64_t h = p * g_.stride - g_.padding + weight.r * g_.dilation;
      if (h < 0 || h >= g_.h) {
        continue;
      }
      for (int64_t q = 0; q < g_.q(); ++q) {
        const int64_t w = q * g_.stride - g_.padding + weight.s * g_.dilation;
        if (w >= 0 && w < g_.w) {
          body(p, q, h, w);
        }
      }
    }
  }

  ConvolutionGeometry g_;
  int64_t places_of_tile_;
  int64_t places_of_batch_ = (g_.n + kPlacesOfByte - 1) / kPlacesOfByte * kPlacesOfByte;
};

}  // namespace

std::unique_ptr<Convolution> make_reference_convolution(const ConvolutionGeometry& geometry, int64_t places_of_tile) {
  return std::make_unique<ReferenceConvolution>(geometry, places_of_tile);
}

}  // namespace trainer
