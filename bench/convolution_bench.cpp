// Milliseconds of FF, BP and WG of convolution problems, path against path in one process: rounds go through the paths
// in turn, so that what disturbs the machine disturbs all of them, and the fastest round of each counts.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "convolution_native.h"
#include "kernels/convolution/convolution.h"
#include "kernels/elementwise/convert.h"
#include "read_options.h"
#include "run_program.h"

namespace trainer::bench {
namespace {

constexpr std::array<const char*, 3> kPhases = {"FF", "BP", "WG"};
constexpr std::string_view kFp16 = "-fp16";

struct Operands {
  Operands(const ConvolutionProblem& problem, Format format)
      : X(problem.geometry.input(), format),
        Z(problem.geometry.output(), format),
        dX(problem.geometry.input(), format) {
    const ConvolutionGeometry& g = problem.geometry;
    Random random(1);
    std::vector<uint8_t> kept(static_cast<size_t>(g.weight_rows() * g.weight_columns()));
    for (uint8_t& keep : kept) {
      keep = random.uniform() < problem.weight_density ? 1 : 0;
    }
    pattern = Pattern::from_mask(g.weight_rows(), g.weight_columns(), kept);
    W.resize(static_cast<size_t>(pattern->nonzeros()));
    dW.resize(W.size());
    const auto fill = [&random](std::span<float> values) {
      for (float& value : values) {
        value = random.uniform(-1, 1);
      }
    };
    fill(W);
    for (Tensor* tensor : {&X, &Z}) {
      Tensor values(tensor->shape());
      fill(values.values());
      convert(values, *tensor);
    }
  }

  std::shared_ptr<const Pattern> pattern;
  std::vector<float> W;
  std::vector<float> dW;
  Tensor X;
  Tensor Z;  // and its gradient
  Tensor dX;
};

struct Path {
  std::string name;
  std::unique_ptr<Convolution> convolution;  // none for native
  std::array<std::function<void()>, 3> phases;
  std::array<double, 3> milliseconds;
};

/// "half", and "PATH-fp16" for any other.
bool works_on_fp16(const std::string& name) { return name == "half" || name.ends_with(kFp16); }

Path make_path(const std::string& name, const ConvolutionGeometry& geometry, Operands& o) {
  Path path;
  path.name = name;
  path.milliseconds.fill(std::numeric_limits<double>::infinity());
  if (name == "native") {
    NativeConvolution native = make_native_convolution(geometry, thread_count());
    path.phases = {native.feedforward, native.backpropagate, native.weight_gradient};
  } else {
    const std::string kernels = name.ends_with(kFp16) ? name.substr(0, name.size() - kFp16.size()) : name;
    path.convolution = make_convolution(parse_kernel_path(kernels), geometry);
    Convolution* c = path.convolution.get();
    path.phases = {[c, &o] {
                     c->feedforward(o.X, {o.pattern, o.W}, o.Z);
                   },
                   [c, &o] {
                     c->backpropagate(o.Z, {o.pattern, o.W}, o.dX, false);
                   },
                   [c, &o] { c->weight_gradient(o.Z, o.X, o.pattern, o.dW); }};
  }
  return path;
}

/// Of the wall clock, or of the processor time this process got: the measure on a machine that others use too, sensible
/// for one thread.
double now(bool processor_time) {
  timespec time{};
  clock_gettime(processor_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
}

void measure(const std::string& text, const std::vector<std::string>& names, int rounds, bool processor_time) {
  const ConvolutionProblem problem = parse_convolution_problem(text);
  Operands fp32(problem, Format::fp32);
  std::optional<Operands> fp16;
  if (std::ranges::any_of(names, works_on_fp16)) {
    fp16.emplace(problem, Format::fp16);
  }
  std::vector<Path> paths;
  paths.reserve(names.size());
  for (const std::string& name : names) {
    paths.push_back(make_path(name, problem.geometry, works_on_fp16(name) ? *fp16 : fp32));
  }
  for (int round = -1; round < rounds; ++round) {  // the first warms up
    for (size_t phase = 0; phase < kPhases.size(); ++phase) {
      for (Path& path : paths) {
        const double begin = now(processor_time);
        path.phases[phase]();
        const double taken = now(processor_time) - begin;
        if (round >= 0) {
          path.milliseconds[phase] = std::min(path.milliseconds[phase], taken);
        }
      }
    }
  }
  const double effectual = 2e-6 * static_cast<double>(problem.geometry.dense_macs()) * fp32.pattern->density();
  for (const Path& path : paths) {
    fmt::print("{:32} {:12}", text, path.name);
    for (size_t phase = 0; phase < kPhases.size(); ++phase) {
      fmt::print("  {} {:8.3f} ms {:6.1f} GFLOP/s {:5.2f}x", kPhases[phase], path.milliseconds[phase],
                 effectual / path.milliseconds[phase], paths.back().milliseconds[phase] / path.milliseconds[phase]);
    }
    fmt::print("\n");
    std::fflush(stdout);
  }
}

int run(int argc, char** argv) {
  CLI::App app{
      "Times convolutions. GFLOP/s count effectual work; the factor is the speed against the last path named."};
  std::vector<std::string> problems;
  std::vector<std::string> paths = {"highway", "onednn", "native"};
  int rounds = 15;
  int threads = 0;
  bool processor_time = false;
  app.add_option("problems", problems, "such as n64c64k64h32r3p1d0.1")->required();
  app.add_option("--paths", paths,
                 "of highway, onednn and reference, of these with -fp16 for tensors stored in FP16, of "
                 "half, and of native: oneDNN alone in its own layouts")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--rounds", rounds, "times every phase is run")->check(CLI::PositiveNumber);
  app.add_option("--threads", threads, "0: one for each processor")->check(CLI::NonNegativeNumber);
  app.add_flag("--processor-time", processor_time, "count processor time, not the wall clock; for --threads 1");
  if (!read_options(app, argc, argv)) {
    return 0;
  }
  set_thread_count(threads);
  for (const std::string& problem : problems) {
    measure(problem, paths, rounds, processor_time);
  }
  return 0;
}

}  // namespace
}  // namespace trainer::bench

int main(int argc, char** argv) { return trainer::bench::run_program(trainer::bench::run, argc, argv); }
