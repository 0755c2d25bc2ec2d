#include <cassert>

#include "base/parallel.h"
#include "kernels/elementwise/pieces.h"
#include "kernels/pooling/highway_channel.h"
#include "kernels/pooling/implementations.h"
#include "tensor/aligned.h"

namespace trainer::pooling {
namespace {

class Highway : public Pooling {
 public:
  explicit Highway(const PoolingGeometry& geometry) : geometry_(geometry) {}

  void feedforward(const Tensor& X, Tensor& Y) override {
    assert(X.shape() == geometry_.input && Y.shape() == geometry_.output());
    if (geometry_.kind == PoolingKind::maximum) {
      place_.resize(static_cast<size_t>(Y.size()));
    }
    for_each_channel([&](int64_t c) {
      if (geometry_.kind == PoolingKind::maximum) {
        maximum_feedforward(geometry_, X.channel(c), Y.channel(c), place_.data() + c * Y.shape().channel_size());
      } else {
        average_feedforward(geometry_, X.channel(c), Y.channel(c));
      }
    });
  }

  void backpropagate(const Tensor& dY, Tensor& dX) override {
    assert(dX.shape() == geometry_.input && dY.shape() == geometry_.output());
    assert(geometry_.kind == PoolingKind::average || !place_.empty());  // feedforward comes first
    for_each_channel([&](int64_t c) {
      if (geometry_.kind == PoolingKind::maximum) {
        maximum_backpropagate(geometry_, dY.channel(c), place_.data() + c * dY.shape().channel_size(), dX.channel(c));
      } else {
        average_backpropagate(geometry_, dY.channel(c), dX.channel(c));
      }
    });
  }

 private:
  template <typename Body>
  void for_each_channel(const Body& body) const {
    parallel_for(geometry_.input.c, channels_per_piece(geometry_.input.channel_size()),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t c = begin; c < end; ++c) {
                     body(c);
                   }
                 });
  }

  PoolingGeometry geometry_;
  AlignedVector<uint16_t> place_;  // of each output: where in its window the maximum was
};

}  // namespace

std::unique_ptr<Pooling> make_highway(const PoolingGeometry& geometry) { return std::make_unique<Highway>(geometry); }

}  // namespace trainer::pooling
