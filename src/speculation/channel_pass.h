#pragma once

#include <cstdint>

/// What speculation does with the outputs of one channel, for the best instruction set of the CPU. Masks hold 64
/// outputs a word, from the lowest bit up.
namespace trainer::speculation {

struct PredictJob {
  int64_t count = 0;
  const float* Z = nullptr;         ///< exact
  const float* Zhat = nullptr;      ///< the estimate
  const float* shortcut = nullptr;  ///< may be null
  // Predicted where scale * Zhat + offset + shortcut < 0.
  float scale = 0;
  float offset = 0;
  float gain = 1;
  float shift = 0;  ///< anything near the mean of Zhat
  bool predict = true;
  const uint64_t* sample = nullptr;  ///< bits of what is audited if predicted
  uint64_t* audited = nullptr;
  uint64_t* skipped = nullptr;
};

/// FP32 within blocks of 4096 values, blocks added in order in FP64.
struct PredictSums {
  double estimate = 0;          ///< sum(Zhat - shift)
  double estimate_squares = 0;  ///< sum((Zhat - shift)^2)
  double mixed = 0;             ///< sum(Z - gain * shift), of skipped outputs gain * Zhat instead of Z
  double mixed_squares = 0;
  double products = 0;  ///< sum(Z * Zhat) over computed outputs
  double squares = 0;   ///< sum(Zhat^2) over them
};
PredictSums predict(const PredictJob& job);

struct JudgeJob {
  int64_t count = 0;
  float* Z = nullptr;           ///< exact on entry; skipped ones become gain * Zhat
  const float* Zhat = nullptr;  ///< the estimate
  const float* shortcut = nullptr;
  float gain = 1;
  // Live where (Z - mean) * scale + beta + shortcut > 0.
  float mean = 0;
  float scale = 0;
  float beta = 0;
  const uint64_t* audited = nullptr;
  const uint64_t* skipped = nullptr;
};
struct JudgeCounts {
  int64_t live = 0;
  int64_t live_audited = 0;
  int64_t live_skipped = 0;
};
JudgeCounts judge_and_mix(const JudgeJob& job);

/// Sets values to 0 where the bit is set.
void clear_skipped(const uint64_t* skipped, int64_t count, float* values);

}  // namespace trainer::speculation
