#pragma once

#include <cstdint>

namespace trainer {

/// How far below zero a predicted output must lie, in standard deviations of BN's output: moved by what audits show so
/// that the part of audited outputs that is live stays at a target.
///
/// An integrator: each time the audits since the last move would hold kExpected live ones at the target, the margin
/// moves by kGain * (share / target - 1), at most 3 * kGain. Whatever the layer's size, chance then moves it by a small
/// part of what separates the target from half or twice it.
class Margin {
 public:
  static constexpr double kGain = 0.01;
  static constexpr double kExpected = 4;

  explicit Margin(double value) : value_(value) {}
  /// For restoring.
  Margin(double value, int64_t audited, int64_t live) : value_(value), audited_(audited), live_(live) {}

  double value() const { return value_; }
  /// Since the last move.
  int64_t audited() const { return audited_; }
  int64_t live() const { return live_; }

  void follow(int64_t audited, int64_t live, double target);

 private:
  double value_;
  int64_t audited_ = 0;
  int64_t live_ = 0;
};

}  // namespace trainer
