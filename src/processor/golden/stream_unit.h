#pragma once

#include <cstdint>
#include <functional>
#include <systemc>
#include <vector>

namespace trainer::golden {

/// One pass of BN or UP over some elements.
struct Stage {
  int64_t elements = 0;
  int64_t per_cycle = 0;  ///< 0: done while the values pass anyway, without a cycle of its own
  std::function<void(int64_t)> work;
};

/// The unit beside the array that does BN and UP: stage after stage, up to per_cycle elements each clock cycle.
class StreamUnit : public sc_core::sc_module {
 public:
  explicit StreamUnit(sc_core::sc_module_name name);

  void start(std::vector<Stage> stages);
  bool busy() const { return busy_; }

  sc_core::sc_in<bool> clock;

 private:
  void run();

  sc_core::sc_event start_;
  std::vector<Stage> stages_;
  bool busy_ = false;
  size_t stage_ = 0;
  int64_t next_ = 0;  // element of the stage
};

}  // namespace trainer::golden
