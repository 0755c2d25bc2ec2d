#pragma once

#include <cstdint>

namespace trainer {

/// What speculation did with the outputs of one layer's FF, in one step or in many.
///
/// "Live" and "dead" are judged as ReLU would have: on the exact Z, by the batch's moments that BN found, with the
/// shortcut. wanted + dead = outputs; predicted = skipped + audited; dead = (skipped - false_skips) + missed.
struct FeedforwardCounts {
  int64_t outputs = 0;
  int64_t wanted = 0;        ///< live
  int64_t predicted = 0;     ///< to be dead
  int64_t audited = 0;       ///< of those: computed all the same
  int64_t audited_live = 0;  ///< of the audited: live, what the margins follow
  int64_t skipped = 0;
  int64_t false_skips = 0;  ///< skipped though live
  int64_t missed = 0;       ///< dead but computed, audited ones included

  int64_t dead() const { return outputs - wanted; }
  /// Part of the outputs, 0..1; 0 where there are none, as for all below.
  double skipped_share() const { return ratio(skipped, outputs); }
  /// Part of the predicted outputs that ReLU would have let through.
  double false_skip_rate() const { return ratio(false_skips + audited_live, predicted); }
  /// Part of the skipped outputs that are dead; 1 where nothing was skipped.
  double precision() const { return 1 - ratio(false_skips, skipped); }
  /// Part of the dead outputs that were skipped.
  double recall() const { return ratio(skipped - false_skips, dead()); }

  FeedforwardCounts& operator+=(const FeedforwardCounts& other) {
    outputs += other.outputs;
    wanted += other.wanted;
    predicted += other.predicted;
    audited += other.audited;
    audited_live += other.audited_live;
    skipped += other.skipped;
    false_skips += other.false_skips;
    missed += other.missed;
    return *this;
  }
  bool operator==(const FeedforwardCounts&) const = default;

 private:
  static double ratio(int64_t part, int64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

}  // namespace trainer
