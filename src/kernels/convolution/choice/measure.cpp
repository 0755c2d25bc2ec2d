#include "kernels/convolution/choice/measure.h"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

#include "base/cpu_features.h"
#include "base/parallel.h"
#include "base/random.h"
#include "kernels/convolution/convolution.h"
#include "kernels/elementwise/convert.h"

namespace trainer {
namespace {

// A phase is timed at least this often, and goes on until it was timed for so long, or so often.
constexpr int kFewestTurns = 2;
constexpr int kMostTurns = 12;
constexpr double kEnough_s = 0.008;
// Densities at which a sparse path is timed; the third is where the first two cross oneDNN.
constexpr double kSparse = 0.1;
constexpr double kDenser = 0.4;
constexpr double kSparsest = 0.02;
// More images than both: the batch is measured in part. oneDNN's pieces are of 16 images.
constexpr int64_t kFewestImages = 16;
constexpr double kMostMacs = 2e9;

/// Processor time of this thread.
double now_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// The part of the batch that is measured.
ConvolutionGeometry measured_part(const ConvolutionGeometry& geometry) {
  ConvolutionGeometry part = geometry;
  const double macs_per_image = static_cast<double>(geometry.dense_macs()) / static_cast<double>(geometry.n);
  const double images = kMostMacs / macs_per_image;
  if (images < static_cast<double>(geometry.n)) {
    const int64_t whole_pieces = static_cast<int64_t>(images) / kFewestImages * kFewestImages;
    part.n = std::min(geometry.n, std::max(whole_pieces, kFewestImages));
  }
  return part;
}

std::shared_ptr<const Pattern> random_pattern(const ConvolutionGeometry& g, double density, Random& random) {
  std::vector<uint8_t> kept(static_cast<size_t>(g.weight_rows() * g.weight_columns()));
  for (uint8_t& keep : kept) {
    keep = random.uniform() < density ? 1 : 0;
  }
  kept.front() = 1;  // the tiniest weights could else be empty
  return Pattern::from_mask(g.weight_rows(), g.weight_columns(), kept);
}

/// Activations and their gradients, which all paths work on.
struct Activations {
  Activations(const ConvolutionGeometry& g, Format format)
      : X(g.input(), format), Z(g.output(), format), dX(g.input(), format) {
    Tensor values(g.input());
    values.fill(0.5F);
    convert(values, X);
    values = Tensor(g.output());
    values.fill(0.25F);
    convert(values, Z);
  }

  Tensor X;
  Tensor Z;  // and its gradient
  Tensor dX;
};

/// A path with a weight, and the fastest turn of each phase.
class Candidate {
 public:
  Candidate(KernelPath path, const ConvolutionGeometry& geometry, std::shared_ptr<const Pattern> pattern)
      : path_(path),
        convolution_(make_convolution(path, geometry)),
        pattern_(std::move(pattern)),
        W_(static_cast<size_t>(pattern_->nonzeros()), 0.01F),
        dW_(W_.size()) {
    best_.of.fill(std::numeric_limits<double>::infinity());
  }

  KernelPath path() const { return path_; }
  double density() const { return pattern_->density(); }
  double best(ConvolutionPhase phase) const { return best_[phase]; }
  bool done(ConvolutionPhase phase) const {
    return turns_[phase] >= kMostTurns || (turns_[phase] >= kFewestTurns && spent_[phase] >= kEnough_s);
  }

  void run(ConvolutionPhase phase, Activations& a) {
    switch (phase) {
      case ConvolutionPhase::feedforward:
        convolution_->feedforward(a.X, {pattern_, W_}, a.Z);
        break;
      case ConvolutionPhase::backpropagation:
        convolution_->backpropagate(a.Z, {pattern_, W_}, a.dX, false);
        break;
      case ConvolutionPhase::weight_gradient:
        convolution_->weight_gradient(a.Z, a.X, pattern_, dW_);
        break;
    }
  }

  void time(ConvolutionPhase phase, Activations& activations) {
    const double begin = now_s();
    run(phase, activations);
    const double taken = now_s() - begin;
    best_[phase] = std::min(best_[phase], taken);
    spent_[phase] += taken;
    ++turns_[phase];
  }

 private:
  KernelPath path_;
  std::unique_ptr<Convolution> convolution_;
  std::shared_ptr<const Pattern> pattern_;
  std::vector<float> W_;
  std::vector<float> dW_;
  PerPhase<double> best_;
  PerPhase<double> spent_;
  PerPhase<int> turns_;
};

/// Calls the phases, path after path, until all were timed enough. The first calls, which make what later ones reuse,
/// do not count.
void take_turns(std::vector<std::unique_ptr<Candidate>>& candidates, Activations& activations) {
  for (const ConvolutionPhase phase : kConvolutionPhases) {
    for (const auto& candidate : candidates) {
      candidate->run(phase, activations);
    }
  }
  for (bool any = true; any;) {
    any = false;
    for (const ConvolutionPhase phase : kConvolutionPhases) {
      for (const auto& candidate : candidates) {
        if (!candidate->done(phase)) {
          candidate->time(phase, activations);
          any = true;
        }
      }
    }
  }
}

using Timings = std::map<KernelPath, PerPhase<std::vector<SparseTiming>>>;

/// One convolution's candidates, timed round by round.
class ShapeTimer {
 public:
  ShapeTimer(const ConvolutionGeometry& geometry, Format format)
      : part_(measured_part(geometry)),
        scale_(static_cast<double>(geometry.n) / static_cast<double>(part_.n)),
        activations_(part_, format) {}

  void add(KernelPath path, double density) {
    candidates_.push_back(std::make_unique<Candidate>(path, part_, random_pattern(part_, density, random_)));
  }
  /// Times what was added since the last call.
  void run() {
    take_turns(candidates_, activations_);
    for (const auto& candidate : candidates_) {
      for (const ConvolutionPhase phase : kConvolutionPhases) {
        const SparseTiming timing{candidate->density(), scale_ * candidate->best(phase)};
        timings_[candidate->path()][phase].push_back(timing);
      }
    }
    candidates_.clear();
  }

  double onednn_s(ConvolutionPhase phase) const { return timings_.at(KernelPath::onednn)[phase].front().seconds; }
  SparseCost cost(KernelPath path, ConvolutionPhase phase) const { return fit_sparse_cost(timings_.at(path)[phase]); }

 private:
  ConvolutionGeometry part_;
  double scale_;
  Activations activations_;
  Random random_{1};
  std::vector<std::unique_ptr<Candidate>> candidates_;
  Timings timings_;
};

PerPhase<CostModel> measure_shape(const ConvolutionGeometry& geometry, Format format) {
  const bool has_half = format == Format::fp16 && cpu_has_half_arithmetic();
  std::vector<KernelPath> sparse_paths = {KernelPath::highway};
  if (has_half) {
    sparse_paths.push_back(KernelPath::half);
  }
  ShapeTimer timer(geometry, format);
  timer.add(KernelPath::onednn, 1);
  for (const KernelPath path : sparse_paths) {
    timer.add(path, kSparse);
    timer.add(path, kDenser);
  }
  timer.run();
  for (const KernelPath path : sparse_paths) {
    // One pattern serves the three phases: that of the highest break-even, from which the line is followed furthest.
    double highest = kSparsest;
    for (const ConvolutionPhase phase : kConvolutionPhases) {
      highest = std::max(highest, timer.cost(path, phase).break_even(timer.onednn_s(phase)));
    }
    timer.add(path, std::min(highest, 1.0));
  }
  timer.run();

  PerPhase<CostModel> models;
  for (const ConvolutionPhase phase : kConvolutionPhases) {
    models[phase].highway = timer.cost(KernelPath::highway, phase);
    if (has_half) {
      models[phase].half = timer.cost(KernelPath::half, phase);
    }
    models[phase].onednn_s = timer.onednn_s(phase);
  }
  return models;
}

}  // namespace

std::vector<PerPhase<CostModel>> measure_cost_models(std::span<const ConvolutionGeometry> geometries, Format format) {
  std::vector<size_t> order(geometries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  // The largest first, so that the threads end together.
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return geometries[a].dense_macs() > geometries[b].dense_macs(); });
  std::vector<PerPhase<CostModel>> models(geometries.size());
  // Kernels called within a piece run on its thread alone; a single piece would not make that so.
  const int64_t pieces = std::max<int64_t>(2, static_cast<int64_t>(geometries.size()));
  parallel_for(pieces, 1, [&](int64_t piece, int64_t) {
    if (const auto place = static_cast<size_t>(piece); place < order.size()) {
      models[order[place]] = measure_shape(geometries[order[place]], format);
    }
  });
  return models;
}

}  // namespace trainer
