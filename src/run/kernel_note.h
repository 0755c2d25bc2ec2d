#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/path.h"
#include "network/network.h"

namespace trainer {

/// Paths on which one operation can run.
struct KernelEntry {
  std::string_view operation;
  std::vector<std::string_view> paths;
  std::string_view summary;
};
const std::vector<KernelEntry>& kernel_list();

/// Which kernels `network` uses, in one line: how many contractions on which path, what all else runs on, the vector
/// instructions that Highway chose on this CPU, and the threads.
std::string kernel_note(KernelPath path, Network& network);

}  // namespace trainer
