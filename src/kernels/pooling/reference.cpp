#include <cassert>
#include <cmath>
#include <vector>

#include "kernels/pooling/implementations.h"
#include "kernels/pooling/window.h"

namespace trainer::pooling {
namespace {

class Reference : public Pooling {
 public:
  explicit Reference(const PoolingGeometry& geometry)
      : geometry_(geometry),
        rows_{geometry.input.h, geometry.window_h, geometry.stride, geometry.padding},
        columns_{geometry.input.w, geometry.window_w, geometry.stride, geometry.padding} {}

  void feedforward(const Tensor& X, Tensor& Y) override {
    assert(X.shape() == geometry_.input && Y.shape() == geometry_.output());
    if (geometry_.kind == PoolingKind::maximum) {
      place_.assign(static_cast<size_t>(Y.size()), 0);
      for_each_output([&](int64_t n, int64_t c, int64_t p, int64_t q) { take_maximum(X, n, c, p, q, Y); });
    } else {
      for_each_output([&](int64_t n, int64_t c, int64_t p, int64_t q) {
        double sum = 0;
        for_each_value(p, q, [&](int64_t h, int64_t w) { sum += X.at(n, c, h, w); });
        Y.at(n, c, p, q) = static_cast<float>(sum / window_size());
      });
    }
  }

  void backpropagate(const Tensor& dY, Tensor& dX) override {
    assert(dX.shape() == geometry_.input && dY.shape() == geometry_.output());
    dX.fill(0);
    for_each_output([&](int64_t n, int64_t c, int64_t p, int64_t q) {
      const float gradient = dY.at(n, c, p, q);
      if (geometry_.kind == PoolingKind::maximum) {
        assert(place_.size() == static_cast<size_t>(dY.size()));  // feedforward comes first
        dX.data()[place_[static_cast<size_t>(dY.index(n, c, p, q))]] += gradient;
      } else {
        const auto share = static_cast<float>(gradient / window_size());
        for_each_value(p, q, [&](int64_t h, int64_t w) { dX.at(n, c, h, w) += share; });
      }
    });
  }

 private:
  template <typename Body>
  void for_each_output(const Body& body) const {
    for (int64_t c = 0; c < geometry_.input.c; ++c) {
      for (int64_t p = 0; p < geometry_.p(); ++p) {
        for (int64_t q = 0; q < geometry_.q(); ++q) {
          for (int64_t n = 0; n < geometry_.input.n; ++n) {
            body(n, c, p, q);
          }
        }
      }
    }
  }

  /// The input coordinates under window (p, q), row by row, without padding.
  template <typename Body>
  void for_each_value(int64_t p, int64_t q, const Body& body) const {
    for (int64_t r = rows_.first(p); r < rows_.last(p); ++r) {
      for (int64_t s = columns_.first(q); s < columns_.last(q); ++s) {
        body(rows_.start(p) + r, columns_.start(q) + s);
      }
    }
  }

  void take_maximum(const Tensor& X, int64_t n, int64_t c, int64_t p, int64_t q, Tensor& Y) {
    int64_t place = -1;
    float best = 0;
    for_each_value(p, q, [&](int64_t h, int64_t w) {
      const float value = X.at(n, c, h, w);
      if (place < 0 || value > best || std::isnan(value)) {
        best = value;
        place = X.index(n, c, h, w);
      }
    });
    Y.at(n, c, p, q) = best;
    place_[static_cast<size_t>(Y.index(n, c, p, q))] = place;
  }

  double window_size() const { return static_cast<double>(geometry_.window_h * geometry_.window_w); }

  PoolingGeometry geometry_;
  Axis rows_;
  Axis columns_;
  std::vector<int64_t> place_;  // of each output: where in X its maximum was
};

}  // namespace

std::unique_ptr<Pooling> make_reference(const PoolingGeometry& geometry) {
  return std::make_unique<Reference>(geometry);
}

}  // namespace trainer::pooling
