#include <cassert>
#include <cmath>

#include "base/parallel.h"
#include "training/optimizers/factories.h"
#include "training/optimizers/moment.h"

namespace trainer {
namespace {

/// Loshchilov and Hutter, ICLR 2019, as torch.optim.AdamW computes it at step t (from 1):
/// w *= 1 - rate * decay;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
/// w -= rate / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + epsilon).
///
/// t counts the optimiser's steps, not those of a single weight: a weight that has just grown takes its first steps
/// with moments that are still small, and without the correction for it.
class AdamW final : public Optimizer {
 public:
  AdamW(const OptimizerOptions& options, std::vector<Parameter*> parameters)
      : options_(options), parameters_(std::move(parameters)), first_("m", parameters_), second_("v", parameters_) {}

  void step(float rate) override {
    ++steps_;
    const auto t = static_cast<double>(steps_);
    const auto step_size = static_cast<float>(rate / (1 - std::pow(static_cast<double>(options_.beta1), t)));
    const auto root_correction = static_cast<float>(std::sqrt(1 - std::pow(static_cast<double>(options_.beta2), t)));
    for (size_t index = 0; index < parameters_.size(); ++index) {
      Parameter& parameter = *parameters_[index];
      assert(parameter.gradient.size() == parameter.value.size());
      const float keep = parameter.decays ? 1 - rate * options_.weight_decay : 1.0F;
      float* w = parameter.value.data();
      const float* g = parameter.gradient.data();
      float* m = first_.of(index);
      float* v = second_.of(index);
      parallel_for(static_cast<int64_t>(parameter.value.size()), kUpdateGrain, [&](int64_t begin, int64_t end) {
        update({w + begin, static_cast<size_t>(end - begin)}, g + begin, m + begin, v + begin, keep, step_size,
               root_correction);
      });
    }
  }

  void pattern_changed(size_t index, const Pattern& old_pattern) override {
    first_.pattern_changed(index, old_pattern, *parameters_[index]->pattern);
    second_.pattern_changed(index, old_pattern, *parameters_[index]->pattern);
  }

  std::vector<StateArray> state() override {
    std::vector<StateArray> arrays;
    first_.append_state(parameters_, arrays);
    second_.append_state(parameters_, arrays);
    return arrays;
  }

  int64_t steps() const override { return steps_; }
  void set_steps(int64_t steps) override { steps_ = steps; }

 private:
  void update(std::span<float> w, const float* g, float* m, float* v, float keep, float step_size,
              float root_correction) const {
    const float beta1 = options_.beta1;
    const float beta2 = options_.beta2;
    const float epsilon = options_.epsilon;
    for (size_t i = 0; i < w.size(); ++i) {
      m[i] = beta1 * m[i] + (1 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1 - beta2) * (g[i] * g[i]);
      w[i] = keep * w[i] - step_size * (m[i] / (std::sqrt(v[i]) / root_correction + epsilon));
    }
  }

  OptimizerOptions options_;
  std::vector<Parameter*> parameters_;
  Moment first_;
  Moment second_;
  int64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<Optimizer> make_adamw(const OptimizerOptions& options, std::vector<Parameter*> parameters) {
  return std::make_unique<AdamW>(options, std::move(parameters));
}

}  // namespace trainer
