#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

#include "base/error.h"

namespace trainer::bench {

/// Reads a benchmark's options. False where --help asked for nothing but the list of them, which is then printed.
/// Throws UsageError, one line, for options that cannot be taken.
inline bool read_options(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {
    app.exit(wanted);
    return false;
  } catch (const CLI::ParseError& error) {
    std::string message = error.what();
    std::replace(message.begin(), message.end(), '\n', ' ');
    throw UsageError(message + "; --help lists the options");
  }
  return true;
}

}  // namespace trainer::bench
