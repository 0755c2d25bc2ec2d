#include "base/parallel.h"
#include "kernels/clipped_relu/paths.h"
#include "kernels/elementwise/pieces.h"
#include "kernels/onednn/call.h"

namespace trainer::clipped_relu {
namespace {

// Of oneDNN's forms of a clip, the one without a gradient at the bounds whose backward pass reads the output.
constexpr auto kAlgorithm = dnnl::algorithm::eltwise_clip_v2_use_dst_for_bwd;

/// One piece of a tensor, seen as a vector. oneDNN keeps made primitives: making one costs about a microsecond.
struct Piece {
  Piece(float most, int64_t count)
      : ceiling(most),
        engine(dnnl::engine::kind::cpu, 0),
        values({count}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a),
        forward(dnnl::eltwise_forward::desc(dnnl::prop_kind::forward_training, kAlgorithm, values, 0, ceiling),
                engine) {}

  float ceiling;
  dnnl::engine engine;
  dnnl::memory::desc values;
  dnnl::eltwise_forward::primitive_desc forward;
};

void feedforward(float ceiling, const float* y, float* a, int64_t count) {
  const Piece piece(ceiling, count);
  dnnl::stream stream(piece.engine);
  dnnl::eltwise_forward(piece.forward)
      .execute(stream, {{DNNL_ARG_SRC, onednn::read_only(piece.values, piece.engine, y)},
                        {DNNL_ARG_DST, dnnl::memory(piece.values, piece.engine, a)}});
  stream.wait();
}

void backpropagate(float ceiling, const float* a, const float* da, float* dy, int64_t count) {
  const Piece piece(ceiling, count);
  const dnnl::eltwise_backward::desc operation(kAlgorithm, piece.values, piece.values, 0, ceiling);
  const dnnl::eltwise_backward::primitive_desc backward(operation, piece.engine, piece.forward);
  dnnl::stream stream(piece.engine);
  dnnl::eltwise_backward(backward).execute(stream,
                                           {{DNNL_ARG_DST, onednn::read_only(piece.values, piece.engine, a)},
                                            {DNNL_ARG_DIFF_DST, onednn::read_only(piece.values, piece.engine, da)},
                                            {DNNL_ARG_DIFF_SRC, dnnl::memory(piece.values, piece.engine, dy)}});
  stream.wait();
}

}  // namespace

void feedforward_onednn(float ceiling, const Tensor& Y, Tensor& A) {
  const float* y = Y.data();
  float* a = A.data();
  parallel_for(Y.size(), kElementwisePiece, [=](int64_t begin, int64_t end) {
    onednn::call("clipped ReLU feedforward", [&] { feedforward(ceiling, y + begin, a + begin, end - begin); });
  });
}

void backpropagate_onednn(float ceiling, const Tensor& A, const Tensor& dA, Tensor& dY) {
  const float* a = A.data();
  const float* da = dA.data();
  float* dy = dY.data();
  parallel_for(A.size(), kElementwisePiece, [=](int64_t begin, int64_t end) {
    onednn::call("clipped ReLU backpropagation",
                 [&] { backpropagate(ceiling, a + begin, da + begin, dy + begin, end - begin); });
  });
}

}  // namespace trainer::clipped_relu
