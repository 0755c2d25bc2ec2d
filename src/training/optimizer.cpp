#include "training/optimizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "training/optimizers/factories.h"

namespace trainer {
namespace {

struct NamedOptimizer {
  NamedSummary listed;
  std::unique_ptr<Optimizer> (*make)(const OptimizerOptions&, std::vector<Parameter*>);
};

constexpr NamedOptimizer kOptimizers[] = {
    {{"sgd", "stochastic gradient descent with momentum (Nesterov's on request)"}, make_sgd},
    {{"adamw", "Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)"}, make_adamw},
};

// Written so that NaN is out of range too.
void require(bool holds, std::string_view option, float value, std::string_view allowed) {
  if (!holds) {
    throw UsageError(fmt::format("optimiser: {} is {}, must be {}", option, value, allowed));
  }
}

void validate(const OptimizerOptions& options) {
  require(options.momentum >= 0 && options.momentum < 1, "momentum", options.momentum, "at least 0 and below 1");
  require(options.beta1 >= 0 && options.beta1 < 1, "beta1", options.beta1, "at least 0 and below 1");
  require(options.beta2 >= 0 && options.beta2 < 1, "beta2", options.beta2, "at least 0 and below 1");
  require(options.epsilon > 0 && options.epsilon < 1, "epsilon", options.epsilon, "above 0 and below 1");
  require(options.weight_decay >= 0 && options.weight_decay <= 1, "weight decay", options.weight_decay,
          "between 0 and 1");
  if (options.nesterov && options.momentum == 0) {
    throw UsageError("optimiser: Nesterov's momentum needs a momentum above 0");
  }
}

}  // namespace

const std::vector<NamedSummary>& optimizer_list() {
  static const std::vector<NamedSummary> list = [] {
    std::vector<NamedSummary> entries;
    for (const NamedOptimizer& entry : kOptimizers) {
      entries.push_back(entry.listed);
    }
    return entries;
  }();
  return list;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<Parameter*> parameters) {
  std::vector<std::string_view> known;
  for (const NamedOptimizer& entry : kOptimizers) {
    if (entry.listed.name == options.name) {
      validate(options);
      return entry.make(options, std::move(parameters));
    }
    known.push_back(entry.listed.name);
  }
  throw UsageError(fmt::format("unknown optimiser '{}'; known: {}", options.name, fmt::join(known, ", ")));
}

}  // namespace trainer
