// Included once for each instruction set by files that include hwy/foreach_target.h; hence Highway's own guard.
#if defined(TRAINER_KERNELS_CONVOLUTION_OUTPUT_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRAINER_KERNELS_CONVOLUTION_OUTPUT_SUMS_INL_H_
#undef TRAINER_KERNELS_CONVOLUTION_OUTPUT_SUMS_INL_H_
#else
#define TRAINER_KERNELS_CONVOLUTION_OUTPUT_SUMS_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/convolution/tile_kernels.h"
#include "kernels/elementwise/for_each_vector-inl.h"
#include "kernels/elementwise/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {

/// Adds the values of one channel, as they are stored, to its sums: of z - shift and of the squares. For vectors of
/// known size.
class ChannelSums {
  using Floats = hwy::HWY_NAMESPACE::ScalableTag<float>;
  using Vector = hwy::HWY_NAMESPACE::Vec<Floats>;
  static constexpr int64_t kLanes = hwy::HWY_NAMESPACE::MaxLanes(Floats());
  static constexpr int64_t kMostOfLane = 64;  // values that a lane adds up in one go, against rounding

 public:
  /// `lane_sums`: [2][lane].
  HWY_INLINE ChannelSums(float shift, float* lane_sums)
      : shift_(hwy::HWY_NAMESPACE::Set(Floats(), shift)), lane_sums_(lane_sums) {}

  /// Copies and adds; `kPastCaches` as copy_past_caches.
  template <bool kPastCaches, class To>
  HWY_INLINE void copy(const float* from, int64_t count, To* to) {
    namespace hn = hwy::HWY_NAMESPACE;
    const Floats d;
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      if (++added_ > kMostOfLane) {
        flush();
        added_ = 1;
      }
      const Vector z = hn::LoadU(d, from + i);
      if constexpr (kPastCaches) {
        stream(z, d, to + i);
      } else {
        store(z, d, to + i);
      }
      const Vector x = hn::Sub(as_stored(z, d, To()), shift_);
      sum_ = hn::Add(sum_, x);
      squares_ = hn::MulAdd(x, x, squares_);
    }
    if (i < count) {
      copy_rest(from, i, count, to);
    }
  }

  /// Adds what has been copied since the last call to the sums in memory.
  HWY_INLINE void flush() {
    namespace hn = hwy::HWY_NAMESPACE;
    const Floats d;
    hn::StoreU(hn::Add(hn::LoadU(d, lane_sums_), sum_), d, lane_sums_);
    hn::StoreU(hn::Add(hn::LoadU(d, lane_sums_ + kLanes), squares_), d, lane_sums_ + kLanes);
    sum_ = hn::Zero(d);
    squares_ = hn::Zero(d);
  }

 private:
  template <class To>
  HWY_INLINE void copy_rest(const float* from, int64_t begin, int64_t count, To* to) {
    namespace hn = hwy::HWY_NAMESPACE;
    const float shift = hn::GetLane(shift_);
    float* const lane_sums = lane_sums_;
    finish_with_narrower_vectors<8>(
        static_cast<size_t>(begin), static_cast<size_t>(count), [=](auto d, size_t i) HWY_ATTR {
          const auto z = hn::LoadU(d, from + i);
          store(z, d, to + i);
          const auto x = hn::Sub(as_stored(z, d, To()), hn::Set(d, shift));
          hn::StoreU(hn::Add(hn::LoadU(d, lane_sums), x), d, lane_sums);
          hn::StoreU(hn::MulAdd(x, x, hn::LoadU(d, lane_sums + kLanes)), d, lane_sums + kLanes);
        });
  }

  Vector shift_;
  Vector sum_ = hwy::HWY_NAMESPACE::Zero(Floats());
  Vector squares_ = hwy::HWY_NAMESPACE::Zero(Floats());
  int64_t added_ = 0;  // vectors since the last flush
  float* lane_sums_;
};

/// Writes output o of a tile to `output` as unpack does, `runs` runs of `run` values in each row, and adds to its sums.
template <class Value>
HWY_INLINE void copy_and_sum(const UnpackJob& job, int64_t o, int64_t runs, int64_t run, bool past_caches,
                             Value* output) {
  constexpr int64_t kLanes = hwy::HWY_NAMESPACE::MaxLanes(hwy::HWY_NAMESPACE::ScalableTag<float>());
  ChannelSums sums(job.shift[o], job.lane_sums + 2 * o * kLanes);
  for (int64_t i = 0; i < job.rows; ++i) {
    const float* from = job.sums + o * job.output_floats + i * job.row_floats;
    for (int64_t j = 0; j < runs; ++j) {
      Value* to = output + i * job.row_stride + j * job.column_stride;
      if (past_caches) {
        sums.copy<true>(from + j * job.batch, run, to);
      } else {
        sums.copy<false>(from + j * job.batch, run, to);
      }
    }
  }
  sums.flush();
}

inline void add_lane_sums(const float* lane_sums, int64_t outputs, batchnorm::Sums* sums) {
  constexpr int64_t kLanes = hwy::HWY_NAMESPACE::MaxLanes(hwy::HWY_NAMESPACE::ScalableTag<float>());
  for (int64_t o = 0; o < outputs; ++o) {
    batchnorm::Sums total;
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      total.first += static_cast<double>(lane_sums[2 * o * kLanes + lane]);
      total.second += static_cast<double>(lane_sums[(2 * o + 1) * kLanes + lane]);
    }
    sums[o] = total;
  }
}

}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
