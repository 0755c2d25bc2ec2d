#pragma once

#include <cstdint>

#include "kernels/pooling/pooling.h"

/// What the highway path does with one channel ([H][W][N] to [P][Q][N]), for the best instruction set of the CPU.
namespace trainer::pooling {

/// `place` [P][Q][N]: r * window_w + s of each maximum within its window.
void maximum_feedforward(const PoolingGeometry& geometry, const float* x, float* y, uint16_t* place);
void maximum_backpropagate(const PoolingGeometry& geometry, const float* dy, const uint16_t* place, float* dx);

void average_feedforward(const PoolingGeometry& geometry, const float* x, float* y);
void average_backpropagate(const PoolingGeometry& geometry, const float* dy, float* dx);

}  // namespace trainer::pooling
