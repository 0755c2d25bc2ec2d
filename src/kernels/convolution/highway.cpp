#include <algorithm>
#include <cassert>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "kernels/convolution/decoupled.h"
#include "kernels/convolution/estimating.h"
#include "kernels/convolution/half/half_kernels.h"
#include "kernels/convolution/paths.h"
#include "kernels/convolution/prefetch.h"
#include "kernels/convolution/run_sums.h"
#include "kernels/convolution/tile_kernels.h"
#include "kernels/convolution/tiles.h"
#include "kernels/elementwise/exponent_only.h"
#include "tensor/aligned.h"

namespace trainer {
namespace {

// How finely work is cut. What is added to what, and so every bit, follows from constants alone, for any number of
// threads; only how many outputs one task takes depends on them.
constexpr int64_t kTasksOfThread = 4;   // wanted, so that threads end together
constexpr int64_t kFewestOutputs = 64;  // of a task: what packing a window is shared by
constexpr int64_t kMostSums = 1 << 17;  // floats that a task sums before it writes them, to be found in a cache again
constexpr int64_t kRuns = 32;           // runs of tiles wanted
constexpr int64_t kCachedBytes = 1 << 23;  // an output larger than this is written past the caches
constexpr int64_t kRun = 4;                // tiles a thread takes at a time where there are enough
constexpr int64_t kGradientPartials = 16;  // partial weight gradients, added in order

using Use = Workspace::Use;

/// What a pass reads: a tensor, or what a map makes of it.
struct Input {
  const Tensor& tensor;
  const InputMap* map = nullptr;
};

/// One of the tensors that a pass makes of the windows it packs.
struct Result {
  const TermList& terms;
  Tensor& output;
  std::optional<float> smallest_normal = std::nullopt;  // of the inputs, where their exponents alone count
};

class TiledConvolution final : public Convolution, public DecoupledConvolution, public EstimatingConvolution {
 public:
  TiledConvolution(const ConvolutionGeometry& geometry, std::shared_ptr<Workspace> workspace,
                   const TileKernels& kernels)
      : g_(geometry),
        workspace_(std::move(workspace)),
        kernels_(kernels),
        forward_(make_plan(forward_pass(geometry), geometry.c / geometry.groups, geometry.k / geometry.groups)) {
    for (ConvolutionPass& pass : backward_passes(geometry)) {
      backward_.push_back(make_plan(std::move(pass), geometry.k / geometry.groups, geometry.c / geometry.groups));
    }
  }

  void release_pattern() override {
    forward_.terms.reset();
    for (TiledPass& plan : backward_) {
      plan.terms.reset();
    }
    exponent_terms_.reset();
    exponents_ = {};
  }

  DecoupledConvolution* decoupled() override { return this; }

  EstimatingConvolution* estimating() override { return kernels_.unit.values == Format::fp32 ? this : nullptr; }

  void feedforward(const Tensor& X, const WeightView& W, Tensor& Z) override { feedforward(X, nullptr, W, Z, nullptr); }
  void feedforward(const Tensor& X, const InputMap* map, const WeightView& W, Tensor& Z,
                   const OutputSums* sums) override {
    sum(forward_, {X, map}, {{use_weight(forward_, Direction::forward, W), Z}}, false, sums);
  }
  void estimate(const Tensor& X, const WeightView& W, const SmallestNormals& smallest, Tensor& Zhat) override {
    sum(forward_, {X}, {{use_exponents(W, smallest.W), Zhat, smallest.X}}, false, nullptr);
  }
  void feedforward_with_estimate(const Tensor& X, const WeightView& W, const SmallestNormals& smallest, Tensor& Z,
                                 Tensor& Zhat) override {
    // The estimate comes second: it leaves exponents in the window.
    sum(forward_, {X},
        {{use_weight(forward_, Direction::forward, W), Z}, {use_exponents(W, smallest.W), Zhat, smallest.X}}, false,
        nullptr);
  }

  void backpropagate(const Tensor& dZ, const WeightView& W, Tensor& dX, bool accumulate) override {
    for (TiledPass& plan : backward_) {
      sum(plan, {dZ}, {{use_weight(plan, Direction::backward, W), dX}}, accumulate, nullptr);
    }
  }

  void weight_gradient(const Tensor& dZ, const Tensor& X, const std::shared_ptr<const Pattern>& pattern,
                       std::span<float> dW) override {
    weight_gradient(dZ, Input{X}, pattern, dW);
  }
  void weight_gradient(const Tensor& dZ, const Tensor& X, const InputMap& map,
                       const std::shared_ptr<const Pattern>& pattern, std::span<float> dW) override {
    weight_gradient(dZ, Input{X, &map}, pattern, dW);
  }

 private:
  void weight_gradient(const Tensor& dZ, const Input& X, const std::shared_ptr<const Pattern>& pattern,
                       std::span<float> dW) {
    const TermList& terms = use_pattern(forward_.terms, forward_, Direction::forward, pattern);
    const int64_t term_count = static_cast<int64_t>(terms.terms().size());
    const OutputTiles tiles(forward_, g_.n);
    const int64_t outputs = g_.k / g_.groups;
    const int64_t partials = std::min(tiles.count(), kGradientPartials);
    const int64_t pieces = output_pieces(forward_, partials * g_.groups, outputs);
    float* all_sums = workspace_->floats(Use::partials, partials * term_count);
    prepare_threads();

    // Each partial gradient comes from a fixed run of tiles. Its pieces write different terms.
    parallel_for(partials * g_.groups * pieces, 1, [&](int64_t task, int64_t) {
      const int64_t partial = task / (g_.groups * pieces);
      const int64_t piece = task % pieces;
      const Outputs channels{task / pieces % g_.groups, piece * outputs / pieces, (piece + 1) * outputs / pieces};
      float* sums = all_sums + partial * term_count;
      const int64_t first_tile = partial * tiles.count() / partials;
      const int64_t end_tile = (partial + 1) * tiles.count() / partials;
      for (int64_t tile = first_tile; tile < end_tile; ++tile) {
        const Tile next = tiles[std::min(tile + 1, end_tile - 1)];
        dot_tile(tiles[tile], next, dZ, X, channels, sums, tile == first_tile);
      }
    });
    constexpr int64_t kGrain = 1 << 13;
    parallel_for(term_count, kGrain, [&](int64_t begin, int64_t end) {
      terms.for_each_place(begin, end, [&](uint32_t term, uint32_t place) {
        float gradient = all_sums[term];
        for (int64_t partial = 1; partial < partials; ++partial) {
          gradient += all_sums[partial * term_count + term];
        }
        dW[place] = gradient;
      });
    });
  }

  TiledPass make_plan(ConvolutionPass pass, int64_t inputs, int64_t outputs) const {
    const bool whole_rows = inputs == 1 && outputs == 1 && kernels_.sum_rows != nullptr;
    const Tiling tiling = whole_rows ? choose_tiling_of_whole_rows(pass, g_.n, kernels_.unit)
                                     : choose_tiling(pass, g_.n, inputs, outputs, kernels_.unit);
    return {std::move(pass), tiling};
  }

  /// The terms of `pattern`, with any values.
  TermList& use_pattern(std::unique_ptr<TermList>& terms, const TiledPass& plan, Direction direction,
                        const std::shared_ptr<const Pattern>& pattern) const {
    if (!terms || terms->pattern() != pattern) {
      terms = std::make_unique<TermList>(g_, direction, plan.pass, plan.tiling, pattern);
    }
    return *terms;
  }
  const TermList& use_weight(TiledPass& plan, Direction direction, const WeightView& W) const {
    TermList& terms = use_pattern(plan.terms, plan, direction, W.pattern);
    terms.refresh(W.values, kernels_.unit.values);
    return terms;
  }
  const TermList& use_exponents(const WeightView& W, float smallest_normal) {
    TermList& terms = use_pattern(exponent_terms_, forward_, Direction::forward, W.pattern);
    exponents_.resize(W.values.size());
    exponent_only(W.values, exponents_, smallest_normal);
    terms.refresh(exponents_, Format::fp32);
    return terms;
  }

  /// Parts of the outputs, for tasks of which there are `others` already.
  int64_t output_pieces(const TiledPass& plan, int64_t others, int64_t outputs) const {
    const Tiling& tiling = plan.tiling;
    const int64_t sums = outputs * tiling.rows * tiling.vectors(tiling.columns) * tiling.lanes;
    const int64_t wanted = std::max(divide_up(kTasksOfThread * threads_here(), others), divide_up(sums, kMostSums));
    return std::clamp<int64_t>(wanted, 1, divide_up(outputs, kFewestOutputs));
  }

  void prepare_threads() {
    workspace_->prepare_threads(thread_count());
    if (static_cast<int>(coming_.size()) < thread_count()) {
      coming_.resize(static_cast<size_t>(thread_count()));
    }
  }
  PrefetchLines& coming() { return coming_[static_cast<size_t>(thread_index())]; }
  float* thread_floats(Use use, int64_t count) { return workspace_->floats(use, thread_index(), count); }
  /// Memory for values as the kernels read them.
  Elements thread_operands(Use use, int64_t count) {
    constexpr auto kFloat = static_cast<int64_t>(sizeof(float));
    const int64_t floats = divide_up(count * bytes_of(kernels_.unit.values), kFloat);
    return {reinterpret_cast<std::byte*>(thread_floats(use, floats)), kernels_.unit.values};
  }

  int64_t channels_of_block(const TiledPass& plan, const Tensor& input, int64_t block) const {
    return std::min(plan.tiling.channels, input.shape().c / g_.groups - block * plan.tiling.channels);
  }

  /// The window of `tile` in a block of a group's input channels.
  PackJob window(const TiledPass& plan, const Tile& tile, const Input& input, int64_t group, int64_t block) const {
    const Tensor& tensor = input.tensor;
    const int64_t first_channel = group * (tensor.shape().c / g_.groups) + block * plan.tiling.channels;
    const Tiling& tiling = plan.tiling;
    const Axis& rows = plan.pass.rows;
    const Axis& columns = plan.pass.columns;
    PackJob job;
    job.input = tensor.elements() + (first_channel * tensor.shape().channel_size() + tile.first_image);
    job.channel_size = tensor.shape().channel_size();
    job.channels = channels_of_block(plan, tensor, block);
    job.map = input.map;
    job.map_channel = first_channel;
    job.input_rows = rows.input_extent;
    job.input_columns = columns.input_extent;
    job.column_limit = columns.input_extent;
    job.input_batch = g_.n;
    job.first_row = tile.first_row * rows.input_step + rows.first;
    job.first_column = tile.first_column * columns.input_step + columns.first;
    job.step = columns.input_step;
    job.row_planes = &rows.planes;
    job.column_planes = &columns.planes;
    job.rows = tile.rows + rows.reach;
    job.images = tile.images;
    job.batch = tiling.batch;
    job.row_pitch = tiling.row_pitch;
    job.plane_pitch = tiling.plane_pitch;
    job.channel_pitch = tiling.channel_pitch;
    return job;
  }

  std::byte* pack_window(const TiledPass& plan, const Tile& tile, const Input& input, int64_t group, int64_t block) {
    PackJob job = window(plan, tile, input, group, block);
    job.packed = thread_operands(Use::window, plan.tiling.channels * plan.tiling.channel_pitch);
    kernels_.pack(job);
    return job.packed.data;
  }

  /// The values of Z's gradient in `tile`, zero where the tile's vectors hold no position.
  PackJob gradients(const Tile& tile, const Tensor& dZ, int64_t first_output, int64_t outputs) const {
    static const std::vector<int64_t> kOnePlane = {0};
    PackJob job;
    job.input = dZ.elements() + (first_output * dZ.shape().channel_size() + tile.first_image);
    job.channel_size = dZ.shape().channel_size();
    job.channels = outputs;
    job.input_rows = forward_.pass.rows.count;
    job.input_columns = forward_.pass.columns.count;
    job.column_limit = tile.first_column + tile.columns;
    job.input_batch = g_.n;
    job.first_row = tile.first_row;
    job.first_column = tile.first_column;
    job.row_planes = &kOnePlane;
    job.column_planes = &kOnePlane;
    job.rows = tile.rows;
    job.images = tile.images;
    job.batch = forward_.tiling.batch;
    job.row_pitch = tile.vectors * forward_.tiling.lanes;
    job.plane_pitch = tile.values(forward_.tiling.lanes);
    job.channel_pitch = job.plane_pitch;
    return job;
  }

  /// `results` of one shape. The sums taken are those of the first.
  void sum(const TiledPass& plan, const Input& input, std::initializer_list<Result> results, bool accumulate,
           const OutputSums* output_sums) {
    const Result& first = *results.begin();
    const Tensor& output = first.output;
    if (first.terms.terms().empty() && accumulate) {
      return;
    }
    const OutputTiles tiles(plan, g_.n);
    const int64_t outputs = plan.pass.phases() * output.shape().c / g_.groups;
    const int64_t most_tiles = plan.tiling.whole_rows ? 1 : kRun;  // whole rows are many sums in themselves
    const int64_t run = std::clamp<int64_t>(tiles.count() * g_.groups / kRuns, 1, most_tiles);
    const int64_t runs = divide_up(tiles.count(), run);
    const int64_t pieces = output_pieces(plan, runs * g_.groups, outputs);
    assert(output_sums == nullptr || plan.pass.phases() == 1);  // an output is a channel then
    prepare_threads();
    run_sums_.prepare(output_sums, runs, output.shape().c);
    parallel_for(g_.groups * pieces * runs, 1, [&](int64_t task, int64_t) {
      const int64_t part = task / runs;
      const Outputs taken{part / pieces, part % pieces * outputs / pieces, (part % pieces + 1) * outputs / pieces};
      const int64_t first_channel = taken.group * outputs + taken.begin;  // for output sums
      const int64_t first_tile = task % runs * run;
      const int64_t end_tile = std::min(first_tile + run, tiles.count());
      float* const lane_sums = start_lane_sums(output_sums, taken.count());
      for (int64_t tile = first_tile; tile < end_tile; ++tile) {
        const Tile next = tiles[std::min(tile + 1, end_tile - 1)];
        const float* sums = sum_tile(plan, tiles[tile], next, input, results, taken, accumulate);
        for (const Result& result : results) {
          for_each_phase(plan, tiles[tile], sums, result.output, taken, [&](UnpackJob job) {
            job.accumulate = accumulate;
            if (&result == &first && lane_sums != nullptr) {
              job.shift = output_sums->shift.data() + first_channel;
              job.lane_sums = lane_sums;
            }
            kernels_.unpack(job);
          });
          sums += taken.count() * tiles[tile].values(plan.tiling.lanes);
        }
      }
      if (lane_sums != nullptr) {
        kernels_.add_lane_sums(lane_sums, taken.count(), run_sums_.of(task % runs) + first_channel);
      }
    });
    run_sums_.add(output_sums);
  }

  /// Zeros for the sums of a run's outputs; null where there are none to take.
  float* start_lane_sums(const OutputSums* output_sums, int64_t outputs) {
    if (output_sums == nullptr) {
      return nullptr;
    }
    const int64_t count = 2 * outputs * kernels_.unit.lanes;
    float* const sums = thread_floats(Use::sums, count);
    std::fill_n(sums, count, 0.0F);
    return sums;
  }

  /// The sums of a tile, [result][output][row][vector], valid until the thread's next. With `accumulate`, asks for what
  /// they are going to be added to.
  const float* sum_tile(const TiledPass& plan, const Tile& tile, const Tile& next, const Input& input,
                        std::initializer_list<Result> results, const Outputs& outputs, bool accumulate) {
    const Tiling& tiling = plan.tiling;
    const auto kernel = tiling.whole_rows ? kernels_.sum_rows : kernels_.sum[tile.rows - 1][tile.vectors - 1];
    const int64_t count = outputs.count() * tile.values(tiling.lanes);
    float* const sums = thread_floats(Use::tiles, static_cast<int64_t>(results.size()) * count);
    const int64_t blocks = results.begin()->terms.blocks();
    PrefetchLines& lines = coming();
    std::byte* packed = nullptr;
    for (int64_t block = 0; block < blocks; ++block) {
      const uint32_t* const begin = results.begin()->terms.begin(outputs.group, block) + outputs.begin;
      if (begin[0] != begin[outputs.count()]) {
        packed = pack_window(plan, tile, input, outputs.group, block);
      }
      const bool last = block + 1 == blocks;
      lines.clear();
      if (!tiling.whole_rows) {  // those are read in order, as hardware prefetchers expect
        lines.add(last ? window(plan, next, input, outputs.group, 0)
                       : window(plan, tile, input, outputs.group, block + 1));
        if (last && accumulate) {
          for_each_phase(plan, tile, sums, results.begin()->output, outputs,
                         [&](const UnpackJob& job) { lines.add(job); });
        }
      }
      SumJob job;
      job.row_pitch = tiling.row_pitch;
      job.outputs = outputs.count();
      job.rows = tile.rows;
      job.vectors = tile.vectors;
      job.packed = packed;
      job.first = block == 0;
      job.sums = sums;
      job.prefetch = lines.over(job.outputs);
      for (const Result& result : results) {
        if (result.smallest_normal && begin[0] != begin[outputs.count()]) {
          kernels_.keep_exponents(channels_of_block(plan, input.tensor, block) * tiling.channel_pitch,
                                  *result.smallest_normal, reinterpret_cast<float*>(packed));
        }
        job.terms = result.terms.terms().data();
        job.begin = result.terms.begin(outputs.group, block) + outputs.begin;
        kernel(job);
        job.sums += count;
        job.prefetch = {};
      }
    }
    return sums;
  }

  /// Calls body(what writes a phase's sums) for each phase that `outputs` has channels of.
  template <class Body>
  void for_each_phase(const TiledPass& plan, const Tile& tile, const float* sums, Tensor& output,
                      const Outputs& outputs, const Body& body) const {
    const int64_t channels = output.shape().c / g_.groups;
    for (int64_t begin = outputs.begin; begin < outputs.end;) {
      const int64_t phase = begin / channels;
      const int64_t end = std::min(outputs.end, (phase + 1) * channels);
      const UnpackJob job =
          unpacking(plan, tile, phase, sums, output, {outputs.group, begin - phase * channels, end - phase * channels});
      if (job.rows > 0 && job.columns > 0) {
        body(job);
      }
      sums += (end - begin) * tile.values(plan.tiling.lanes);
      begin = end;
    }
  }

  UnpackJob unpacking(const TiledPass& plan, const Tile& tile, int64_t phase, const float* sums, Tensor& output,
                      const Outputs& channels) const {
    const Axis& rows = plan.pass.rows;
    const Axis& columns = plan.pass.columns;
    const auto column_phases = static_cast<int64_t>(columns.phases.size());
    const OutputPhase& row_phase = rows.phases[static_cast<size_t>(phase / column_phases)];
    const OutputPhase& column_phase = columns.phases[static_cast<size_t>(phase % column_phases)];
    UnpackJob job;
    job.sums = sums;
    job.outputs = channels.count();
    job.rows = std::min(tile.rows, row_phase.count - tile.first_row);
    job.columns = std::min(tile.columns, column_phase.count - tile.first_column);
    job.row_floats = tile.vectors * plan.tiling.lanes;
    job.output_floats = tile.rows * job.row_floats;
    job.images = tile.images;
    job.batch = plan.tiling.batch;
    const int64_t row_size = output.shape().w * g_.n;
    const int64_t first_output = channels.group * (output.shape().c / g_.groups) + channels.begin;
    job.output =
        output.elements() + (first_output * output.shape().channel_size() +
                             (row_phase.first + tile.first_row * rows.output_step) * row_size +
                             (column_phase.first + tile.first_column * columns.output_step) * g_.n + tile.first_image);
    job.channel_size = output.shape().channel_size();
    job.row_stride = rows.output_step * row_size;
    job.column_stride = columns.output_step * g_.n;
    job.past_caches = output.bytes() > kCachedBytes;
    return job;
  }

  /// Adds the products of one tile to the sums of the terms of some output channels of a group.
  void dot_tile(const Tile& tile, const Tile& next, const Tensor& dZ, const Input& X, const Outputs& outputs,
                float* sums, bool first) {
    const TermList& terms = *forward_.terms;
    const Tiling& tiling = forward_.tiling;
    const int64_t first_output = outputs.group * (g_.k / g_.groups) + outputs.begin;
    const auto kernel = tiling.whole_rows ? kernels_.dot_rows : kernels_.dot[tile.rows - 1][tile.vectors - 1];
    PrefetchLines& lines = coming();
    PackJob pack = gradients(tile, dZ, first_output, outputs.count());
    pack.packed = thread_operands(Use::tiles, outputs.count() * pack.channel_pitch);
    kernels_.pack(pack);
    DotJob job;
    job.row_pitch = tiling.row_pitch;
    job.terms = terms.terms().data();
    job.outputs = outputs.count();
    job.rows = tile.rows;
    job.vectors = tile.vectors;
    job.sums = sums;
    job.first = first;
    job.tiles = pack.packed.data;
    for (int64_t block = 0; block < terms.blocks(); ++block) {
      job.begin = terms.begin(outputs.group, block) + outputs.begin;
      if (job.begin[0] == job.begin[job.outputs]) {
        continue;
      }
      job.packed = pack_window(forward_, tile, X, outputs.group, block);
      const bool last = block + 1 == terms.blocks();
      lines.clear();
      if (!tiling.whole_rows) {
        lines.add(last ? window(forward_, next, X, outputs.group, 0)
                       : window(forward_, tile, X, outputs.group, block + 1));
        // The next tile's gradients, a share with every block.
        const int64_t begin = block * job.outputs / terms.blocks();
        const int64_t end = (block + 1) * job.outputs / terms.blocks();
        lines.add(gradients(next, dZ, first_output + begin, end - begin));
      }
      job.prefetch = lines.over(job.outputs);
      kernel(job);
    }
  }

  ConvolutionGeometry g_;
  std::shared_ptr<Workspace> workspace_;
  const TileKernels& kernels_;
  TiledPass forward_;
  std::vector<TiledPass> backward_;
  std::unique_ptr<TermList> exponent_terms_;  // forward ones, of an estimate
  AlignedVector<float> exponents_;            // their values
  std::vector<PrefetchLines> coming_;         // one per thread
  RunSums run_sums_;
};

}  // namespace

std::unique_ptr<Convolution> make_highway_convolution(const ConvolutionGeometry& geometry,
                                                      std::shared_ptr<Workspace> workspace) {
  return std::make_unique<TiledConvolution>(geometry, std::move(workspace), tile_kernels());
}

std::unique_ptr<EstimatingConvolution> make_estimating_convolution(const ConvolutionGeometry& geometry,
                                                                   std::shared_ptr<Workspace> workspace) {
  validate(geometry);
  return std::make_unique<TiledConvolution>(geometry, std::move(workspace), tile_kernels());
}

std::unique_ptr<Convolution> make_half_convolution(const ConvolutionGeometry& geometry,
                                                   std::shared_ptr<Workspace> workspace) {
  return std::make_unique<TiledConvolution>(geometry, std::move(workspace), half_tile_kernels());
}

}  // namespace trainer
