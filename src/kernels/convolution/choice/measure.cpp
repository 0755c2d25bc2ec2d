#include "kernels/convolution/choice/measure.h"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <limits>
#include <memory>
#include <numeric>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"
#include "kernels/convolution/convolution.h"

namespace trainer {
namespace {

// A phase is timed at least this often, and goes on until it was timed for so long, or so often.
constexpr int kFewestTurns = 2;
constexpr int kMostTurns = 12;
constexpr double kEnough_s = 0.008;
// Densities at which highway is timed; the third is where the first two cross oneDNN.
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
  explicit Activations(const ConvolutionGeometry& g) : X(g.input()), Z(g.output()), dX(g.input()) {
    X.fill(0.5F);
    Z.fill(0.25F);
  }

  Tensor X;
  Tensor Z;  // and its gradient
  Tensor dX;
};

/// A path with a weight, and the fastest turn of each phase.
class Candidate {
 public:
  Candidate(KernelPath path, const ConvolutionGeometry& geometry, std::shared_ptr<const Pattern> pattern)
      : convolution_(make_convolution(path, geometry)),
        pattern_(std::move(pattern)),
        W_(static_cast<size_t>(pattern_->nonzeros()), 0.01F),
        dW_(W_.size()) {
    best_.of.fill(std::numeric_limits<double>::infinity());
  }

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

PerPhase<CostModel> measure_shape(const ConvolutionGeometry& geometry) {
  const ConvolutionGeometry part = measured_part(geometry);
  const double scale = static_cast<double>(geometry.n) / static_cast<double>(part.n);
  Activations activations(part);
  Random random(1);
  std::vector<std::unique_ptr<Candidate>> candidates;
  const auto add = [&](KernelPath path, double density) {
    candidates.push_back(std::make_unique<Candidate>(path, part, random_pattern(part, density, random)));
  };
  add(KernelPath::onednn, 1);
  add(KernelPath::highway, kSparse);
  add(KernelPath::highway, kDenser);
  take_turns(candidates, activations);

  PerPhase<std::vector<HighwayTiming>> timings;
  PerPhase<double> onednn;
  double highest = kSparsest;
  for (const ConvolutionPhase phase : kConvolutionPhases) {
    onednn[phase] = scale * candidates[0]->best(phase);
    for (size_t i = 1; i < candidates.size(); ++i) {
      timings[phase].push_back({candidates[i]->density(), scale * candidates[i]->best(phase)});
    }
    highest = std::max(highest, fit_cost_model(timings[phase], onednn[phase]).break_even());
  }
  candidates.clear();
  // One pattern serves the three phases: that of the highest break-even, from which the line is followed furthest.
  add(KernelPath::highway, std::min(highest, 1.0));
  take_turns(candidates, activations);

  PerPhase<CostModel> models;
  for (const ConvolutionPhase phase : kConvolutionPhases) {
    timings[phase].push_back({candidates[0]->density(), scale * candidates[0]->best(phase)});
    models[phase] = fit_cost_model(timings[phase], onednn[phase]);
  }
  return models;
}

}  // namespace

std::vector<PerPhase<CostModel>> measure_cost_models(std::span<const ConvolutionGeometry> geometries) {
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
      models[order[place]] = measure_shape(geometries[order[place]]);
    }
  });
  return models;
}

}  // namespace trainer
