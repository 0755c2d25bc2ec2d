#include "convolution_native.h"

#include <omp.h>

#include <dnnl.hpp>
#include <unordered_map>

namespace trainer::bench {
namespace {

using dnnl::memory;

memory filled(const memory::desc& desc, const dnnl::engine& engine) {
  memory result(desc, engine);
  auto* values = static_cast<float*>(result.get_data_handle());
  for (size_t i = 0; i < desc.get_size() / sizeof(float); ++i) {
    values[i] = static_cast<float>(i % 17) * 0.0625F - 0.5F;
  }
  return result;
}

}  // namespace

NativeConvolution make_native_convolution(const ConvolutionGeometry& g, int threads) {
  omp_set_num_threads(threads);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const auto any = [](const memory::dims& dims) {
    return memory::desc(dims, memory::data_type::f32, memory::format_tag::any);
  };
  const memory::desc x = any({g.n, g.c, g.h, g.w});
  const memory::desc w =
      g.groups == 1 ? any({g.k, g.c, g.r, g.s}) : any({g.groups, g.k / g.groups, g.c / g.groups, g.r, g.s});
  const memory::desc z = any({g.n, g.k, g.p(), g.q()});
  const memory::dims stride = {g.stride, g.stride};
  const memory::dims dilation = {g.dilation - 1, g.dilation - 1};
  const memory::dims near = {g.padding, g.padding};
  const memory::dims far = {(g.p() - 1) * g.stride + g.dilation * (g.r - 1) + 1 - g.h - g.padding,
                            (g.q() - 1) * g.stride + g.dilation * (g.s - 1) + 1 - g.w - g.padding};
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const dnnl::convolution_forward::primitive_desc ff(
      {dnnl::prop_kind::forward_training, algorithm, x, w, z, stride, dilation, near, far}, engine);
  const dnnl::convolution_backward_data::primitive_desc bp({algorithm, x, w, z, stride, dilation, near, far}, engine,
                                                           ff);
  const dnnl::convolution_backward_weights::primitive_desc wg({algorithm, x, w, z, stride, dilation, near, far}, engine,
                                                              ff);
  const auto call = [&engine](const dnnl::primitive& primitive, std::unordered_map<int, memory> arguments) {
    return [primitive, arguments = std::move(arguments), stream = dnnl::stream(engine)]() mutable {
      primitive.execute(stream, arguments);
      stream.wait();
    };
  };
  return {call(dnnl::convolution_forward(ff), {{DNNL_ARG_SRC, filled(ff.src_desc(), engine)},
                                               {DNNL_ARG_WEIGHTS, filled(ff.weights_desc(), engine)},
                                               {DNNL_ARG_DST, filled(ff.dst_desc(), engine)}}),
          call(dnnl::convolution_backward_data(bp), {{DNNL_ARG_DIFF_SRC, filled(bp.diff_src_desc(), engine)},
                                                     {DNNL_ARG_WEIGHTS, filled(bp.weights_desc(), engine)},
                                                     {DNNL_ARG_DIFF_DST, filled(bp.diff_dst_desc(), engine)}}),
          call(dnnl::convolution_backward_weights(wg), {{DNNL_ARG_SRC, filled(wg.src_desc(), engine)},
                                                        {DNNL_ARG_DIFF_WEIGHTS, filled(wg.diff_weights_desc(), engine)},
                                                        {DNNL_ARG_DIFF_DST, filled(wg.diff_dst_desc(), engine)}})};
}

}  // namespace trainer::bench
