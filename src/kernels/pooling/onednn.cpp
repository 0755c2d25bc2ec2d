#include <algorithm>
#include <cassert>
#include <optional>

#include "base/parallel.h"
#include "kernels/elementwise/pieces.h"
#include "kernels/onednn/call.h"
#include "kernels/pooling/implementations.h"
#include "tensor/aligned.h"

namespace trainer::pooling {
namespace {

using dnnl::memory;

memory::desc as_nhwc(const Shape& shape, int64_t channels) {
  return {{channels, shape.n, shape.h, shape.w}, memory::data_type::f32, memory::format_tag::nhwc};
}

/// The primitives for `channels` consecutive channels.
class Primitives {
 public:
  Primitives(const dnnl::engine& engine, const PoolingGeometry& g, int64_t channels)
      : engine_(engine),
        input_(as_nhwc(g.input, channels)),
        output_(as_nhwc(g.output(), channels)),
        feedforward_({dnnl::prop_kind::forward_training,
                      algorithm(g),
                      input_,
                      output_,
                      {g.stride, g.stride},
                      {g.window_h, g.window_w},
                      {g.padding, g.padding},
                      {g.padding, g.padding}},
                     onednn::caller_owned_scratch(), engine),
        backpropagate_({algorithm(g),
                        input_,
                        output_,
                        {g.stride, g.stride},
                        {g.window_h, g.window_w},
                        {g.padding, g.padding},
                        {g.padding, g.padding}},
                       onednn::caller_owned_scratch(), engine, feedforward_),
        run_feedforward_(feedforward_),
        run_backpropagate_(backpropagate_) {}

  /// Bytes of the maxima's places that feedforward leaves to backpropagate.
  size_t workspace_size() const { return feedforward_.workspace_desc().get_size(); }

  void feedforward(const float* x, float* y, uint8_t* workspace) const {
    run(run_feedforward_, feedforward_.scratchpad_desc(),
        {{DNNL_ARG_SRC, onednn::read_only(input_, engine_, x)}, {DNNL_ARG_DST, memory(output_, engine_, y)}},
        workspace);
  }

  void backpropagate(const float* dy, float* dx, uint8_t* workspace) const {
    run(run_backpropagate_, backpropagate_.scratchpad_desc(),
        {{DNNL_ARG_DIFF_DST, onednn::read_only(output_, engine_, dy)},
         {DNNL_ARG_DIFF_SRC, memory(input_, engine_, dx)}},
        workspace);
  }

 private:
  static dnnl::algorithm algorithm(const PoolingGeometry& g) {
    return g.kind == PoolingKind::maximum ? dnnl::algorithm::pooling_max : dnnl::algorithm::pooling_avg_include_padding;
  }

  void run(const dnnl::primitive& primitive, const memory::desc& scratch, std::unordered_map<int, memory> arguments,
           uint8_t* workspace) const {
    arguments.emplace(DNNL_ARG_SCRATCHPAD, memory(scratch, engine_));
    if (workspace_size() > 0) {
      arguments.emplace(DNNL_ARG_WORKSPACE, memory(feedforward_.workspace_desc(), engine_, workspace));
    }
    dnnl::stream stream(engine_);
    primitive.execute(stream, arguments);
    stream.wait();
  }

  dnnl::engine engine_;
  memory::desc input_;
  memory::desc output_;
  dnnl::pooling_forward::primitive_desc feedforward_;
  dnnl::pooling_backward::primitive_desc backpropagate_;
  dnnl::pooling_forward run_feedforward_;
  dnnl::pooling_backward run_backpropagate_;
};

class OneDnn : public Pooling {
 public:
  explicit OneDnn(const PoolingGeometry& geometry)
      : geometry_(geometry), grain_(std::min(geometry.input.c, channels_per_piece(geometry.input.channel_size()))) {
    onednn::call("pooling", [&] {
      const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
      whole_.emplace(engine, geometry_, grain_);
      if (geometry_.input.c % grain_ != 0) {
        last_.emplace(engine, geometry_, geometry_.input.c % grain_);
      }
    });
    constexpr size_t kLine = kAlignment;
    workspace_step_ = (whole_->workspace_size() + kLine - 1) / kLine * kLine;
    const auto pieces = static_cast<size_t>((geometry_.input.c + grain_ - 1) / grain_);
    workspace_.resize(pieces * workspace_step_);
  }

  void feedforward(const Tensor& X, Tensor& Y) override {
    assert(X.shape() == geometry_.input && Y.shape() == geometry_.output());
    for_each_piece([&](const Primitives& primitives, int64_t c, uint8_t* workspace) {
      primitives.feedforward(X.channel(c), Y.channel(c), workspace);
    });
  }

  void backpropagate(const Tensor& dY, Tensor& dX) override {
    assert(dX.shape() == geometry_.input && dY.shape() == geometry_.output());
    for_each_piece([&](const Primitives& primitives, int64_t c, uint8_t* workspace) {
      primitives.backpropagate(dY.channel(c), dX.channel(c), workspace);
    });
  }

 private:
  template <typename Body>
  void for_each_piece(const Body& body) {
    parallel_for(geometry_.input.c, grain_, [&](int64_t begin, int64_t end) {
      const Primitives& primitives = end - begin == grain_ ? *whole_ : *last_;
      uint8_t* workspace = workspace_.data() + static_cast<size_t>(begin / grain_) * workspace_step_;
      onednn::call("pooling", [&] { body(primitives, begin, workspace); });
    });
  }

  PoolingGeometry geometry_;
  int64_t grain_;
  std::optional<Primitives> whole_;  // for pieces of grain_ channels
  std::optional<Primitives> last_;   // for the shorter last piece, where there is one
  size_t workspace_step_ = 0;
  AlignedVector<uint8_t> workspace_;  // one part for each piece
};

}  // namespace

std::unique_ptr<Pooling> make_onednn(const PoolingGeometry& geometry) { return std::make_unique<OneDnn>(geometry); }

}  // namespace trainer::pooling
