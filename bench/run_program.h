#pragma once

#include <cstdio>
#include <exception>

#include "base/error.h"

namespace trainer::bench {

/// The main function of a benchmark: `run`'s result, or one line on standard error and 2 for misuse, 1 for failure.
template <typename Run>
int run_program(const Run& run, int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const UsageError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

}  // namespace trainer::bench
