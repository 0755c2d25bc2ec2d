#include "run/this_machine.h"

#include <dnnl.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/cpu_features.h"
#include "run/kernel_note.h"
#include "run/version.h"

namespace trainer {
namespace {

constexpr int kFormat = 3;  // also raised where kernels change so much that times which were kept are of no use

/// Of the first processor: what x86 calls its model name, or Arm's numbers of maker and part.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  utsname system{};
  uname(&system);
  std::string numbers = system.machine;
  std::string line;
  while (std::getline(file, line) && !line.empty()) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) {
      continue;
    }
    if (line.starts_with("model name")) {
      return line.substr(colon + 2);
    }
    if (line.starts_with("CPU implementer") || line.starts_with("CPU part")) {
      numbers.append(" ").append(line, colon + 2);
    }
  }
  return numbers;
}

/// "AVX3", "AVX3-FP16"
std::string vectors() { return std::string(highway_target()) + (cpu_has_half_arithmetic() ? "-FP16" : ""); }

}  // namespace

nlohmann::json this_machine() {
  const dnnl_version_t* onednn = dnnl_version();
  return {{"format", kFormat},
          {"processor", processor_name()},
          {"vectors", vectors()},
          {"version", version()},
          {"onednn", fmt::format("{}.{}.{}", onednn->major, onednn->minor, onednn->patch)}};
}

}  // namespace trainer
