#pragma once

#include <cstdint>
#include <memory>
#include <systemc>
#include <utility>
#include <vector>

#include "processor/golden/datapath.h"

namespace trainer::golden {

/// An item with the estimates of the outputs that nobody wants, of each PE: with the bitmap of the wanted ones.
struct EstimatedItem {
  Item item;
  std::vector<std::unordered_map<int64_t, float>> estimates;
};

/// Beside every PE of a group a row of lanes that add exponents: makes the PE's visits of one item before the PE does,
/// then decides on its outputs, so many per cycle (contract, section 3, "estimator").
class Estimator : public sc_core::sc_module {
 public:
  explicit Estimator(const sc_core::sc_module_name& name);

  void use(Job* job);
  bool busy() const { return busy_; }  ///< until take()
  bool working() const { return busy_ && !decided_; }
  bool decided() const { return busy_ && decided_; }
  /// Begins now.
  void begin(const Item& item);
  /// What it has decided; it is free again.
  EstimatedItem take();

  sc_core::sc_event done;
  sc_core::sc_in<bool> clock;

 private:
  struct Row {
    std::unique_ptr<Datapath> datapath;
    Bank bank;
    bool visiting = false;
    std::vector<std::pair<int64_t, float>> outputs;  ///< to decide on
  };

  void run();
  /// One cycle of every row. False where there was nothing left to do.
  bool estimate();
  bool decide();

  sc_core::sc_event begin_;
  Job* job_ = nullptr;
  Broadcast broadcast_;  // of exponents: not counted
  std::vector<Row> rows_;
  EstimatedItem item_;
  bool busy_ = false;
  bool decided_ = false;
  bool deciding_ = false;
};

}  // namespace trainer::golden
