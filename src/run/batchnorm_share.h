#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "run/figures.h"

namespace trainer {

/// What the BN rows of a processor take of its steps: 0..1 of the total of all rows.
struct BatchNormShare {
  std::string layer;
  Figures figures;
  double time = 0;
  double core_energy = 0;
  double system_energy = 0;
};

/// One of each BN layer, in order of execution. Empty where there is no BN.
std::vector<BatchNormShare> batchnorm_shares(const ProcessorResult& result);

/// All BN layers together; `layer` is empty.
BatchNormShare batchnorm_total(const ProcessorResult& result);

/// {time_share, core_energy_share, system_energy_share, layers: [{layer, time_s, core_energy_J, system_energy_J and the
/// same shares}]}
nlohmann::json batchnorm_json(const ProcessorResult& result);

/// The shares of several processors below each other, in total; empty where none has BN.
std::string batchnorm_table(const std::vector<ProcessorResult>& results);

}  // namespace trainer
