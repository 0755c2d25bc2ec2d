#pragma once

#include <functional>
#include <memory>
#include <systemc>

#include "processor/golden/datapath.h"

namespace trainer::golden {

/// One processing element: visit after visit of its item, one cycle of lanes at each edge of the clock.
class Pe : public sc_core::sc_module {
 public:
  /// `done` is called when the item is.
  Pe(const sc_core::sc_module_name& name, int64_t number, Broadcast& broadcast, std::function<void()> done);

  void use(Job* job);
  /// Begins now.
  void begin(const Item& item, Bank& bank);
  /// Working in the present cycle; settled from half a cycle after the clock's edge.
  bool active() const { return active_; }

  sc_core::sc_in<bool> clock;

 private:
  void run();

  const int64_t number_;
  Broadcast& broadcast_;
  const std::function<void()> done_;
  sc_core::sc_event begin_;
  std::unique_ptr<Datapath> datapath_;
  bool active_ = false;
  bool visiting_ = false;
};

}  // namespace trainer::golden
