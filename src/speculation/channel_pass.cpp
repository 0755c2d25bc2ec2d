#include "speculation/channel_pass.h"

#include <algorithm>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "speculation/channel_pass.cpp"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using speculation::JudgeCounts;
using speculation::JudgeJob;
using speculation::PredictJob;
using speculation::PredictSums;

using Floats = hn::CappedTag<float, 64>;
using Vector = hn::Vec<Floats>;
using Mask = hn::Mask<Floats>;

constexpr int64_t kWord = 64;
constexpr int64_t kBlock = 4096;

HWY_INLINE double add_lanes(Vector v) {
  const Floats d;
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  double sum = 0;
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    sum += static_cast<double>(lanes[i]);
  }
  return sum;
}

/// The mask of one vector as the lowest bits.
HWY_INLINE uint64_t bits_of(Mask mask) {
  uint8_t bytes[8] = {};
  hn::StoreMaskBits(Floats(), mask, bytes);
  uint64_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}

/// The mask of one vector from the lowest bits.
HWY_INLINE Mask mask_of(uint64_t bits) {
  uint8_t bytes[8];
  std::memcpy(bytes, &bits, sizeof bits);
  return hn::LoadMaskBits(Floats(), bytes);
}

/// Bit i is set where test(i, vector i of the 64 values) says so.
template <class Test>
HWY_INLINE uint64_t word_of(const Test& test) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Floats()));
  uint64_t word = 0;
  for (int64_t i = 0; i < kWord; i += lanes) {
    word |= bits_of(test(i)) << i;
  }
  return word;
}

struct Accumulators {
  // Written out: a constructor that the compiler makes is not compiled for the target.
  HWY_INLINE Accumulators() {
    estimate = estimate_squares = mixed = mixed_squares = products = squares = hn::Zero(Floats());
  }

  Vector estimate;
  Vector estimate_squares;
  Vector mixed;
  Vector mixed_squares;
  Vector products;
  Vector squares;

  HWY_INLINE void add_to(PredictSums& sums) const {
    sums.estimate += add_lanes(estimate);
    sums.estimate_squares += add_lanes(estimate_squares);
    sums.mixed += add_lanes(mixed);
    sums.mixed_squares += add_lanes(mixed_squares);
    sums.products += add_lanes(products);
    sums.squares += add_lanes(squares);
  }
};

HWY_INLINE uint64_t predicted_word(const PredictJob& job, const float* Zhat, const float* shortcut) {
  const Floats d;
  const Vector scale = hn::Set(d, job.scale);
  const Vector offset = hn::Set(d, job.offset);
  if (shortcut == nullptr) {
    return word_of([=](int64_t i) HWY_ATTR {
      return hn::Lt(hn::MulAdd(hn::LoadU(Floats(), Zhat + i), scale, offset), hn::Zero(Floats()));
    });
  }
  return word_of([=](int64_t i) HWY_ATTR {
    const Vector y = hn::MulAdd(hn::LoadU(Floats(), Zhat + i), scale, offset);
    return hn::Lt(hn::Add(y, hn::LoadU(Floats(), shortcut + i)), hn::Zero(Floats()));
  });
}

/// With stand-ins for the outputs of `not_computed`, which may hold more than the skipped: values that are not there.
HWY_INLINE void add_word(const PredictJob& job, uint64_t not_computed, const float* Z, const float* Zhat,
                         Accumulators& sums) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Vector gain = hn::Set(d, job.gain);
  const Vector shift = hn::Set(d, job.shift);
  const Vector mixed_shift = hn::Set(d, job.gain * job.shift);
  for (int64_t i = 0; i < kWord; i += lanes) {
    const Vector z = hn::LoadU(d, Z + i);
    const Vector zhat = hn::LoadU(d, Zhat + i);
    const Mask stands_in = mask_of(not_computed >> i);
    const Vector mixed = hn::IfThenElse(stands_in, hn::Mul(gain, zhat), z);
    const Vector x = hn::Sub(zhat, shift);
    sums.estimate = hn::Add(sums.estimate, x);
    sums.estimate_squares = hn::MulAdd(x, x, sums.estimate_squares);
    const Vector m = hn::Sub(mixed, mixed_shift);
    sums.mixed = hn::Add(sums.mixed, m);
    sums.mixed_squares = hn::MulAdd(m, m, sums.mixed_squares);
    const Vector computed = hn::IfThenZeroElse(stands_in, zhat);
    sums.products = hn::MulAdd(computed, z, sums.products);
    sums.squares = hn::MulAdd(computed, computed, sums.squares);
  }
}

HWY_INLINE void predict_word(const PredictJob& job, int64_t word, uint64_t valid, const float* Z, const float* Zhat,
                             const float* shortcut, Accumulators& sums) {
  const uint64_t predicted = job.predict ? predicted_word(job, Zhat, shortcut) & valid : 0;
  job.audited[word] = predicted & job.sample[word];
  job.skipped[word] = predicted & ~job.sample[word];
  add_word(job, job.skipped[word] | ~valid, Z, Zhat, sums);
}

PredictSums predict_channel(const PredictJob& job) {
  PredictSums sums;
  const int64_t whole = job.count / kWord * kWord;
  for (int64_t begin = 0; begin < whole; begin += kBlock) {
    Accumulators block;
    for (int64_t i = begin; i < std::min(whole, begin + kBlock); i += kWord) {
      predict_word(job, i / kWord, ~uint64_t{0}, job.Z + i, job.Zhat + i,
                   job.shortcut == nullptr ? nullptr : job.shortcut + i, block);
    }
    block.add_to(sums);
  }
  if (const int64_t rest = job.count - whole; rest > 0) {
    // Filled up so that what is not there adds nothing: Zhat - shift = 0, gain * Zhat - gain * shift = 0.
    float Z[kWord] = {};
    float Zhat[kWord];
    float shortcut[kWord] = {};
    std::fill_n(Zhat, kWord, job.shift);
    std::copy_n(job.Z + whole, rest, Z);
    std::copy_n(job.Zhat + whole, rest, Zhat);
    if (job.shortcut != nullptr) {
      std::copy_n(job.shortcut + whole, rest, shortcut);
    }
    Accumulators block;
    predict_word(job, whole / kWord, (uint64_t{1} << rest) - 1, Z, Zhat, job.shortcut == nullptr ? nullptr : shortcut,
                 block);
    block.add_to(sums);
  }
  return sums;
}

HWY_INLINE uint64_t live_word(const JudgeJob& job, const float* Z, const float* shortcut) {
  const Floats d;
  const Vector mean = hn::Set(d, job.mean);
  const Vector scale = hn::Set(d, job.scale);
  const Vector beta = hn::Set(d, job.beta);
  if (shortcut == nullptr) {
    return word_of([=](int64_t i) HWY_ATTR {
      const Vector y = hn::MulAdd(hn::Sub(hn::LoadU(Floats(), Z + i), mean), scale, beta);
      return hn::Gt(y, hn::Zero(Floats()));
    });
  }
  return word_of([=](int64_t i) HWY_ATTR {
    const Vector y = hn::MulAdd(hn::Sub(hn::LoadU(Floats(), Z + i), mean), scale, beta);
    return hn::Gt(hn::Add(y, hn::LoadU(Floats(), shortcut + i)), hn::Zero(Floats()));
  });
}

HWY_INLINE void mix_word(uint64_t skipped, float gain, const float* Zhat, float* Z) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < kWord; i += lanes) {
    const Vector stand_in = hn::Mul(hn::Set(d, gain), hn::LoadU(d, Zhat + i));
    hn::StoreU(hn::IfThenElse(mask_of(skipped >> i), stand_in, hn::LoadU(d, Z + i)), d, Z + i);
  }
}

JudgeCounts judge_and_mix_channel(const JudgeJob& job) {
  JudgeCounts counts;
  const auto add = [&](int64_t word, uint64_t live) {
    counts.live += std::popcount(live);
    counts.live_audited += std::popcount(live & job.audited[word]);
    counts.live_skipped += std::popcount(live & job.skipped[word]);
  };
  const int64_t whole = job.count / kWord * kWord;
  for (int64_t i = 0; i < whole; i += kWord) {
    add(i / kWord, live_word(job, job.Z + i, job.shortcut == nullptr ? nullptr : job.shortcut + i));
    if (const uint64_t skipped = job.skipped[i / kWord]; skipped != 0) {
      mix_word(skipped, job.gain, job.Zhat + i, job.Z + i);
    }
  }
  if (const int64_t rest = job.count - whole; rest > 0) {
    float Z[kWord] = {};
    float shortcut[kWord] = {};
    std::copy_n(job.Z + whole, rest, Z);
    if (job.shortcut != nullptr) {
      std::copy_n(job.shortcut + whole, rest, shortcut);
    }
    add(whole / kWord, live_word(job, Z, job.shortcut == nullptr ? nullptr : shortcut) & ((uint64_t{1} << rest) - 1));
    for (int64_t i = 0; i < rest; ++i) {
      if (((job.skipped[whole / kWord] >> i) & 1U) != 0) {
        job.Z[whole + i] = job.gain * job.Zhat[whole + i];
      }
    }
  }
  return counts;
}

void clear_values(const uint64_t* skipped, int64_t count, float* values) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t whole = count / kWord * kWord;
  for (int64_t begin = 0; begin < whole; begin += kWord) {
    const uint64_t word = skipped[begin / kWord];
    if (word == 0) {
      continue;
    }
    for (int64_t i = 0; i < kWord; i += lanes) {
      const Vector value = hn::LoadU(d, values + begin + i);
      const Mask clear = mask_of(word >> i);
      // ReLU has done nearly all of it: lines that stay as they are need not be written back.
      if (!hn::AllFalse(d, hn::And(clear, hn::Ne(value, hn::Zero(d))))) {
        hn::StoreU(hn::IfThenZeroElse(clear, value), d, values + begin + i);
      }
    }
  }
  for (int64_t i = whole; i < count; ++i) {
    if (((skipped[whole / kWord] >> (i - whole)) & 1U) != 0) {
      values[i] = 0;
    }
  }
}

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(predict_channel);
HWY_EXPORT(judge_and_mix_channel);
HWY_EXPORT(clear_values);

namespace speculation {

PredictSums predict(const PredictJob& job) { return HWY_DYNAMIC_DISPATCH(predict_channel)(job); }
JudgeCounts judge_and_mix(const JudgeJob& job) { return HWY_DYNAMIC_DISPATCH(judge_and_mix_channel)(job); }
void clear_skipped(const uint64_t* skipped, int64_t count, float* values) {
  HWY_DYNAMIC_DISPATCH(clear_values)(skipped, count, values);
}

}  // namespace speculation
}  // namespace trainer
#endif
