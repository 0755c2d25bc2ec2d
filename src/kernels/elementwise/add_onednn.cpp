#include <utility>

#include "base/parallel.h"
#include "kernels/elementwise/add_paths.h"
#include "kernels/elementwise/pieces.h"
#include "kernels/onednn/call.h"

namespace trainer::elementwise {
namespace {

// oneDNN keeps made primitives, so that making one for each piece costs about a microsecond.
void add_piece(const float* a, const float* b, float* y, int64_t count) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const dnnl::memory::desc values({count}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a);
  const dnnl::binary::desc operation(dnnl::algorithm::binary_add, values, values, values);
  const dnnl::binary sum(dnnl::binary::primitive_desc(operation, engine));
  dnnl::stream stream(engine);
  sum.execute(stream, {{DNNL_ARG_SRC_0, onednn::read_only(values, engine, a)},
                       {DNNL_ARG_SRC_1, onednn::read_only(values, engine, b)},
                       {DNNL_ARG_DST, dnnl::memory(values, engine, y)}});
  stream.wait();
}

}  // namespace

void add_onednn(const Tensor& A, const Tensor& B, Tensor& Y) {
  const float* a = A.data();
  const float* b = B.data();
  float* y = Y.data();
  if (y == b) {
    std::swap(a, b);  // oneDNN may write over its first operand only
  }
  parallel_for(Y.size(), kElementwisePiece, [=](int64_t begin, int64_t end) {
    onednn::call("add", [&] { add_piece(a + begin, b + begin, y + begin, end - begin); });
  });
}

}  // namespace trainer::elementwise
