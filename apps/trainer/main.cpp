#include <fmt/format.h>

#include <cerrno>
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

}  // namespace

int main(int count, char** arguments) {
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
