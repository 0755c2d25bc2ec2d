#pragma once

#include <memory>

#include "kernels/pooling/pooling.h"

/// The implementations behind make_pooling(), which has checked the geometry.
namespace trainer::pooling {

/// Plain loops; averages are summed in double.
std::unique_ptr<Pooling> make_reference(const PoolingGeometry& geometry);
/// Vectors along the batch; each channel's input stays in cache while its windows pass over it.
std::unique_ptr<Pooling> make_highway(const PoolingGeometry& geometry);
/// oneDNN's primitives on the tensor as it lies: pooling treats images and channels alike, so [C][H][W][N] is to
/// oneDNN a batch of C images with N channels in its nhwc layout, and nothing is reordered.
std::unique_ptr<Pooling> make_onednn(const PoolingGeometry& geometry);

}  // namespace trainer::pooling
