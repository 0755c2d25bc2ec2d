#include <algorithm>

#include "training/pruning/factories.h"
#include "training/pruning/selection.h"

namespace trainer {
namespace {

/// Sparse evolutionary training (Mocanu et al., Nature Communications 2018) with the layer densities and the falling
/// drop fraction that Evci et al. compare it with: drops the smallest weights and grows as many at random, among those
/// that were pruned before (so a weight just dropped does not come straight back).
///
/// Every array it touches has one entry per unpruned weight; no gradient of a pruned weight is ever needed.
class Set final : public PruningMethod {
 public:
  explicit Set(const PruningOptions& options) : options_(options) {}

  bool starts_sparse() const override { return true; }
  bool needs_dense_gradient() const override { return false; }

  std::shared_ptr<const Pattern> next_pattern(const PruningView& view, double progress, Random& random) const override {
    const Pattern& present = *view.weight.pattern;
    const int64_t changed =
        std::min(drop_count(options_, progress, present.nonzeros()), present.size() - present.nonzeros());
    if (changed == 0) {
      return view.weight.pattern;
    }
    const auto kept = largest_weights(view.weight, static_cast<size_t>(present.nonzeros() - changed));
    const auto grown = random_of(pruned_positions(present), static_cast<size_t>(changed), random);
    return pattern_of(present, kept, grown);
  }

 private:
  PruningOptions options_;
};

}  // namespace

std::unique_ptr<PruningMethod> make_set(const PruningOptions& options) { return std::make_unique<Set>(options); }

}  // namespace trainer
