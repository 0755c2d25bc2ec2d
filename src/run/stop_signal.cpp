#include "run/stop_signal.h"

#include <atomic>

namespace trainer {
namespace {

// The one thing a signal handler may touch; it cannot be a member because the handler gets no argument.
std::atomic<int> noted_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void note_signal(int signal) { noted_signal.store(signal); }

/// A signal that the parent told us to ignore (nohup) stays ignored.
void install(int signal, struct sigaction& old) {
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(signal, nullptr, &old);
  if (old.sa_handler != SIG_IGN) {
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace

StopSignal::StopSignal() {
  noted_signal.store(0);
  install(SIGINT, old_interrupt_);
  install(SIGTERM, old_terminate_);
}

StopSignal::~StopSignal() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
}

int StopSignal::received() { return noted_signal.load(); }

}  // namespace trainer
