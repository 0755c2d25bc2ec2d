#include <cassert>
#include <optional>

#include "base/parallel.h"
#include "training/optimizers/factories.h"
#include "training/optimizers/moment.h"

namespace trainer {
namespace {

/// g += decay * w;  m = momentum * m + g;  w -= rate * (nesterov ? g + momentum * m : m).
/// PyTorch's torch.optim.SGD with dampening 0, whose first m = g is this with m = 0.
class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, std::vector<Parameter*> parameters)
      : options_(options), parameters_(std::move(parameters)) {
    if (options.momentum != 0) {
      momentum_.emplace("momentum", parameters_);
    }
  }

  void step(float rate) override {
    ++steps_;
    for (size_t index = 0; index < parameters_.size(); ++index) {
      Parameter& parameter = *parameters_[index];
      assert(parameter.gradient.size() == parameter.value.size());
      const float decay = parameter.decays ? options_.weight_decay : 0.0F;
      float* w = parameter.value.data();
      const float* g = parameter.gradient.data();
      float* m = momentum_ ? momentum_->of(index) : nullptr;
      parallel_for(static_cast<int64_t>(parameter.value.size()), kUpdateGrain, [&](int64_t begin, int64_t end) {
        const auto count = static_cast<size_t>(end - begin);
        if (m == nullptr) {
          plain({w + begin, count}, g + begin, rate, decay);
        } else if (options_.nesterov) {
          nesterov({w + begin, count}, g + begin, m + begin, rate, decay, options_.momentum);
        } else {
          heavy_ball({w + begin, count}, g + begin, m + begin, rate, decay, options_.momentum);
        }
      });
    }
  }

  void pattern_changed(size_t index, const Pattern& old_pattern) override {
    if (momentum_) {
      momentum_->pattern_changed(index, old_pattern, *parameters_[index]->pattern);
    }
  }

  std::vector<StateArray> state() override {
    std::vector<StateArray> arrays;
    if (momentum_) {
      momentum_->append_state(parameters_, arrays);
    }
    return arrays;
  }

  int64_t steps() const override { return steps_; }
  void set_steps(int64_t steps) override { steps_ = steps; }

 private:
  static void plain(std::span<float> w, const float* g, float rate, float decay) {
    for (size_t i = 0; i < w.size(); ++i) {
      w[i] -= rate * (g[i] + decay * w[i]);
    }
  }

  static void heavy_ball(std::span<float> w, const float* g, float* m, float rate, float decay, float momentum) {
    for (size_t i = 0; i < w.size(); ++i) {
      m[i] = momentum * m[i] + (g[i] + decay * w[i]);
      w[i] -= rate * m[i];
    }
  }

  static void nesterov(std::span<float> w, const float* g, float* m, float rate, float decay, float momentum) {
    for (size_t i = 0; i < w.size(); ++i) {
      const float decayed = g[i] + decay * w[i];
      m[i] = momentum * m[i] + decayed;
      w[i] -= rate * (decayed + momentum * m[i]);
    }
  }

  OptimizerOptions options_;
  std::vector<Parameter*> parameters_;
  std::optional<Moment> momentum_;  // none without momentum
  int64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(const OptimizerOptions& options, std::vector<Parameter*> parameters) {
  return std::make_unique<Sgd>(options, std::move(parameters));
}

}  // namespace trainer
