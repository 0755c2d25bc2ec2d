#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

#include "run/choose_kernels.h"
#include "run/this_machine.h"

namespace trainer::bench {

/// Makes a planned network choose its kernels as `trainer train` does: by measurements in the user's cache, or by the
/// rule. What was measured now is told on standard error.
inline void choose_like_a_run(const std::string& kernels, const std::string& kernel_choice, const Network& network) {
  RunConfig config = default_config();
  config.kernels = kernels;
  config.kernel_choice = kernel_choice;
  KernelCache cache(cache_folder(), this_machine());
  std::vector<std::string> notes;
  choose_kernels(config, cache, network, true, notes);
  for (const std::string& note : notes) {
    fmt::print(stderr, "{}\n", note);
  }
}

}  // namespace trainer::bench
