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

  explicit WeightedSums(std::span<const SparseTiming> timings) {
    for (const SparseTiming& timing : timings) {
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

double SparseCost::break_even(double dense_s) const {
  const double budget = (1 - kMargin) * dense_s - fixed_s;
  if (budget <= 0) {
    return 0;
  }
  return budget >= kAlways * per_density_s ? kAlways : budget / per_density_s;
}

DensityBounds CostModel::bounds(bool offer_half) const {
  const double highway_below = highway.break_even(onednn_s);
  const double half_below = offer_half && half ? half->break_even(onednn_s) : 0;
  if (half_below == 0) {
    return highway_below;
  }
  // What highway would have to take for half to be chosen.
  const SparseCost allowed{half->fixed_s / (1 - kMargin), half->per_density_s / (1 - kMargin)};
  if (highway.per_density_s <= allowed.per_density_s) {
    // Lines that part towards lower densities, as measurements may have it where little depends on the density: the
    // one that is lower where they end.
    return allowed.seconds(half_below) < highway.seconds(half_below) ? DensityBounds(0, half_below) : highway_below;
  }
  const double cross = (allowed.fixed_s - highway.fixed_s) / (highway.per_density_s - allowed.per_density_s);
  const double half_from = std::clamp(cross, 0.0, highway_below);
  return half_from < half_below ? DensityBounds(half_from, half_below) : highway_below;
}

SparseCost fit_sparse_cost(std::span<const SparseTiming> timings) {
  const WeightedSums sums(timings);
  const double determinant = sums.weight * sums.density_density - sums.density * sums.density;
  SparseCost model;
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
