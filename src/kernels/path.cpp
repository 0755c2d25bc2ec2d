#include "kernels/path.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/error.h"

namespace trainer {
namespace {

constexpr std::array<std::pair<KernelPath, std::string_view>, kKernelPaths> kNames = {
    {{KernelPath::automatic, "auto"},
     {KernelPath::reference, "reference"},
     {KernelPath::highway, "highway"},
     {KernelPath::half, "half"},
     {KernelPath::onednn, "onednn"}}};

}  // namespace

std::string_view to_string(KernelPath path) { return kNames[static_cast<size_t>(path)].second; }

KernelPath parse_kernel_path(std::string_view text) {
  for (const auto& [path, name] : kNames) {
    if (name == text) {
      return path;
    }
  }
  throw UsageError(fmt::format("unknown kernels '{}': choose auto, reference, highway, half or onednn", text));
}

}  // namespace trainer
