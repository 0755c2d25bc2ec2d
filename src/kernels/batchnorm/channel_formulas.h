#pragma once

#include <cmath>
#include <cstdint>

#include "base/parallel.h"
#include "kernels/batchnorm/highway_channel.h"
#include "kernels/elementwise/pieces.h"
#include "tensor/tensor.h"

/// What the highway paths of BN, with and without ReLU, work out for each channel.
namespace trainer::batchnorm {

struct Moments {
  double mean;
  double variance;
};

/// FP32 sums of squares lose 1 + (mean - shift)^2 / variance in relative precision. Where the shift turns out to be
/// more than two standard deviations off (the first steps, before the running mean has settled), the sums are taken
/// again around the mean just found.
template <class Value>
Moments moments_of(const Value* z, size_t count, float shift);
/// The same where sums around `shift` have been taken already.
template <class Value>
Moments moments_of(const Value* z, size_t count, float shift, const Sums& sums);

/// First value of channel c, of a tensor that holds such values.
template <class Value>
const Value* channel_of(const Tensor& tensor, int64_t c) {
  return tensor.elements().as<Value>() + c * tensor.shape().channel_size();
}
template <class Value>
Value* channel_of(Tensor& tensor, int64_t c) {
  return tensor.elements().as<Value>() + c * tensor.shape().channel_size();
}

/// Y = (Z - mean) * scale + beta.
inline float scale_of(float gamma, float variance, double epsilon) {
  return static_cast<float>(static_cast<double>(gamma) * (1 / std::sqrt(static_cast<double>(variance) + epsilon)));
}

/// With r = 1/sqrt(variance + epsilon), S1 = sum(dY), S2 = sum(dY * (Z - mean)):
/// dbeta = S1, dgamma = r*S2, dZ = a*dY + b*(Z - mean) + c, a = gamma*r, b = -a*r^2*S2/m, c = -a*S1/m.
struct GradientFormula {
  float dgamma;
  float dbeta;
  float a;
  float b;
  float c;
};

inline GradientFormula gradient_formula(const Sums& sums, size_t count, float gamma, float variance, double epsilon) {
  const auto m = static_cast<double>(count);
  const double r = 1 / std::sqrt(static_cast<double>(variance) + epsilon);
  const double a = static_cast<double>(gamma) * r;
  return {static_cast<float>(r * sums.second), static_cast<float>(sums.first), static_cast<float>(a),
          static_cast<float>(-a * r * r * sums.second / m), static_cast<float>(-a * sums.first / m)};
}

/// Calls body(channel) for every channel, on all threads.
template <typename Body>
void for_each_channel(const Shape& shape, const Body& body) {
  parallel_for(shape.c, channels_per_piece(shape.channel_size()), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      body(c);
    }
  });
}

}  // namespace trainer::batchnorm
