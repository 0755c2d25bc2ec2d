#include <algorithm>
#include <cassert>
#include <optional>
#include <vector>

#include "base/parallel.h"
#include "kernels/batchnorm/implementations.h"
#include "kernels/elementwise/pieces.h"
#include "kernels/onednn/call.h"

namespace trainer::batchnorm {
namespace {

using dnnl::memory;
using dnnl::normalization_flags;

/// The primitives for `channels` consecutive channels. A channel of [C][H][W][N] is contiguous, so to oneDNN it is one
/// image of `channels` x 1 x (H*W*N) in its plain layout: nothing is reordered.
class Primitives {
 public:
  Primitives(const dnnl::engine& engine, int64_t channels, int64_t channel_size, float epsilon)
      : engine_(engine),
        values_({1, channels, 1, channel_size}, memory::data_type::f32, memory::format_tag::nchw),
        per_channel_({channels}, memory::data_type::f32, memory::format_tag::a),
        feedforward_({dnnl::prop_kind::forward_training, values_, epsilon, normalization_flags::use_scale | kUseShift},
                     onednn::caller_owned_scratch(), engine),
        normalise_({dnnl::prop_kind::forward_inference, values_, epsilon,
                    normalization_flags::use_global_stats | normalization_flags::use_scale | kUseShift},
                   onednn::caller_owned_scratch(), engine),
        backpropagate_(
            {dnnl::prop_kind::backward, values_, values_, epsilon, normalization_flags::use_scale | kUseShift},
            onednn::caller_owned_scratch(), engine, feedforward_),
        run_feedforward_(feedforward_),
        run_normalise_(normalise_),
        run_backpropagate_(backpropagate_) {}

  void feedforward(const float* z, const float* gamma, const float* beta, float* mean, float* variance,
                   float* y) const {
    run(run_feedforward_, feedforward_.scratchpad_desc(),
        {{DNNL_ARG_SRC, input(z)},
         {DNNL_ARG_SCALE, channel_input(gamma)},
         {DNNL_ARG_SHIFT, channel_input(beta)},
         {DNNL_ARG_MEAN, memory(per_channel_, engine_, mean)},
         {DNNL_ARG_VARIANCE, memory(per_channel_, engine_, variance)},
         {DNNL_ARG_DST, memory(values_, engine_, y)}});
  }

  void normalise(const float* z, const float* gamma, const float* beta, const float* mean, const float* variance,
                 float* y) const {
    run(run_normalise_, normalise_.scratchpad_desc(),
        {{DNNL_ARG_SRC, input(z)},
         {DNNL_ARG_SCALE, channel_input(gamma)},
         {DNNL_ARG_SHIFT, channel_input(beta)},
         {DNNL_ARG_MEAN, channel_input(mean)},
         {DNNL_ARG_VARIANCE, channel_input(variance)},
         {DNNL_ARG_DST, memory(values_, engine_, y)}});
  }

  void backpropagate(const float* dy, const float* z, const float* gamma, const float* mean, const float* variance,
                     float* dz, float* dgamma, float* dbeta) const {
    run(run_backpropagate_, backpropagate_.scratchpad_desc(),
        {{DNNL_ARG_DIFF_DST, input(dy)},
         {DNNL_ARG_SRC, input(z)},
         {DNNL_ARG_SCALE, channel_input(gamma)},
         {DNNL_ARG_SHIFT, channel_input(gamma)},  // must be given, is not read
         {DNNL_ARG_MEAN, channel_input(mean)},
         {DNNL_ARG_VARIANCE, channel_input(variance)},
         {DNNL_ARG_DIFF_SRC, memory(values_, engine_, dz)},
         {DNNL_ARG_DIFF_SCALE, memory(per_channel_, engine_, dgamma)},
         {DNNL_ARG_DIFF_SHIFT, memory(per_channel_, engine_, dbeta)}});
  }

 private:
  static constexpr normalization_flags kUseShift = normalization_flags::use_shift;

  memory input(const float* values) const { return onednn::read_only(values_, engine_, values); }
  memory channel_input(const float* values) const { return onednn::read_only(per_channel_, engine_, values); }

  void run(const dnnl::primitive& primitive, const memory::desc& scratch,
           std::unordered_map<int, memory> arguments) const {
    arguments.emplace(DNNL_ARG_SCRATCHPAD, memory(scratch, engine_));
    dnnl::stream stream(engine_);
    primitive.execute(stream, arguments);
    stream.wait();
  }

  dnnl::engine engine_;
  memory::desc values_;
  memory::desc per_channel_;
  dnnl::batch_normalization_forward::primitive_desc feedforward_;
  dnnl::batch_normalization_forward::primitive_desc normalise_;
  dnnl::batch_normalization_backward::primitive_desc backpropagate_;
  dnnl::batch_normalization_forward run_feedforward_;
  dnnl::batch_normalization_forward run_normalise_;
  dnnl::batch_normalization_backward run_backpropagate_;
};

class OneDnn : public BatchNorm {
 public:
  OneDnn(const Shape& shape, float epsilon)
      : shape_(shape), grain_(std::min(shape.c, channels_per_piece(shape.channel_size()))) {
    onednn::call("batch normalisation", [&] {
      const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
      whole_.emplace(engine, grain_, shape.channel_size(), epsilon);
      if (shape.c % grain_ != 0) {
        last_.emplace(engine, shape.c % grain_, shape.channel_size(), epsilon);
      }
    });
  }

  void feedforward(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                   std::span<const float> /*shift*/, ChannelMoments moments, Tensor& Y) override {
    assert(Z.shape() == shape_ && Y.shape() == shape_);
    for_each_piece([&](const Primitives& primitives, int64_t c) {
      primitives.feedforward(Z.channel(c), &gamma[at(c)], &beta[at(c)], &moments.mean[at(c)], &moments.variance[at(c)],
                             Y.channel(c));
    });
  }

  void normalise(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                 std::span<const float> mean, std::span<const float> variance, Tensor& Y) override {
    assert(Z.shape() == shape_ && Y.shape() == shape_);
    for_each_piece([&](const Primitives& primitives, int64_t c) {
      primitives.normalise(Z.channel(c), &gamma[at(c)], &beta[at(c)], &mean[at(c)], &variance[at(c)], Y.channel(c));
    });
  }

  void backpropagate(const Tensor& dY, const Tensor& Z, std::span<const float> gamma, std::span<const float> mean,
                     std::span<const float> variance, Tensor& dZ, std::span<float> dgamma,
                     std::span<float> dbeta) override {
    assert(dY.shape() == shape_ && Z.shape() == shape_ && dZ.shape() == shape_);
    for_each_piece([&](const Primitives& primitives, int64_t c) {
      primitives.backpropagate(dY.channel(c), Z.channel(c), &gamma[at(c)], &mean[at(c)], &variance[at(c)],
                               dZ.channel(c), &dgamma[at(c)], &dbeta[at(c)]);
    });
  }

 private:
  static size_t at(int64_t c) { return static_cast<size_t>(c); }

  template <typename Body>
  void for_each_piece(const Body& body) const {
    parallel_for(shape_.c, grain_, [&](int64_t begin, int64_t end) {
      const Primitives& primitives = end - begin == grain_ ? *whole_ : *last_;
      onednn::call("batch normalisation", [&] { body(primitives, begin); });
    });
  }

  Shape shape_;
  int64_t grain_;
  std::optional<Primitives> whole_;  // for pieces of grain_ channels
  std::optional<Primitives> last_;   // for the shorter last piece, where there is one
};

}  // namespace

std::unique_ptr<BatchNorm> make_onednn(const Shape& shape, float epsilon) {
  return std::make_unique<OneDnn>(shape, epsilon);
}

}  // namespace trainer::batchnorm
