#pragma once

#include <systemc>
#include <vector>

#include "processor/golden/broadcast.h"
#include "processor/golden/sequencer.h"

namespace trainer::golden {

/// One processing element of L lanes: takes visits from its queue and issues up to L MACs of one visit each cycle.
class Pe : public sc_core::sc_module {
 public:
  Pe(sc_core::sc_module_name name, int64_t number, Sequencer& sequencer, Broadcast& broadcast,
     sc_core::sc_fifo<int>& done);

  void use(Job* job) { job_ = job; }
  /// Working in the present cycle; settled from half a cycle after the clock's edge.
  bool active() const { return active_; }

  sc_core::sc_in<bool> clock;

 private:
  struct Operands {
    int64_t place;  // within the tile
    int64_t x_index, z_index;
    bool inside;
    float a, b;
  };

  void run();
  void scan_bitmaps();
  void issue_cycle();
  void end_visit();
  void end_item();

  Job* job_ = nullptr;
  const int64_t number_;
  sc_core::sc_fifo<Command>& commands_;
  Broadcast& broadcast_;
  sc_core::sc_fifo<int>& done_;

  bool active_ = false;
  bool visiting_ = false;
  int64_t channel_ = 0;
  int64_t tile_ = 0;
  Command visit_;
  std::vector<Operands> wanted_;
  size_t issued_ = 0;
  std::vector<float> lane_sums_;   // WG
  std::vector<float> place_sums_;  // FF: Z of the tile's places
};

}  // namespace trainer::golden
