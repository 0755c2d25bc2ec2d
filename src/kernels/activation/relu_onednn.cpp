#include "base/parallel.h"
#include "kernels/activation/relu_paths.h"
#include "kernels/elementwise/pieces.h"
#include "kernels/onednn/call.h"

namespace trainer::activation {
namespace {

// Of the two forms of oneDNN's ReLU, the one whose backward pass reads the output, as ours does.
constexpr auto kAlgorithm = dnnl::algorithm::eltwise_relu_use_dst_for_bwd;

/// One piece of a tensor, seen as a vector. oneDNN keeps made primitives: making one costs about a microsecond.
struct Piece {
  explicit Piece(int64_t count)
      : engine(dnnl::engine::kind::cpu, 0),
        values({count}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a),
        forward(dnnl::eltwise_forward::desc(dnnl::prop_kind::forward_training, kAlgorithm, values), engine) {}

  dnnl::engine engine;
  dnnl::memory::desc values;
  dnnl::eltwise_forward::primitive_desc forward;
};

void feedforward(const float* y, float* a, int64_t count) {
  const Piece piece(count);
  dnnl::stream stream(piece.engine);
  dnnl::eltwise_forward(piece.forward)
      .execute(stream, {{DNNL_ARG_SRC, onednn::read_only(piece.values, piece.engine, y)},
                        {DNNL_ARG_DST, dnnl::memory(piece.values, piece.engine, a)}});
  stream.wait();
}

void backpropagate(const float* a, const float* da, float* dy, int64_t count) {
  const Piece piece(count);
  const dnnl::eltwise_backward::desc operation(kAlgorithm, piece.values, piece.values);
  const dnnl::eltwise_backward::primitive_desc backward(operation, piece.engine, piece.forward);
  dnnl::stream stream(piece.engine);
  dnnl::eltwise_backward(backward).execute(stream,
                                           {{DNNL_ARG_DST, onednn::read_only(piece.values, piece.engine, a)},
                                            {DNNL_ARG_DIFF_DST, onednn::read_only(piece.values, piece.engine, da)},
                                            {DNNL_ARG_DIFF_SRC, dnnl::memory(piece.values, piece.engine, dy)}});
  stream.wait();
}

}  // namespace

void relu_feedforward_onednn(const Tensor& Y, Tensor& A) {
  const float* y = Y.data();
  float* a = A.data();
  parallel_for(Y.size(), kElementwisePiece, [=](int64_t begin, int64_t end) {
    onednn::call("ReLU feedforward", [&] { feedforward(y + begin, a + begin, end - begin); });
  });
}

void relu_backpropagate_onednn(const Tensor& A, const Tensor& dA, Tensor& dY) {
  const float* a = A.data();
  const float* da = dA.data();
  float* dy = dY.data();
  parallel_for(A.size(), kElementwisePiece, [=](int64_t begin, int64_t end) {
    onednn::call("ReLU backpropagation", [&] { backpropagate(a + begin, da + begin, dy + begin, end - begin); });
  });
}

}  // namespace trainer::activation
