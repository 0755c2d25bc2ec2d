#include "base/error.h"
#include "kernels/loss/softmax_cross_entropy.h"
#include "training/session.h"

namespace trainer {

Evaluation evaluate(Network& network, Loader& loader, const std::function<void(int64_t batch, int64_t of)>& progress) {
  const int64_t batches = loader.batches_per_epoch();
  Evaluation result;
  int64_t correct = 0;
  Tensor no_gradient;
  loader.start(0, 0);
  for (int64_t number = 0; number < batches; ++number) {
    const Batch& batch = loader.next();
    const Tensor& logits = network.feedforward(batch.images, false);
    const LossResult loss = softmax_cross_entropy(logits, batch.labels, 0.0F, no_gradient);
    const auto images = static_cast<int64_t>(batch.labels.size());
    result.loss += loss.mean_loss * static_cast<double>(images);
    result.images += images;
    correct += loss.correct;
    if (progress) {
      progress(number + 1, batches);
    }
  }
  if (result.images == 0) {
    throw UsageError("nothing to evaluate: the data set has no images");
  }
  result.loss /= static_cast<double>(result.images);
  result.accuracy = static_cast<double>(correct) / static_cast<double>(result.images);
  return result;
}

}  // namespace trainer
