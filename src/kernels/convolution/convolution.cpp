#include "kernels/convolution/convolution.h"

#include <array>
#include <cassert>

#include "kernels/convolution/paths.h"

namespace trainer {
namespace {

struct Path {
  KernelPath path;
  std::unique_ptr<Convolution> (*make)(const ConvolutionGeometry& geometry);
};

constexpr std::array<Path, 3> kPaths = {{{KernelPath::reference, make_reference_convolution},
                                         {KernelPath::highway, make_highway_convolution},
                                         {KernelPath::onednn, make_onednn_convolution}}};

}  // namespace

std::unique_ptr<Convolution> make_convolution(KernelPath path, const ConvolutionGeometry& geometry) {
  validate(geometry);
  for (const Path& entry : kPaths) {
    if (entry.path == path) {
      return entry.make(geometry);
    }
  }
  assert(false && "the automatic path has to be resolved by the caller");
  return nullptr;
}

}  // namespace trainer
