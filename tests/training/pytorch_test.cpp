// Ten training steps of a small ResNet against PyTorch (tests/gold/network.py).

#include <gtest/gtest.h>

#include "network/gold_file.h"
#include "network/named/build.h"
#include "training/session.h"
#include "training/small_network.h"

namespace trainer {
namespace {

using test::GoldFile;

const GoldFile& gold() {
  static const GoldFile file(TRAINER_TEST_DATA "/network.gold");
  return file;
}

struct Case {
  std::string optimizer;
  bool pruned;
  KernelPath path;
};

TrainingOptions options_for(const std::string& optimizer) {
  const auto& constants = gold().constants().at(optimizer);
  TrainingOptions options;
  options.optimizer.name = optimizer;
  options.optimizer.weight_decay = constants.at("weight_decay");
  if (optimizer == "sgd") {
    options.optimizer.momentum = constants.at("momentum");
  } else {
    options.optimizer.beta1 = constants.at("beta1");
    options.optimizer.beta2 = constants.at("beta2");
    options.optimizer.epsilon = constants.at("epsilon");
  }
  options.schedule.name = "constant";
  options.schedule.rate = constants.at("rate");
  options.schedule.total_steps = gold().constants().at("steps");
  return options;
}

void load(TrainingSession& session, bool pruned) {
  const auto parameters = session.network().parameters();
  for (size_t index = 0; index < parameters.size(); ++index) {
    Parameter& parameter = *parameters[index];
    if (pruned && parameter.is_weight) {
      const auto mask = gold().values("resnet/mask/" + parameter.name);
      const std::vector<uint8_t> kept(mask.begin(), mask.end());
      session.set_pattern(index, Pattern::from_mask(parameter.pattern->rows(), parameter.pattern->columns(), kept));
    }
    gather(*parameter.pattern, gold().values("resnet/parameter/" + parameter.name), parameter.value);
  }
}

class TenSteps : public testing_helpers::OneThread, public testing::WithParamInterface<Case> {};

TEST_P(TenSteps, AsPyTorch) {
  const auto& [optimizer, pruned, path] = GetParam();
  const std::string run = std::string("resnet/") + (pruned ? "pruned/" : "dense/") + optimizer;
  const auto extents = gold().shape("resnet/images");
  ModelRequest request;
  request.images = {extents[0], extents[1], extents[2], extents[3]};
  request.classes = 5;
  request.width = 8.0 / 64;
  Network network = named::resnet(request, std::vector<int64_t>{1, 1});
  network.plan(request.images, path);
  TrainingSession session(network, options_for(optimizer));
  load(session, pruned);

  const auto images = gold().values("resnet/steps/images");
  const auto labels = gold().labels("resnet/steps/labels");
  const auto losses = gold().values(run + "/losses");
  ASSERT_EQ(losses.size(), 10U);
  const auto pixels = static_cast<size_t>(request.images.size());
  for (size_t step = 0; step < losses.size(); ++step) {
    Batch batch;
    batch.images = test::from_nchw(request.images, images.subspan(step * pixels, pixels));
    const auto first = labels.begin() + static_cast<int64_t>(step) * request.images.n;
    batch.labels.assign(first, first + request.images.n);
    EXPECT_NEAR(session.step(batch).loss, losses[step], 1e-3 * losses[step]) << "step " << step;
  }
  for (const Parameter* parameter : network.parameters()) {
    std::vector<float> value(static_cast<size_t>(parameter->pattern->size()));
    scatter(*parameter->pattern, parameter->value, value);
    const auto expected = gold().values(run + "/final/" + parameter->name);
    ASSERT_EQ(value.size(), expected.size());
    for (size_t i = 0; i < value.size(); ++i) {
      ASSERT_NEAR(value[i], expected[i], 2e-3) << parameter->name << " " << i;
    }
  }
}

std::vector<Case> every_case() {
  std::vector<Case> cases;
  for (const char* optimizer : {"sgd", "adamw"}) {
    for (const bool pruned : {false, true}) {
      for (const KernelPath path : {KernelPath::reference, KernelPath::automatic}) {
        cases.push_back({optimizer, pruned, path});
      }
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Paths, TenSteps, testing::ValuesIn(every_case()), [](const auto& tested) {
  return tested.param.optimizer + (tested.param.pruned ? "_pruned_" : "_dense_") +
         std::string(to_string(tested.param.path));
});

}  // namespace
}  // namespace trainer
