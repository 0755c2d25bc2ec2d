#pragma once

#include <vector>

#include "processor/golden/datapath.h"

namespace trainer::golden {

/// AC: the PE has positions (FF, BP) or input channels (WG). A visit is one column and one held activation; lanes run
/// over the block's channels that hold a position in the column.
class PeActivationCompressed : public Datapath {
 public:
  PeActivationCompressed(Job& job, Lanes lanes, int64_t pe) : job_(job), lanes_(lanes), pe_(pe) {}

  void begin(const Item& item, Bank& bank) override;
  bool next_visit() override;
  bool issue_cycle() override;

 private:
  void take_places();
  void take_inputs();
  void prepare_sums();
  std::vector<int64_t> holders(int64_t column) const;
  void scan_activations();
  bool meets(const Meeting& meeting) const;
  void issue(int64_t o);
  void multiply(const WeightPosition& at, const Meeting& meeting);

  Job& job_;
  const Lanes lanes_;
  const int64_t pe_;
  Item item_;
  Bank* bank_ = nullptr;
  std::vector<int64_t> places_;   // that the PE looks at, of all places
  std::vector<int64_t> columns_;  // that the PE looks at
  size_t next_column_ = 0;
  int64_t column_ = 0;
  std::vector<int64_t> holders_;           // output channels that hold a position in the column
  std::vector<int64_t> held_activations_;  // places of the column
  size_t next_activation_ = 0;
  int64_t place_ = 0;  // of the visit
  size_t lane_channel_ = 0;
};

}  // namespace trainer::golden
