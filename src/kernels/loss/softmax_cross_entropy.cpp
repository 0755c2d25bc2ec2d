#include "kernels/loss/softmax_cross_entropy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"

namespace trainer {
namespace {

/// Fewer are not worth waking another thread: about 20 microseconds of exponentials.
constexpr int64_t kLogitsPerPiece = 2048;

struct ImageLoss {
  double loss = 0;
  bool correct = false;
};

/// One image's logits: `classes` values, `stride` apart.
struct Column {
  const float* logits;
  int64_t classes;
  int64_t stride;

  double operator[](int64_t j) const { return logits[j * stride]; }
};

double largest(const Column& z) {
  double maximum = z[0];
  for (int64_t j = 1; j < z.classes; ++j) {
    maximum = std::max(maximum, z[j]);
  }
  return maximum;
}

/// The first of equal logits wins; a NaN anywhere makes the answer wrong.
bool label_wins(const Column& z, int64_t label) {
  for (int64_t j = 0; j < z.classes; ++j) {
    const bool beaten = j < label ? z[label] > z[j] : z[label] >= z[j];
    if (!beaten) {
      return false;
    }
  }
  return true;
}

/// `dlogits` may be null, or the memory of the logits.
ImageLoss one_image(const Column& z, int64_t label, double smoothing, double images, float* dlogits) {
  const double maximum = largest(z);
  double sum = 0;
  double total = 0;
  for (int64_t j = 0; j < z.classes; ++j) {
    sum += std::exp(z[j] - maximum);
    total += z[j];
  }
  const double log_sum = maximum + std::log(sum);
  const double spread = smoothing / static_cast<double>(z.classes);

  ImageLoss result;
  // -sum_j target_j * (z_j - log_sum); without smoothing other logits must not enter, they may be -infinity.
  result.loss = log_sum - (1 - smoothing) * z[label] - (smoothing > 0 ? spread * total : 0);
  result.correct = label_wins(z, label);
  if (dlogits != nullptr) {
    for (int64_t j = 0; j < z.classes; ++j) {
      const double target = spread + (j == label ? 1 - smoothing : 0);
      dlogits[j * z.stride] = static_cast<float>((std::exp(z[j] - log_sum) - target) / images);
    }
  }
  return result;
}

void check(std::span<const int32_t> labels, int64_t classes, float smoothing) {
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw UsageError(
        fmt::format("label smoothing {} is not in 0 .. 1 (1 excluded): choose for example 0.1", smoothing));
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes) {
      throw UsageError(
          fmt::format("image {} of the batch has label {}, but the network has {} outputs: labels must be 0 to {}; "
                      "give the network "
                      "as many classes as the data set has",
                      i, labels[i], classes, classes - 1));
    }
  }
}

}  // namespace

LossResult softmax_cross_entropy(const Tensor& logits, std::span<const int32_t> labels, float smoothing,
                                 Tensor& dlogits) {
  const Shape shape = logits.shape();
  const auto images = static_cast<int64_t>(labels.size());
  assert(shape.h == 1 && shape.w == 1 && images <= shape.n && (dlogits.empty() || dlogits.shape() == shape));
  check(labels, shape.c, smoothing);

  std::vector<ImageLoss> losses(labels.size());
  const int64_t images_per_piece = std::max<int64_t>(1, kLogitsPerPiece / shape.c);
  parallel_for(images, images_per_piece, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<size_t>(i);
      float* gradient = dlogits.empty() ? nullptr : dlogits.data() + i;
      losses[at] = one_image({logits.data() + i, shape.c, shape.n}, labels[at], static_cast<double>(smoothing),
                             static_cast<double>(images), gradient);
    }
  });
  if (!dlogits.empty()) {
    for (int64_t j = 0; j < shape.c; ++j) {
      std::fill(dlogits.data() + j * shape.n + images, dlogits.data() + (j + 1) * shape.n, 0.0F);
    }
  }

  LossResult result;
  for (const ImageLoss& image : losses) {
    result.mean_loss += image.loss;
    result.correct += image.correct ? 1 : 0;
  }
  if (images > 0) {
    result.mean_loss /= static_cast<double>(images);
  }
  return result;
}

}  // namespace trainer
