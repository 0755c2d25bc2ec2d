#include <cassert>

#include "training/pruning/factories.h"
#include "training/pruning/selection.h"

namespace trainer {
namespace {

/// Rigging the lottery (Evci et al., ICML 2020): drops the smallest weights and grows as many where the gradient of the
/// loss is largest, among all that are pruned after the drop. A weight just dropped may therefore come back; it then
/// counts as kept, with its value and momentum, as in the authors' own program.
class RigL final : public PruningMethod {
 public:
  explicit RigL(const PruningOptions& options) : options_(options) {}

  bool starts_sparse() const override { return true; }
  bool needs_dense_gradient() const override { return true; }

  std::shared_ptr<const Pattern> next_pattern(const PruningView& view, double progress,
                                              Random& /*random*/) const override {
    const Pattern& present = *view.weight.pattern;
    const int64_t changed = drop_count(options_, progress, present.nonzeros());
    if (changed == 0 || present.is_full()) {
      return view.weight.pattern;
    }
    assert(static_cast<int64_t>(view.dense_gradient.size()) == present.size());
    const auto kept = largest_weights(view.weight, static_cast<size_t>(present.nonzeros() - changed));
    const auto pruned = pruned_positions(*pattern_of(present, kept));
    const auto grown = largest_of(pruned, view.dense_gradient, static_cast<size_t>(changed));
    const auto next = pattern_of(present, kept, grown);
    return same_mask(*next, present) ? view.weight.pattern : next;
  }

 private:
  PruningOptions options_;
};

}  // namespace

std::unique_ptr<PruningMethod> make_rigl(const PruningOptions& options) { return std::make_unique<RigL>(options); }

}  // namespace trainer
