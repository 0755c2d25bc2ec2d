#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/convolution/choice/phase.h"
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

/// The vector instructions that Highway chose on this CPU, such as "AVX3".
const char* highway_target();

/// Which kernels `network` uses in these phases, in one line: how many phases of convolutions and linear layers on
/// which path, what all else runs on, the vector instructions that Highway chose on this CPU, and the threads.
std::string kernel_note(KernelPath path, const Network& network, std::span<const ConvolutionPhase> phases);

}  // namespace trainer
