#pragma once

#include <vector>

#include "processor/golden/datapath.h"

namespace trainer::golden {

/// WC: the PE has one output channel. A visit is one held weight position; lanes run over the positions of the tile
/// that it wants, the estimator's over all that it meets.
class PeWeightCompressed : public Datapath {
 public:
  PeWeightCompressed(Job& job, Lanes lanes, int64_t pe, Broadcast& broadcast)
      : job_(job), lanes_(lanes), pe_(pe), broadcast_(broadcast) {}

  void begin(const Item& item, Bank& bank) override;
  bool next_visit() override;
  bool issue_cycle() override;

 private:
  struct Operands {
    int64_t place;  // within the tile
    int64_t x_index, z_index;
    bool inside;
    float a, b;
  };

  void prepare_sums();
  void scan_bitmaps();
  void scan_place(int64_t place);
  void multiply(const Operands& operands);
  void add(const Operands& operands, float product);
  void end_visit();

  Job& job_;
  const Lanes lanes_;
  const int64_t pe_;
  Broadcast& broadcast_;
  Item item_;
  Bank* bank_ = nullptr;
  bool working_ = false;  // the block has a channel for this PE
  int64_t channel_ = 0;
  int64_t column_ = 0;  // of the visit
  int64_t next_ = 0;    // column to look at next
  WeightPosition visit_;
  std::vector<Operands> issue_;  // what lanes take
  size_t issued_ = 0;
  float visit_sum_ = 0;  // WG
};

}  // namespace trainer::golden
