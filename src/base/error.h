#pragma once

#include <stdexcept>
#include <string>

namespace trainer {

/// Something the user asked for cannot be done as asked: a bad option, file or value.
/// The message is one line: what, where, what to do. The program prints it and exits with status 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The machine failed: disk full, a file that cannot be written, memory exhausted.
/// Same form of message; the program exits with status 1.
class SystemFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace trainer
