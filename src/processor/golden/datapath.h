#pragma once

#include <memory>

#include "processor/golden/bank.h"
#include "processor/golden/broadcast.h"
#include "processor/golden/job.h"

namespace trainer::golden {

/// What a row of lanes is made of: the array's multiply, the estimator's add exponents.
enum class Lanes { multipliers, exponents };

/// How a PE finds and does its work: one of the two dataflows (contract, section 3).
class Datapath {
 public:
  virtual ~Datapath() = default;

  /// The PE's part of an item; its sums go to `bank`, which lives until the item is finished. With unwanted outputs,
  /// the bank has their estimates.
  virtual void begin(const Item& item, Bank& bank) = 0;
  /// Goes to the next visit. False where the item has no more.
  virtual bool next_visit() = 0;
  /// Lanes do one cycle of the visit. False where it was the last one.
  virtual bool issue_cycle() = 0;
};

/// Makes room in a bank for what FF or BP sums up for an output position: its value of Z, or the dX pixels it stands
/// for. Nothing at a place that is no position. `channel` is of the phase's output.
void open_position(const Job& job, int64_t place, int64_t channel, Bank& bank);

/// Does anything need the output that a weight position reaches there? Padding needs nothing and forbids nothing.
bool wants_output(const Job& job, const Meeting& meeting, const Bank& bank);

/// The product of X (in BP dZ) and a weight in lanes of this kind.
float product_of(const Job& job, Lanes lanes, float streamed, float weight);

/// Lanes of a row: L, or the estimator's.
int64_t lane_count(const Job& job, Lanes lanes);

/// For PE number `pe` of a group, in the job's dataflow.
std::unique_ptr<Datapath> make_datapath(Job& job, Lanes lanes, int64_t pe, Broadcast& broadcast);

}  // namespace trainer::golden
