#include "network/layers/bias.h"

#include <cassert>

#include "base/parallel.h"

namespace trainer {

void add_bias(std::span<const float> bias, Tensor& Z) {
  assert(static_cast<int64_t>(bias.size()) == Z.shape().c);
  const int64_t count = Z.shape().channel_size();
  parallel_for(Z.shape().c, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      float* values = Z.channel(k);
      const float value = bias[static_cast<size_t>(k)];
      for (int64_t i = 0; i < count; ++i) {
        values[i] += value;
      }
    }
  });
}

void bias_gradient(const Tensor& dZ, std::span<float> dbias) {
  assert(static_cast<int64_t>(dbias.size()) == dZ.shape().c);
  const int64_t count = dZ.shape().channel_size();
  parallel_for(dZ.shape().c, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const float* values = dZ.channel(k);
      double sum = 0;
      for (int64_t i = 0; i < count; ++i) {
        sum += values[i];
      }
      dbias[static_cast<size_t>(k)] = static_cast<float>(sum);
    }
  });
}

}  // namespace trainer
