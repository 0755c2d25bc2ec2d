#pragma once

#include <array>
#include <cstdint>
#include <dnnl.hpp>

#include "kernels/convolution/geometry.h"

namespace trainer {

/// The operands of a convolution, or their gradients.
enum OnednnRole { kSource, kWeights, kDestination, kOnednnRoles };

/// oneDNN, called on this thread while this lives, uses this thread alone.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

/// A oneDNN primitive for one phase of a part of a convolution, with the reorders between the layout of our arrays and
/// the one the primitive prefers. The result is reordered from the preferred layout to ours, operands the other way.
struct OnednnKernel {
  dnnl::primitive compute;
  std::array<int, kOnednnRoles> arguments{};  ///< DNNL_ARG_...
  std::array<dnnl::memory::desc, kOnednnRoles> ours;
  std::array<dnnl::memory::desc, kOnednnRoles> preferred;
  std::array<dnnl::reorder, kOnednnRoles> reorders;
  dnnl::memory::desc scratchpad;
  OnednnRole result = kDestination;
};

/// A part of the whole: some images; some of the channels, unless there are groups.
struct OnednnExtent {
  int64_t images;
  int64_t c;
  int64_t k;
};

/// Makes kernels. `ours` describes parts of whole arrays: activations [C][H][W][N], dense weights K,C,R,S.
class OnednnKernelMaker {
 public:
  OnednnKernelMaker(const ConvolutionGeometry& geometry, const dnnl::engine& engine);

  OnednnKernel feedforward(const OnednnExtent& extent) const;
  OnednnKernel backpropagate(const OnednnExtent& extent) const;
  OnednnKernel weight_gradient(const OnednnExtent& extent) const;

 private:
  struct Descs {
    std::array<dnnl::memory::desc, kOnednnRoles> of;
  };

  dnnl::memory::desc activation(int64_t images, int64_t channels, int64_t rows, int64_t columns) const;
  Descs ours(const OnednnExtent& extent) const;
  /// A descriptor of operation `Operation` (forward, backward data, backward weights), any layout.
  template <typename Operation, typename... Leading>
  typename Operation::desc any_layout(const OnednnExtent& extent, Leading... leading) const;
  dnnl::convolution_forward::primitive_desc forward(const OnednnExtent& extent) const;
  OnednnKernel finish(const OnednnExtent& extent, OnednnKernel kernel) const;

  ConvolutionGeometry g_;
  dnnl::engine engine_;
  dnnl::primitive_attr attributes_;
};

}  // namespace trainer
