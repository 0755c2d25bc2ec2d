#include "kernels/convolution/choice/cost_model.h"

#include <algorithm>
#include <cmath>

namespace trainer {
namespace {

/// Sums over timings, each weighted by 1 / seconds^2: an error counts by what part of its timing it is.
struct WeightedSums {
  double weight = 0;
  double density = 0;
  double seconds = 0;
  double density_density = 0;
  double density_seconds = 0;

  explicit WeightedSums(std::span<const HighwayTiming> timings) {
    for (const HighwayTiming& timing : timings) {
      const double w = 1 / (timing.seconds * timing.seconds);
      weight += w;
      density += w * timing.density;
      seconds += w * timing.seconds;
      density_density += w * timing.density * timing.density;
      density_seconds += w * timing.density * timing.seconds;
    }
  }
};

}  // namespace

double CostModel::break_even() const {
  const double budget = (1 - kMargin) * onednn_s - fixed_s;
  if (budget <= 0) {
    return 0;
  }
  return budget >= kAlways * per_density_s ? kAlways : budget / per_density_s;
}

CostModel fit_cost_model(std::span<const HighwayTiming> highway, double onednn_s) {
  const WeightedSums sums(highway);
  const double determinant = sums.weight * sums.density_density - sums.density * sums.density;
  CostModel model;
  model.onednn_s = onednn_s;
  // Of equal densities the determinant is rounding alone.
  if (determinant > 1e-9 * sums.weight * sums.density_density) {
    model.per_density_s = (sums.weight * sums.density_seconds - sums.density * sums.seconds) / determinant;
  }
  model.per_density_s = std::max(model.per_density_s, 0.0);
  model.fixed_s = (sums.seconds - model.per_density_s * sums.density) / sums.weight;
  if (model.fixed_s < 0) {
    model.fixed_s = 0;
    model.per_density_s = sums.density_seconds / sums.density_density;
  }
  return model;
}

}  // namespace trainer
