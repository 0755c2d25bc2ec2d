#pragma once

namespace trainer {

/// Parses the command line and runs what it says. Returns the exit status; every failure is an exception: UsageError
/// for a command line that is wrong, with the nearest command or option as a hint.
int run_command_line(int count, const char* const* arguments);

}  // namespace trainer
