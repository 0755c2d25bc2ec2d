#include "training/pruning/factories.h"

namespace trainer {
namespace {

/// The mask that training starts with stays: the baseline that a method which moves weights has to beat.
class Static final : public PruningMethod {
 public:
  bool starts_sparse() const override { return true; }
  bool needs_dense_gradient() const override { return false; }

  std::shared_ptr<const Pattern> next_pattern(const PruningView& view, double /*progress*/,
                                              Random& /*random*/) const override {
    return view.weight.pattern;
  }
};

}  // namespace

std::unique_ptr<PruningMethod> make_static(const PruningOptions& /*options*/) { return std::make_unique<Static>(); }

}  // namespace trainer
