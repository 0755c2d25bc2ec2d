#include "kernels/convolution/convolution.h"

#include <array>
#include <cassert>
#include <utility>

#include "kernels/convolution/paths.h"

namespace trainer {
namespace {

using MakeConvolution = std::unique_ptr<Convolution> (*)(const ConvolutionGeometry& geometry,
                                                         std::shared_ptr<Workspace> workspace);

struct Path {
  KernelPath path;
  MakeConvolution make;
};

std::unique_ptr<Convolution> make_reference(const ConvolutionGeometry& geometry, std::shared_ptr<Workspace> workspace) {
  return with_fp32_operands(make_reference_convolution(geometry), std::move(workspace));
}
std::unique_ptr<Convolution> make_onednn(const ConvolutionGeometry& geometry, std::shared_ptr<Workspace> workspace) {
  return with_fp32_operands(make_onednn_convolution(geometry, workspace), workspace);
}

constexpr std::array<Path, 4> kPaths = {{{KernelPath::reference, make_reference},
                                         {KernelPath::highway, make_highway_convolution},
                                         {KernelPath::half, make_half_convolution},
                                         {KernelPath::onednn, make_onednn}}};

}  // namespace

std::unique_ptr<Convolution> make_convolution(KernelPath path, const ConvolutionGeometry& geometry,
                                              std::shared_ptr<Workspace> workspace) {
  validate(geometry);
  for (const Path& entry : kPaths) {
    if (entry.path == path) {
      return entry.make(geometry, std::move(workspace));
    }
  }
  assert(false && "the automatic path has to be resolved by the caller");
  return nullptr;
}

}  // namespace trainer
