#pragma once

namespace trainer {

/// A process node and its supply.
struct NodePoint {
  double node_nm;
  double voltage_V;
};

inline constexpr double kSmallestNode_nm = 7;
inline constexpr double kLargestNode_nm = 130;

/// Factor on the energy of switching when a circuit moves between two nodes and supplies. Stillmaker and Baas 2017 (DOI
/// 10.1016/j.vlsi.2017.02.002): for each of ten nodes a quadratic of the voltage. A node between two of them is
/// interpolated linearly in nm, so 28 nm is 2/3 of 32 nm and 1/3 of 20 nm. Some tools swap these weights, which makes
/// energies at 28 nm about 27 % too small.
/// Nodes are kSmallestNode_nm to kLargestNode_nm.
double energy_scale(const NodePoint& from, const NodePoint& to);

/// Factor on area between two nodes: the same paper's areas relative to 45 nm, interpolated in the same way.
double area_scale(double from_nm, double to_nm);

/// Factor on leakage power when the supply changes at one node: (to / from)^3. This is an assumption of this project:
/// power is V * I, and the current through short-channel transistors that are off grows about as V^2 between 0.6 V
/// and 1 V.
double leakage_scale(double from_V, double to_V);

}  // namespace trainer
