#include "run/config.h"

namespace trainer {

const std::vector<RunOption>& run_options() {
  using C = RunConfig;
  static const std::vector<RunOption> options = {
      {"model", &C::model, "resnet18", "", "network, see `trainer list models`"},
      {"width", &C::width, "1", "", "multiplies every channel count of the network", 0.0625, 16},
      {"data", &C::data, "fashion-mnist", "", "data set, see `trainer list data`, or a folder of images"},
      {"image-size", &C::image_size, "", "the data set's own", "images are resized to SIZE x SIZE, or to HEIGHTxWIDTH"},
      {"init", &C::init, "", "random", "weights to start from: a checkpoint file or a run folder"},

      {"sparsity", &C::sparsity, "0", "", "part of the prunable weights to prune; 0 trains densely", 0, 0.999},
      {"method", &C::method, "set", "", "pruning method, see `trainer list methods`"},
      {"distribution", &C::distribution, "erk", "", "how the sparsity is spread over layers", 0, 0, {"uniform", "erk"}},
      {"start",
       &C::start,
       "",
       "random; magnitude with --init",
       "which weights a mask that starts sparse keeps",
       0,
       0,
       {"random", "magnitude"}},
      {"prune-first-and-last", &C::prune_first_and_last, "false", "",
       "prune the first convolution and the last linear layer too"},
      {"update-interval", &C::update_interval, "100", "", "steps between changes of the mask", 1, 1e9},
      {"update-fraction", &C::update_fraction, "0.3", "", "part of a layer's weights dropped at the first change", 0,
       1},
      {"begin-at", &C::begin_at, "0", "", "part of the run at which gradual pruning begins", 0, 1},
      {"stop-at", &C::stop_at, "0.75", "", "part of the run after which the mask stays", 0, 1},

      {"precision", &C::precision, "fp32", "", "how activations and gradients are stored; arithmetic is FP32", 0, 0,
       {"fp32", "fp16"}},
      {"speculation", &C::speculation, "none", "", "redundancy speculation during training", 0, 0, {"none"}},
      {"processor", &C::processor, "", "none", "processor that observes the run: a name or a YAML file; repeatable"},
      {"set", &C::set, "", "none", "KEY=VALUE overrides a parameter of every processor; repeatable"},
      {"observe-every", &C::observe_every, "10", "", "processors observe one step in so many", 1, 1e9},

      {"epochs", &C::epochs, "10", "", "passes over the training images", 1, 1e6},
      {"max-steps", &C::max_steps, "0", "", "ends the run, and its schedules, after so many steps; 0: no limit", 0,
       1e12},
      {"batch", &C::batch, "64", "", "images per step", 1, 65536},
      {"optimizer", &C::optimizer, "sgd", "", "see `trainer list optimizers`"},
      {"lr", &C::lr, "", "sgd: 0.05 x batch/64, adamw: 0.001; a tenth with --init", "peak learning rate", 1e-12, 1e6},
      {"momentum", &C::momentum, "0.9", "", "of sgd", 0, 0.9999},
      {"nesterov", &C::nesterov, "false", "", "Nesterov momentum for sgd"},
      {"weight-decay", &C::weight_decay, "", "sgd: 0.0005, adamw: 0.01", "of weights alone", 0, 1e3},
      {"schedule", &C::schedule, "cosine", "", "of the learning rate, see `trainer list schedules`"},
      {"warmup", &C::warmup, "", "a tenth of the run, at most 1", "epochs of linear warm-up, may be fractional", 0,
       1e6},
      {"label-smoothing", &C::label_smoothing, "0", "", "part of the target spread over all classes", 0, 0.999},
      {"augment", &C::augment, "true", "", "random crop, and flip where --flip is on"},
      {"flip", &C::flip, "", "on for colour images and fashion-mnist, else off", "random horizontal flip"},
      {"crop-padding", &C::crop_padding, "", "an eighth of the image", "zeros around the image for random crops", 0,
       4096},

      {"seed", &C::seed, "1", "", "of weights, masks, order and augmentation", 0, 9e15},
      {"threads", &C::threads, "", "all processors", "threads; results do not depend on it", 1, 4096, {}, true},
      {"kernels", &C::kernels, "auto", "", "path of the kernels", 0, 0, {"auto", "reference", "highway", "onednn"}},
      {"checkpoint-every",
       &C::checkpoint_every,
       "500",
       "",
       "steps between checkpoints (one at every epoch's end too); 0: epoch ends alone",
       0,
       1e12,
       {},
       true},
      {"keep", &C::keep, "3", "", "how many checkpoints stay", 1, 1e6, {}, true},
      {"evaluate-every", &C::evaluate_every, "1", "", "epochs between evaluations; 0: at the end alone", 0, 1e6},
  };
  return options;
}

}  // namespace trainer
