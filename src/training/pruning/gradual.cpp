#include <algorithm>

#include "training/pruning/factories.h"
#include "training/pruning/selection.h"

namespace trainer {
namespace {

/// Gradual magnitude pruning (Zhu and Gupta, 2017): from begin_at to stop_at the sparsity of a layer rises from 0 to
/// its target as target * (1 - (1 - x)^3), x being the part of that time gone by; the smallest weights go and never
/// return.
class Gradual final : public PruningMethod {
 public:
  explicit Gradual(const PruningOptions& options) : options_(options) {}

  bool starts_sparse() const override { return false; }
  bool needs_dense_gradient() const override { return false; }

  std::shared_ptr<const Pattern> next_pattern(const PruningView& view, double progress,
                                              Random& /*random*/) const override {
    const Pattern& present = *view.weight.pattern;
    const int64_t kept =
        std::min(unpruned_count(density(view.target_density, progress), present.size()), present.nonzeros());
    if (kept == present.nonzeros()) {
      return view.weight.pattern;
    }
    return pattern_of(present, largest_weights(view.weight, static_cast<size_t>(kept)));
  }

 private:
  double density(double target, double progress) const {
    if (progress >= options_.stop_at) {
      return target;
    }
    const double gone = std::max(0.0, (progress - options_.begin_at) / (options_.stop_at - options_.begin_at));
    const double left = 1 - gone;
    return 1 - (1 - target) * (1 - left * left * left);
  }

  PruningOptions options_;
};

}  // namespace

std::unique_ptr<PruningMethod> make_gradual(const PruningOptions& options) {
  return std::make_unique<Gradual>(options);
}

}  // namespace trainer
