// What attaching a processor costs: one ResNet18 (CIFAR stem) training step on synthetic tensors, milliseconds of wall
// clock and of CPU per phase.
//
//   processor_bench [processor] [batch] [weight density] [activation density] [gradient density] [explain]
//                   [key=value ...]
//
// With `explain`, every dataflow is timed too, and the report of --explain-dataflow follows.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "processor/simulation.h"
#include "run/dataflow_report.h"

namespace trainer {
namespace {

struct BenchLayer {
  ContractionLayer layer;
  Tensor X;
  Tensor dZ;
  std::shared_ptr<const Pattern> pattern;
  std::vector<float> weights;
};

std::vector<ContractionLayer> resnet18(int64_t batch) {
  std::vector<ContractionLayer> layers;
  const auto add = [&](const std::string& name, int64_t c, int64_t size, int64_t k, int64_t kernel, int64_t stride) {
    ConvolutionGeometry g{.n = batch, .c = c, .h = size, .w = size, .k = k, .r = kernel, .s = kernel};
    g.stride = stride;
    g.padding = kernel / 2;
    layers.push_back({static_cast<int>(layers.size()), name, false, !layers.empty(), g});
  };
  add("conv1", 3, 32, 64, 3, 1);
  int64_t channels = 64;
  int64_t size = 32;
  for (int stage = 1; stage <= 4; ++stage) {
    const int64_t out = 64 << (stage - 1);
    for (int block = 0; block < 2; ++block) {
      const int64_t stride = stage > 1 && block == 0 ? 2 : 1;
      const std::string name = fmt::format("layer{}.{}", stage, block);
      add(name + ".conv1", channels, size, out, 3, stride);
      add(name + ".conv2", out, size / stride, out, 3, 1);
      if (stride == 2) {
        add(name + ".downsample.0", channels, size, out, 1, 2);
      }
      channels = out;
      size /= stride;
    }
  }
  layers.push_back({static_cast<int>(layers.size()), "fc", true, true, {.n = batch, .c = 512, .k = 10}});
  return layers;
}

Tensor random_tensor(const Shape& shape, float density, Random& random) {
  Tensor tensor(shape);
  for (float& value : tensor.values()) {
    value = random.uniform() < density ? 1.0F : 0.0F;
  }
  return tensor;
}

struct Stopwatch {
  double wall_ms = 0;
  double cpu_ms = 0;

  void run(const std::function<void()>& work) {
    const auto wall = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    work();
    cpu_ms += 1e3 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    wall_ms += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - wall).count();
  }
};

void run(const std::vector<std::string>& arguments) {
  const auto argument = [&](size_t i, const char* otherwise) {
    return i < arguments.size() ? arguments[i] : std::string(otherwise);
  };
  const std::string processor = argument(0, "trainer-28nm");
  const int64_t batch = std::stoll(argument(1, "64"));
  const float weight_density = std::stof(argument(2, "0.1"));
  const float x_density = std::stof(argument(3, "0.5"));
  const float dz_density = std::stof(argument(4, "1"));

  Random random(1);
  std::vector<BenchLayer> layers;
  for (const ContractionLayer& layer : resnet18(batch)) {
    const ConvolutionGeometry& g = layer.geometry;
    BenchLayer bench{layer, {}, {}, nullptr, {}};
    const bool shares_x = layer.name.find("downsample") != std::string::npos;
    bench.X = shares_x ? layers[layers.size() - 2].X : random_tensor(g.input(), x_density, random);
    bench.dZ = random_tensor(g.output(), dz_density, random);
    const float density = layer.index == 0 || layer.is_linear ? 1.0F : weight_density;
    std::vector<uint8_t> kept(static_cast<size_t>(g.weight_rows() * g.weight_columns()));
    for (uint8_t& keep : kept) {
      keep = random.uniform() < density ? 1 : 0;
    }
    bench.pattern = Pattern::from_mask(g.weight_rows(), g.weight_columns(), kept);
    bench.weights.assign(static_cast<size_t>(bench.pattern->nonzeros()), 1.0F);
    layers.push_back(std::move(bench));
  }

  const bool explain = argument(5, "") == "explain";
  const std::vector<std::string> overrides(arguments.begin() + std::min<ptrdiff_t>(6, std::ssize(arguments)),
                                           arguments.end());
  Simulation simulation({{processor, overrides}}, 1, explain);
  const int steps = explain ? 1 : 5;
  std::array<Stopwatch, 4> best;
  double best_cpu = 1e30;
  for (int step = 0; step < steps; ++step) {
    std::array<Stopwatch, 4> watch;  // FF, bitmaps of dZ, WG, BP
    StepHook& hook = *simulation.hook(step);
    hook.begin_step(step);
    for (BenchLayer& b : layers) {
      Tensor none;
      watch[0].run([&] { hook.feedforward(b.layer, b.X, {b.pattern, b.weights}, none); });
    }
    for (size_t i = layers.size(); i-- > 0;) {
      BenchLayer& b = layers[i];
      const WeightView W{b.pattern, b.weights};
      Tensor none;
      watch[1].run([&] { hook.gradient(b.layer, b.X, W, b.dZ); });
      watch[2].run([&] { hook.weight_gradient(b.layer, b.X, W, b.dZ, {}); });
      if (b.layer.has_bp) {
        watch[3].run([&] { hook.backpropagation(b.layer, b.X, W, b.dZ, none); });
      }
    }
    hook.end_step();
    double cpu = 0;
    for (const Stopwatch& part : watch) {
      cpu += part.cpu_ms;
    }
    if (cpu < best_cpu) {
      best_cpu = cpu;
      best = watch;
    }
  }

  fmt::print("ResNet18 (CIFAR), batch {}, densities: weights {}, activations {}, gradients {}; {}; {} threads\n", batch,
             weight_density, x_density, dz_density, processor, thread_count());
  constexpr std::array<const char*, 4> kNames = {"FF with bitmaps of X", "bitmaps of dZ", "WG", "BP"};
  Stopwatch total;
  for (size_t i = 0; i < best.size(); ++i) {
    fmt::print("  {:<22} {:8.2f} ms wall {:8.2f} ms CPU\n", kNames[i], best[i].wall_ms, best[i].cpu_ms);
    total.wall_ms += best[i].wall_ms;
    total.cpu_ms += best[i].cpu_ms;
  }
  fmt::print("  {:<22} {:8.2f} ms wall {:8.2f} ms CPU (best of {} steps)\n", "step", total.wall_ms, total.cpu_ms,
             steps);
  const ProcessorResult result = simulation.results()[0];
  fmt::print("{}", dataflow_report(result));
  std::array<double, kPhases> core{};
  std::array<int64_t, kPhases> cycles{};
  for (const LayerPhaseResult& row : result.rows) {
    core[static_cast<size_t>(row.phase)] += row.core_energy_J;
    cycles[static_cast<size_t>(row.phase)] += row.cycles;
  }
  for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
    fmt::print("  {}: {} cycles, core energy {:.4f} mJ per step\n", to_string(phase),
               cycles[static_cast<size_t>(phase)] / steps, core[static_cast<size_t>(phase)] * 1e3 / steps);
  }
}

}  // namespace
}  // namespace trainer

int main(int count, char** values) {
  try {
    trainer::run(std::vector<std::string>(values + 1, values + count));
  } catch (const trainer::UsageError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "not a valid argument ({})\n", error.what());
    return 2;
  }
  return EXIT_SUCCESS;
}
