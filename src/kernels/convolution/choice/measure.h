#pragma once

#include <span>
#include <vector>

#include "kernels/convolution/choice/cost_model.h"
#include "kernels/convolution/choice/phase.h"
#include "kernels/convolution/geometry.h"
#include "tensor/format.h"

namespace trainer {

/// For each shape, times the phases on highway, at three densities with random patterns, and on oneDNN, and fits the
/// models; in FP16, on a CPU with arithmetic for it, on half too. All paths are timed as a network calls them:
/// activations are [C][H][W][N] of this format in and out, weights are packed, every change of layout counts. The paths
/// take turns and the fastest turn of each counts.
///
/// What counts is processor time of one thread, with other shapes measured at the same time on the other threads. So
/// other programs hardly matter, and choices made by the models do not depend on the number of threads. Takes about a
/// second for a large shape: of a batch that would take longer, some images are run.
std::vector<PerPhase<CostModel>> measure_cost_models(std::span<const ConvolutionGeometry> geometries, Format format);

}  // namespace trainer
