#include <algorithm>
#include <unordered_map>
#include <vector>

#include "base/parallel.h"
#include "kernels/convolution/onednn_kernel.h"
#include "kernels/convolution/paths.h"

namespace trainer {
namespace {

using dnnl::memory;

// How the work is cut for threads. oneDNN adds in an order that depends on the number of threads, so every primitive is
// made and run for one thread, and these pieces, always the same, are what threads share.
constexpr int64_t kImages = 16;          // of a batch chunk: the images that share a cache line
constexpr int64_t kPieces = 16;          // wanted, from chunks and blocks of the result's channels
constexpr int64_t kFewestChannels = 32;  // of such a block
constexpr int64_t kGrain = 1 << 15;      // values, in loops over arrays

using Buffer = AlignedVector<float>;

float* reserve(Buffer& buffer, int64_t count) {
  if (static_cast<int64_t>(buffer.size()) < count) {
    buffer.resize(static_cast<size_t>(count));
  }
  return buffer.data();
}

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
  explicit OnednnConvolution(const ConvolutionGeometry& geometry)
      : g_(geometry),
        engine_(dnnl::engine::kind::cpu, 0),
        chunks_((geometry.n + kImages - 1) / kImages),
        last_images_(geometry.n - (chunks_ - 1) * kImages),
        dense_size_(geometry.k * geometry.weight_columns()) {}

  void feedforward(const Tensor& X, const WeightView& W, Tensor& Z) override {
    prepare(feedforward_, kDestination, &OnednnKernelMaker::feedforward);
    const int64_t k = g_.k / feedforward_.blocks;
    pack_weights(feedforward_, W, k * g_.weight_columns());
    pack(feedforward_, kSource, X, 1, sources_);
    for_each_part(feedforward_, [&](const OnednnKernel& kernel, int64_t chunk, int64_t block) {
      float* result = reserve(scratch().result, feedforward_.part_floats[kDestination]);
      run(kernel, {{sources_.data() + chunk * feedforward_.part_floats[kSource], weights_of(feedforward_, chunk, block),
                    result}});
      reorder(kernel, kDestination, result, Z.channel(block * k) + chunk * kImages);
    });
  }

  void backpropagate(const Tensor& dZ, const WeightView& W, Tensor& dX, bool accumulate) override {
    prepare(backpropagate_, kSource, &OnednnKernelMaker::backpropagate);
    const int64_t c = g_.c / backpropagate_.blocks;
    pack_weights(backpropagate_, W, c * g_.r * g_.s);
    pack(backpropagate_, kDestination, dZ, 1, destinations_);
    float* target = accumulate ? reserve(addend_, dX.size()) : dX.data();
    for_each_part(backpropagate_, [&](const OnednnKernel& kernel, int64_t chunk, int64_t block) {
      float* result = reserve(scratch().result, backpropagate_.part_floats[kSource]);
      run(kernel, {{result, weights_of(backpropagate_, chunk, block),
                    destinations_.data() + chunk * backpropagate_.part_floats[kDestination]}});
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
    pack(weight_gradient_, kSource, X, 1, sources_);
    pack(weight_gradient_, kDestination, dZ, blocks, destinations_);
    float* partials = reserve(partials_, dense_size_ * chunks_);
    for_each_part(weight_gradient_, [&](const OnednnKernel& kernel, int64_t chunk, int64_t block) {
      float* result = reserve(scratch().result, weight_gradient_.part_floats[kWeights]);
      run(kernel, {{sources_.data() + chunk * weight_gradient_.part_floats[kSource], result,
                    destinations_.data() + (chunk * blocks + block) * weight_gradient_.part_floats[kDestination]}});
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
  /// Memory of one thread.
  struct Scratch {
    Buffer result;
    Buffer scratchpad;
  };

  Scratch& scratch() { return scratch_[static_cast<size_t>(thread_index())]; }

  /// Makes the kernels at first use. `cut` is the activation whose channels are cut into blocks.
  void prepare(Phase& phase, OnednnRole cut, OnednnKernel (OnednnKernelMaker::*make)(const OnednnExtent&) const) {
    if (static_cast<int>(scratch_.size()) < thread_count()) {
      scratch_.resize(static_cast<size_t>(thread_count()));
    }
    if (phase.blocks > 0) {
      return;
    }
    const int64_t channels = cut == kSource ? g_.c : g_.k;
    int64_t blocks = 1;
    for (int64_t candidate = 2; g_.groups == 1 && candidate * chunks_ <= kPieces; ++candidate) {
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
  void pack(const Phase& phase, OnednnRole role, const Tensor& tensor, int64_t blocks, Buffer& buffer) {
    const int64_t channels = tensor.shape().c / blocks;
    float* packed = reserve(buffer, chunks_ * blocks * phase.part_floats[role]);
    parallel_for(chunks_ * blocks, 1, [&](int64_t part, int64_t) {
      const OneThread one_thread;
      const int64_t chunk = part / blocks;
      // oneDNN takes no pointers to const, but only reads here.
      auto* from = const_cast<float*>(tensor.channel(part % blocks * channels)) + chunk * kImages;
      reorder(kernel_of(phase, chunk), role, from, packed + part * phase.part_floats[role]);
    });
  }

  /// Every block of the weight, once for whole chunks and once for the last: their kernels may prefer different
  /// layouts.
  void pack_weights(const Phase& phase, const WeightView& W, int64_t block_offset) {
    float* dense = reserve(dense_, dense_size_);
    scatter(*W.pattern, W.values, {dense, static_cast<size_t>(dense_size_)});
    float* packed = reserve(weights_, 2 * phase.blocks * phase.part_floats[kWeights]);
    const int64_t first = chunks_ == 1 ? phase.blocks : 0;
    parallel_for(2 * phase.blocks - first, 1, [&](int64_t index, int64_t) {
      const OneThread one_thread;
      const int64_t part = first + index;
      reorder(part < phase.blocks ? phase.whole : phase.last, kWeights, dense + part % phase.blocks * block_offset,
              packed + part * phase.part_floats[kWeights]);
    });
  }
  float* weights_of(const Phase& phase, int64_t chunk, int64_t block) {
    const int64_t part = (chunk == chunks_ - 1 ? phase.blocks : 0) + block;
    return weights_.data() + part * phase.part_floats[kWeights];
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
    arguments.emplace(DNNL_ARG_SCRATCHPAD,
                      memory(kernel.scratchpad, engine_, reserve(scratch().scratchpad, floats(kernel.scratchpad) + 1)));
    kernel.compute.execute(stream, arguments);
  }

  ConvolutionGeometry g_;
  dnnl::engine engine_;
  int64_t chunks_;
  int64_t last_images_;
  int64_t dense_size_;
  Phase feedforward_;
  Phase backpropagate_;
  Phase weight_gradient_;
  std::vector<Scratch> scratch_;  // one per thread
  Buffer dense_;
  Buffer weights_;
  Buffer sources_;
  Buffer destinations_;
  Buffer addend_;
  Buffer partials_;
};

}  // namespace

std::unique_ptr<Convolution> make_onednn_convolution(const ConvolutionGeometry& geometry) {
  return std::make_unique<OnednnConvolution>(geometry);
}

}  // namespace trainer
