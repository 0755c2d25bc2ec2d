#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

#include "base/error.h"
#include "command_line.h"

namespace {

constexpr int kFailure = 1;
constexpr int kMisuse = 2;

int report(int status, const char* message) {
  std::fflush(stdout);
  fmt::print(stderr, "trainer: {}\n", message);
  return status;
}

/// Threads that wait for others spin for milliseconds by default, which on a shared machine takes the processor from
/// the very thread they wait for: training beside a compiler took 1.7 times as long. Tens of microseconds, then sleep.
/// GNU's OpenMP reads this before main, so the program starts once more with it; what the user has set is respected.
void let_waiting_threads_sleep(char** arguments) {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr && std::getenv("GOMP_SPINCOUNT") == nullptr) {
    setenv("GOMP_SPINCOUNT", "10000", 0);
    execv("/proc/self/exe", arguments);  // where that fails, training is merely slower beside other programs
  }
}

}  // namespace

int main(int count, char** arguments) {
  let_waiting_threads_sleep(arguments);
  try {
    const int status = trainer::run_command_line(count, arguments);
    if (std::fflush(stdout) != 0) {
      throw trainer::SystemFailure(fmt::format("standard output cannot be written: {}", std::strerror(errno)));
    }
    return status;
  } catch (const trainer::UsageError& error) {
    return report(kMisuse, error.what());
  } catch (const std::bad_alloc&) {
    return report(kFailure, "out of memory; give a smaller --batch or --width");
  } catch (const std::exception& error) {
    return report(kFailure, error.what());
  }
}
