#pragma once

#include <memory>

#include "kernels/batchnorm/batchnorm.h"

/// The implementations behind make_batchnorm().
namespace trainer::batchnorm {

/// Plain loops in double, in the textbook order (mean, then variance; xhat, then its products).
std::unique_ptr<BatchNorm> make_reference(const Shape& shape, float epsilon);
/// One pass for the sums and one for the values, while the channel is in cache; the decoupled form.
std::unique_ptr<BatchNorm> make_highway(const Shape& shape, float epsilon);
/// oneDNN's primitives on the tensor as it lies, one channel of it being one image row of H*W*N values.
std::unique_ptr<BatchNorm> make_onednn(const Shape& shape, float epsilon);

}  // namespace trainer::batchnorm
