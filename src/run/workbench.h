#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/loader.h"
#include "network/network.h"
#include "processor/simulation.h"
#include "run/config.h"
#include "run/kernel_cache.h"
#include "run/saved_model.h"
#include "run/this_machine.h"
#include "speculation/hook.h"
#include "training/session.h"

namespace trainer {

/// Everything that a configuration stands for, built and ready for the first step.
struct Workbench {
  SavedModel model;
  std::unique_ptr<Network> network;
  KernelCache kernel_cache{cache_folder(), this_machine()};
  std::unique_ptr<TrainingSession> session;  ///< of *network
  std::unique_ptr<Loader> train;
  std::unique_ptr<Loader> test;
  std::unique_ptr<Simulation> simulation;        ///< null without processors
  std::unique_ptr<SpeculatingHook> speculation;  ///< null where training computes everything
  int64_t train_images = 0;
  int64_t steps_per_epoch = 0;
  int64_t total_steps = 0;
  std::vector<std::string> notes;  ///< lines for the user: warnings, where weights came from

  int64_t epochs() const { return (total_steps + steps_per_epoch - 1) / steps_per_epoch; }
};

/// Opens the data, resolves the configuration (resolve.h, choose_kernels.h), builds network, loaders, session and
/// processors. `apply_init` false leaves out --init: a checkpoint will be loaded. Throws UsageError.
Workbench build_workbench(RunConfig& config, bool apply_init);

/// A loader of test images as `model` wants them.
std::unique_ptr<Loader> evaluation_loader(std::shared_ptr<const Dataset> images, const SavedModel& model,
                                          int64_t batch);

}  // namespace trainer
