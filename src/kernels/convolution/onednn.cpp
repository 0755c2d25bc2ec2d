#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/parallel.h"
#include "kernels/convolution/onednn_kernel.h"
#include "kernels/convolution/paths.h"

namespace trainer {
namespace {

using dnnl::memory;

// How the work is cut for threads. oneDNN adds in an order that depends on the number of threads, so every primitive is
// made and run for one thread, and these pieces, always the same, are what threads share.
constexpr int64_t kImages = 16;          // of a batch chunk: the images that share a cache line
constexpr int64_t kPiecesWanted = 16;    // wanted, from chunks and blocks of the result's channels
constexpr int64_t kFewestChannels = 32;  // of such a block
constexpr int64_t kGrain = 1 << 15;      // values, in loops over arrays

using Use = Workspace::Use;

/// Floats that hold what `desc` describes, in whole cache lines.
int64_t floats(const memory::desc& desc) {
  constexpr int64_t kLine = kAlignment / sizeof(float);
  return (static_cast<int64_t>(desc.get_size() / sizeof(float)) + kLine - 1) / kLine * kLine;
}

/// A phase in parts: chunks of the batch by blocks of the result's channels.
struct Phase {
  OnednnKernel whole;  // chunks of kImages images
  OnednnKernel last;   // the last chunk, which may be smaller
  int64_t blocks = 0;  // 0: not made yet
  int64_t part_floats[kOnednnRoles] = {};
};

class OnednnConvolution final : public Convolution {
 public:
  OnednnConvolution(const ConvolutionGeometry& geometry, std::shared_ptr<Workspace> workspace)
      : g_(geometry),
        workspace_(std::move(workspace)),
        engine_(dnnl::engine::kind::cpu, 0),
        chunks_((geometry.n + kImages - 1) / kImages),
        last_images_(geometry.n - (chunks_ - 1) * kImages),
        dense_size_(geometry.k * geometry.weight_columns()) {}

  void feedforward(const Tensor& X, const WeightView& W, Tensor& Z) override {
    prepare(feedforward_, kDestination, &OnednnKernelMaker::feedforward);
    const int64_t k = g_.k / feedforward_.blocks;
    float* weights = pack_weights(feedforward_, W, k * g_.weight_columns());
    float* sources = pack(feedforward_, kSource, X, 1);
    for_each_part(feedforward_, [&](const OnednnKernel& kernel, int64_t chunk, int64_t block) {
      float* result = thread_floats(Use::result, feedforward_.part_floats[kDestination]);
      run(kernel, {{sources + chunk * feedforward_.part_floats[kSource],
                    weights + weights_part(feedforward_, chunk, block), result}});
      reorder(kernel, kDestination, result, Z.channel(block * k) + chunk * kImages);
    });
  }

  void backpropagate(const Tensor& dZ, const WeightView& W, Tensor& dX, bool accumulate) override {
    prepare(backpropagate_, kSource, &OnednnKernelMaker::backpropagate);
    const int64_t c = g_.c / backpropagate_.blocks;
    float* weights = pack_weights(backpropagate_, W, c * g_.r * g_.s);
    float* destinations = pack(backpropagate_, kDestination, dZ, 1);
    float* target = accumulate ? workspace_->floats(Use::addend, dX.size()) : dX.data();
    for_each_part(backpropagate_, [&](const OnednnKernel& kernel, int64_t chunk, int64_t block) {
      float* result = thread_floats(Use::result, backpropagate_.part_floats[kSource]);
      run(kernel, {{result, weights + weights_part(backpropagate_, chunk, block),
                    destinations + chunk * backpropagate_.part_floats[kDestination]}});
      reorder(kernel, kSource, result, target + block * c * dX.shape().channel_size() + chunk * kImages);
    });
    if (accumulate) {
      parallel_for(dX.size(), kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          dX.data()[i] += target[i];
        }
      });
    }
  }

  void weight_gradient(const Tensor& dZ, const Tensor& X, const std::shared_ptr<const Pattern>& pattern,
                       std::span<float> dW) override {
    prepare(weight_gradient_, kDestination, &OnednnKernelMaker::weight_gradient);
    const int64_t blocks = weight_gradient_.blocks;
    const int64_t block_size = g_.k / blocks * g_.weight_columns();
    float* sources = pack(weight_gradient_, kSource, X, 1);
    float* destinations = pack(weight_gradient_, kDestination, dZ, blocks);
    float* partials = workspace_->floats(Use::partials, dense_size_ * chunks_);
    for_each_part(weight_gradient_, [&](const OnednnKernel& kernel, int64_t chunk, int64_t block) {
      float* result = thread_floats(Use::result, weight_gradient_.part_floats[kWeights]);
      run(kernel, {{sources + chunk * weight_gradient_.part_floats[kSource], result,
                    destinations + (chunk * blocks + block) * weight_gradient_.part_floats[kDestination]}});
      reorder(kernel, kWeights, result, partials + chunk * dense_size_ + block * block_size);
    });
    parallel_for(g_.k, 1, [&](int64_t k, int64_t) {
      const auto row = static_cast<size_t>(k);
      for (uint32_t i = pattern->row_begin()[row]; i < pattern->row_begin()[row + 1]; ++i) {
        const float* partial = partials + k * g_.weight_columns() + pattern->column_at(k, i);
        float gradient = *partial;
        for (int64_t chunk = 1; chunk < chunks_; ++chunk) {
          gradient += partial[chunk * dense_size_];
        }
        dW[i] = gradient;
      }
    });
  }

 private:
  float* thread_floats(Use use, int64_t count) { return workspace_->floats(use, thread_index(), count); }

  /// Makes the kernels at first use. `cut` is the activation whose channels are cut into blocks.
  void prepare(Phase& phase, OnednnRole cut, OnednnKernel (OnednnKernelMaker::*make)(const OnednnExtent&) const) {
    workspace_->prepare_threads(thread_count());
    if (phase.blocks > 0) {
      return;
    }
    const int64_t channels = cut == kSource ? g_.c : g_.k;
    int64_t blocks = 1;
    for (int64_t candidate = 2; g_.groups == 1 && candidate * chunks_ <= kPiecesWanted; ++candidate) {
      if (channels % (candidate * kFewestChannels) == 0) {
        blocks = candidate;
      }
    }
    const int64_t block = channels / blocks;
    const OneThread one_thread;
    const OnednnKernelMaker maker(g_, engine_);
    const auto kernel = [&](int64_t images) {
      return (maker.*make)({images, cut == kSource ? block : g_.c, cut == kSource ? g_.k : block});
    };
    phase.last = kernel(last_images_);
    phase.whole = chunks_ == 1 || last_images_ == kImages ? phase.last : kernel(kImages);
    for (int role = 0; role < kOnednnRoles; ++role) {
      phase.part_floats[role] = std::max(floats(phase.whole.preferred[role]), floats(phase.last.preferred[role]));
    }
    phase.blocks = blocks;
  }

  const OnednnKernel& kernel_of(const Phase& phase, int64_t chunk) const {
    return chunk == chunks_ - 1 ? phase.last : phase.whole;
  }

  /// Calls body(kernel, chunk, block) for every part, on all threads.
  template <typename Body>
  void for_each_part(const Phase& phase, const Body& body) {
    parallel_for(chunks_ * phase.blocks, 1, [&](int64_t part, int64_t) {
      const OneThread one_thread;
      const int64_t chunk = part / phase.blocks;
      body(kernel_of(phase, chunk), chunk, part % phase.blocks);
    });
  }

  /// Parts of an activation, chunk by chunk, each cut into `blocks` blocks of channels.
  float* pack(const Phase& phase, OnednnRole role, const Tensor& tensor, int64_t blocks) {
    const int64_t channels = tensor.shape().c / blocks;
    const Use use = role == kSource ? Use::source : Use::destination;
    float* packed = workspace_->floats(use, chunks_ * blocks * phase.part_floats[role]);
    parallel_for(chunks_ * blocks, 1, [&](int64_t part, int64_t) {
      const OneThread one_thread;
      const int64_t chunk = part / blocks;
      // oneDNN takes no pointers to const, but only reads here.
      auto* from = const_cast<float*>(tensor.channel(part % blocks * channels)) + chunk * kImages;
      reorder(kernel_of(phase, chunk), role, from, packed + part * phase.part_floats[role]);
    });
    return packed;
  }

  /// Every block of the weight, once for whole chunks and once for the last: their kernels may prefer different
  /// layouts.
  float* pack_weights(const Phase& phase, const WeightView& W, int64_t block_offset) {
    float* dense = workspace_->floats(Use::dense_weight, dense_size_);
    scatter(*W.pattern, W.values, {dense, static_cast<size_t>(dense_size_)});
    float* packed = workspace_->floats(Use::weights, 2 * phase.blocks * phase.part_floats[kWeights]);
    const int64_t first = chunks_ == 1 ? phase.blocks : 0;
    parallel_for(2 * phase.blocks - first, 1, [&](int64_t index, int64_t) {
      const OneThread one_thread;
      const int64_t part = first + index;
      reorder(part < phase.blocks ? phase.whole : phase.last, kWeights, dense + part % phase.blocks * block_offset,
              packed + part * phase.part_floats[kWeights]);
    });
    return packed;
  }
  /// Where the block's weights for a chunk are among the packed ones.
  int64_t weights_part(const Phase& phase, int64_t chunk, int64_t block) const {
    return ((chunk == chunks_ - 1 ? phase.blocks : 0) + block) * phase.part_floats[kWeights];
  }

  void reorder(const OnednnKernel& kernel, OnednnRole role, float* from, float* to) const {
    dnnl::stream stream(engine_);
    const bool operand = role != kernel.result;
    memory source(operand ? kernel.ours[role] : kernel.preferred[role], engine_, from);
    memory destination(operand ? kernel.preferred[role] : kernel.ours[role], engine_, to);
    kernel.reorders[role].execute(stream, source, destination);
  }

  struct Parts {
    float* of[kOnednnRoles];
  };

  void run(const OnednnKernel& kernel, const Parts& parts) {
    dnnl::stream stream(engine_);
    std::unordered_map<int, memory> arguments;
    for (int role = 0; role < kOnednnRoles; ++role) {
      arguments.emplace(kernel.arguments[role], memory(kernel.preferred[role], engine_, parts.of[role]));
    }
    arguments.emplace(DNNL_ARG_SCRATCHPAD, memory(kernel.scratchpad, engine_,
                                                  thread_floats(Use::scratchpad, floats(kernel.scratchpad) + 1)));
    kernel.compute.execute(stream, arguments);
  }

  ConvolutionGeometry g_;
  std::shared_ptr<Workspace> workspace_;
  dnnl::engine engine_;
  int64_t chunks_;
  int64_t last_images_;
  int64_t dense_size_;
  Phase feedforward_;
  Phase backpropagate_;
  Phase weight_gradient_;
};

}  // namespace

std::unique_ptr<Convolution> make_onednn_convolution(const ConvolutionGeometry& geometry,
                                                     std::shared_ptr<Workspace> workspace) {
  return std::make_unique<OnednnConvolution>(geometry, std::move(workspace));
}

}  // namespace trainer
