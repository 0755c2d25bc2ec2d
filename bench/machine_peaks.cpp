#include "machine_peaks.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "base/parallel.h"
#include "tensor/aligned.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "machine_peaks.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Floats>;
constexpr int64_t kSums = 12;  // more than a multiply-add's latency times their number per cycle, on any CPU

/// Sums of `floats` values in a row, times a factor: one multiply-add for each vector read.
float read(const float* values, int64_t floats) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Vector factor = hn::Set(d, 0.5F);
  Vector sums[kSums];
#pragma GCC unroll 12
  for (int64_t i = 0; i < kSums; ++i) {
    sums[i] = hn::Zero(d);
  }
  for (int64_t at = 0; at + kSums * lanes <= floats; at += kSums * lanes) {
#pragma GCC unroll 12
    for (int64_t i = 0; i < kSums; ++i) {
      sums[i] = hn::MulAdd(factor, hn::Load(d, values + at + i * lanes), sums[i]);
    }
  }
  for (int64_t i = 1; i < kSums; ++i) {
    sums[0] = hn::Add(sums[0], sums[i]);
  }
  return hn::GetLane(hn::SumOfLanes(d, sums[0]));
}

/// `rounds` times kSums multiply-adds on registers; returns how many MACs that were.
int64_t multiply_add(float* result, int64_t rounds) {
  const Floats d;
  Vector a = hn::Set(d, result[0]);
  Vector b = hn::Set(d, result[1]);
  Vector sums[kSums];
#pragma GCC unroll 12
  for (int64_t i = 0; i < kSums; ++i) {
    sums[i] = hn::Set(d, static_cast<float>(i));  // each another value, or one would do for all
  }
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int64_t i = 0; i < kSums; ++i) {
      sums[i] = hn::MulAdd(a, b, sums[i]);
    }
  }
  for (int64_t i = 1; i < kSums; ++i) {
    sums[0] = hn::Add(sums[0], sums[i]);
  }
  result[0] = hn::GetLane(hn::SumOfLanes(d, sums[0]));
  return rounds * kSums * static_cast<int64_t>(hn::Lanes(d));
}

void write(float* values, int64_t floats) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t at = 0; at + lanes <= floats; at += lanes) {
    hn::Stream(hn::Set(d, 1.0F), d, values + at);
  }
  hwy::FlushStream();
}

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(read);
HWY_EXPORT(multiply_add);
HWY_EXPORT(write);

namespace bench {
namespace {

/// The fastest of a few runs of body(thread) on all threads, seconds.
template <typename Body>
double fastest(const Body& body) {
  double best = 1e30;
  for (int run = 0; run < 7; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    parallel_for(thread_count(), 1, [&](int64_t thread, int64_t) { body(static_cast<size_t>(thread)); });
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

}  // namespace

MachinePeaks measure_machine_peaks() {
  constexpr int64_t kMost = int64_t{96} << 20;  // bytes for each thread: more than caches hold
  const auto threads = static_cast<size_t>(thread_count());
  std::vector<AlignedVector<float>> memory(threads, AlignedVector<float>(kMost / sizeof(float), 1.0F));
  std::vector<int64_t> macs(threads);
  const auto read_rate = [&](int64_t bytes, int64_t times) {
    const double seconds = fastest([&](size_t thread) {
      float sum = 0;
      for (int64_t i = 0; i < times; ++i) {
        sum += HWY_DYNAMIC_DISPATCH(read)(memory[thread].data(), bytes / static_cast<int64_t>(sizeof(float)));
      }
      memory[thread][0] = sum > 1e30F ? 0.0F : 1.0F;  // the sums are wanted
    });
    return static_cast<double>(bytes * times) * static_cast<double>(threads) / seconds;
  };

  MachinePeaks peaks;
  const double seconds = fastest(
      [&](size_t thread) { macs[thread] = HWY_DYNAMIC_DISPATCH(multiply_add)(memory[thread].data(), 1 << 20); });
  peaks.macs_per_s = static_cast<double>(macs[0]) * static_cast<double>(threads) / seconds;
  peaks.l1_bytes_per_s = read_rate(12 << 10, 20000);
  peaks.l2_bytes_per_s = read_rate(192 << 10, 800);
  peaks.dram_bytes_per_s = read_rate(kMost, 1);
  const double writing = fastest([&](size_t thread) {
    HWY_DYNAMIC_DISPATCH(write)(memory[thread].data(), kMost / static_cast<int64_t>(sizeof(float)));
  });
  peaks.store_bytes_per_s = static_cast<double>(kMost) * static_cast<double>(threads) / writing;
  return peaks;
}

}  // namespace bench
}  // namespace trainer
#endif
