#include "kernels/convolution/onednn_kernel.h"

#include <omp.h>

namespace trainer {

using dnnl::memory;

OneThread::OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
OneThread::~OneThread() { omp_set_num_threads(before_); }

OnednnKernelMaker::OnednnKernelMaker(const ConvolutionGeometry& geometry, const dnnl::engine& engine)
    : g_(geometry), engine_(engine) {
  attributes_.set_scratchpad_mode(dnnl::scratchpad_mode::user);
}

memory::desc OnednnKernelMaker::activation(int64_t images, int64_t channels, int64_t rows, int64_t columns) const {
  return {{images, channels, rows, columns},
          memory::data_type::f32,
          memory::dims{1, rows * columns * g_.n, columns * g_.n, g_.n}};
}

OnednnKernelMaker::Descs OnednnKernelMaker::ours(const OnednnExtent& extent) const {
  const int64_t row = g_.weight_columns();  // of the whole weight: a block of input channels is a part of each row
  const int64_t taps = g_.r * g_.s;
  const int64_t c = extent.c / g_.groups;
  const int64_t k = extent.k / g_.groups;
  const memory::desc weights =
      g_.groups == 1 ? memory::desc({k, c, g_.r, g_.s}, memory::data_type::f32, memory::dims{row, taps, g_.s, 1})
                     : memory::desc({g_.groups, k, c, g_.r, g_.s}, memory::data_type::f32,
                                    memory::dims{k * row, row, taps, g_.s, 1});
  return {
      {activation(extent.images, extent.c, g_.h, g_.w), weights, activation(extent.images, extent.k, g_.p(), g_.q())}};
}

template <typename Operation, typename... Leading>
typename Operation::desc OnednnKernelMaker::any_layout(const OnednnExtent& extent, Leading... leading) const {
  const Descs descs = ours(extent);
  const auto any = [&](OnednnRole role) {
    return memory::desc(descs.of[role].dims(), memory::data_type::f32, memory::format_tag::any);
  };
  const auto pair = [](int64_t value) { return memory::dims{value, value}; };
  // At the far border: what the last output position needs. Input that the stride does not reach is left out.
  const memory::dims far_padding = {(g_.p() - 1) * g_.stride + g_.dilation * (g_.r - 1) + 1 - g_.h - g_.padding,
                                    (g_.q() - 1) * g_.stride + g_.dilation * (g_.s - 1) + 1 - g_.w - g_.padding};
  return {leading...,
          dnnl::algorithm::convolution_direct,
          any(kSource),
          any(kWeights),
          any(kDestination),
          pair(g_.stride),
          pair(g_.dilation - 1),
          pair(g_.padding),
          far_padding};
}

dnnl::convolution_forward::primitive_desc OnednnKernelMaker::forward(const OnednnExtent& extent) const {
  return {any_layout<dnnl::convolution_forward>(extent, dnnl::prop_kind::forward_training), attributes_, engine_};
}

OnednnKernel OnednnKernelMaker::feedforward(const OnednnExtent& extent) const {
  const auto desc = forward(extent);
  return finish(extent, {dnnl::convolution_forward(desc),
                         {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                         {},
                         {desc.src_desc(), desc.weights_desc(), desc.dst_desc()},
                         {},
                         desc.scratchpad_desc(),
                         kDestination});
}

OnednnKernel OnednnKernelMaker::backpropagate(const OnednnExtent& extent) const {
  using Operation = dnnl::convolution_backward_data;
  const Operation::primitive_desc desc(any_layout<Operation>(extent), attributes_, engine_, forward(extent));
  return finish(extent, {Operation(desc),
                         {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
                         {},
                         {desc.diff_src_desc(), desc.weights_desc(), desc.diff_dst_desc()},
                         {},
                         desc.scratchpad_desc(),
                         kSource});
}

OnednnKernel OnednnKernelMaker::weight_gradient(const OnednnExtent& extent) const {
  using Operation = dnnl::convolution_backward_weights;
  const Operation::primitive_desc desc(any_layout<Operation>(extent), attributes_, engine_, forward(extent));
  return finish(extent, {Operation(desc),
                         {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST},
                         {},
                         {desc.src_desc(), desc.diff_weights_desc(), desc.diff_dst_desc()},
                         {},
                         desc.scratchpad_desc(),
                         kWeights});
}

OnednnKernel OnednnKernelMaker::finish(const OnednnExtent& extent, OnednnKernel kernel) const {
  const Descs descs = ours(extent);
  for (int role = 0; role < kOnednnRoles; ++role) {
    kernel.ours[role] = descs.of[role];
    const memory::desc& from = role == kernel.result ? kernel.preferred[role] : kernel.ours[role];
    const memory::desc& to = role == kernel.result ? kernel.ours[role] : kernel.preferred[role];
    kernel.reorders[role] = dnnl::reorder({engine_, from, engine_, to});
  }
  return kernel;
}

}  // namespace trainer
