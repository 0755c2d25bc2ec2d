#pragma once

#include <csignal>

namespace trainer {

/// While it lives, the first SIGINT or SIGTERM is only noted, so that a step can be finished and saved; the second one
/// ends the process. One object at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// The signal that came, 0 for none.
  static int received();

 private:
  struct sigaction old_interrupt_ {};
  struct sigaction old_terminate_ {};
};

}  // namespace trainer
