#include "cost/scaling.h"

#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>

namespace trainer {
namespace {

constexpr size_t kNodes = 10;
constexpr std::array<double, kNodes> kNodes_nm = {130, 90, 65, 45, 32, 20, 16, 14, 10, 7};

// Energy of switching, in the paper's unit: a V^2 + b V + c.
struct Quadratic {
  double a;
  double b;
  double c;
  double at(double V) const { return (a * V + b) * V + c; }
};
constexpr std::array<Quadratic, kNodes> kEnergy = {{
    {7.171, -6.709, 2.904},
    {4.762, -4.781, 2.092},
    {3.755, -4.398, 1.975},
    {1.103, -0.362, 0.2767},
    {0.9559, -0.7823, 0.471},
    {0.373, -0.1582, 0.04104},
    {0.2958, -0.1241, 0.03024},
    {0.2363, -0.09675, 0.02239},
    {0.2068, -0.09311, 0.02375},
    {0.1776, -0.09097, 0.02447},
}};

// Area relative to the same circuit at 45 nm: the paper's row of that node.
constexpr std::array<double, kNodes> kArea = {6.4, 2.8, 1.5, 1, 0.46, 0.21, 0.19, 0.17, 0.1, 0.059};

// A node as (1 - share) of tabled node `larger` and `share` of the next smaller one.
struct Place {
  size_t larger;
  size_t smaller;
  double share;
};

Place place_of(double node_nm) {
  assert(node_nm >= kSmallestNode_nm && node_nm <= kLargestNode_nm);
  size_t smaller = 0;
  while (kNodes_nm[smaller] > node_nm) {
    ++smaller;
  }
  if (kNodes_nm[smaller] == node_nm) {
    return {smaller, smaller, 0};
  }
  const size_t larger = smaller - 1;
  return {larger, smaller, (kNodes_nm[larger] - node_nm) / (kNodes_nm[larger] - kNodes_nm[smaller])};
}

double mix(const Place& place, double larger, double smaller) {
  return (1 - place.share) * larger + place.share * smaller;
}

double switching_energy(const NodePoint& point) {
  const Place place = place_of(point.node_nm);
  return mix(place, kEnergy[place.larger].at(point.voltage_V), kEnergy[place.smaller].at(point.voltage_V));
}

double relative_area(double node_nm) {
  const Place place = place_of(node_nm);
  return mix(place, kArea[place.larger], kArea[place.smaller]);
}

}  // namespace

double energy_scale(const NodePoint& from, const NodePoint& to) {
  return switching_energy(to) / switching_energy(from);
}

double area_scale(double from_nm, double to_nm) { return relative_area(to_nm) / relative_area(from_nm); }

double leakage_scale(double from_V, double to_V) { return std::pow(to_V / from_V, 3); }

}  // namespace trainer
