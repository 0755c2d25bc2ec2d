#include "run/saved_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "run/temporary_folder.h"
#include "training/checkpoint.h"
#include "training/session.h"

namespace trainer {
namespace {

using testing::HasSubstr;
using testing_help::message_of;
using testing_help::TemporaryFolder;

SavedModel small_model(int64_t classes, double width = 0.25) {
  SavedModel model{"resnet20", width, 1, 8, 8, {}, {0.5F}, {0.25F}};
  for (int64_t i = 0; i < classes; ++i) {
    model.classes.push_back("class" + std::to_string(i));
  }
  return model;
}

/// A checkpoint of a pruned network of `model` with random weights.
void save(const std::filesystem::path& file, const SavedModel& model) {
  Network network = make_model(model.request(2, 7));
  network.plan(model.request(2, 7).images, KernelPath::reference);
  TrainingOptions options;
  options.pruning.sparsity = 0.5;
  TrainingSession session(network, options);
  save_checkpoint(file, session, {{"model", to_json(model)}});
}

TEST(SavedModel, RoundTrip) {
  const SavedModel model = small_model(3);
  EXPECT_EQ(to_json(saved_model_from_json(to_json(model))), to_json(model));
}

TEST(Initialise, TakesMasksAndValues) {
  const TemporaryFolder folder;
  save(folder / "a.ckpt", small_model(3));
  const FoundCheckpoint found = find_checkpoint(folder / "a.ckpt", "--init");
  Network network = make_model(small_model(3).request(2, 1));
  EXPECT_EQ(initialise_from(found, small_model(3), network), "weights from " + (folder / "a.ckpt").string());
  Network expected = make_model(small_model(3).request(2, 1));
  load_weights(folder / "a.ckpt", expected);
  bool pruned = false;
  for (size_t i = 0; i < network.parameters().size(); ++i) {
    EXPECT_EQ(network.parameters()[i]->value, expected.parameters()[i]->value);
    EXPECT_EQ(network.parameters()[i]->pattern->mask(), expected.parameters()[i]->pattern->mask());
    pruned = pruned || !network.parameters()[i]->pattern->is_full();
  }
  EXPECT_TRUE(pruned);
}

TEST(Initialise, TheHeadStartsAnewForOtherClasses) {
  const TemporaryFolder folder;
  save(folder / "a.ckpt", small_model(3));
  const FoundCheckpoint found = find_checkpoint(folder / "a.ckpt", "--init");
  Network fresh = make_model(small_model(5).request(2, 1));
  Network network = make_model(small_model(5).request(2, 1));
  EXPECT_THAT(initialise_from(found, small_model(5), network),
              HasSubstr("the head starts anew: it had 3 classes, the data has 5"));
  const auto a = network.parameters();
  const auto b = fresh.parameters();
  ASSERT_EQ(a.back()->name, "linear.bias");
  EXPECT_EQ(a[a.size() - 2]->value, b[b.size() - 2]->value);
  EXPECT_NE(a.front()->value, b.front()->value);
}

TEST(Initialise, RefusesAnotherNetwork) {
  const TemporaryFolder folder;
  save(folder / "a.ckpt", small_model(3));
  const FoundCheckpoint found = find_checkpoint(folder / "a.ckpt", "--init");
  Network wide = make_model(small_model(3, 0.5).request(2, 1));
  EXPECT_THAT(message_of<UsageError>([&] { initialise_from(found, small_model(3, 0.5), wide); }),
              HasSubstr("holds resnet20 (width 0.25), which does not fit resnet20 (width 0.5)"));
  SavedModel colour = small_model(3);
  colour.channels = 3;
  Network colours = make_model(colour.request(2, 1));
  EXPECT_THAT(message_of<UsageError>([&] { initialise_from(found, colour, colours); }),
              HasSubstr("1 colour channels against 3"));
}

TEST(FindCheckpoint, TakesTheNewestReadable) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "checkpoints");
  save(folder / "checkpoints" / "step-00000001.ckpt", small_model(3));
  folder.write("checkpoints/step-00000002.ckpt", "damaged");
  const FoundCheckpoint found = find_checkpoint(folder.path(), "--model");
  EXPECT_EQ(found.file.filename(), "step-00000001.ckpt");
  ASSERT_EQ(found.warnings.size(), 1U);
  EXPECT_THAT(found.warnings[0], HasSubstr("step-00000002.ckpt"));
}

TEST(FindCheckpoint, Misuse) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<UsageError>([&] { find_checkpoint(folder / "none", "--init"); }),
              HasSubstr("--init: " + (folder / "none").string() + " does not exist"));
  EXPECT_THAT(message_of<UsageError>([&] { find_checkpoint(folder.path(), "--init"); }),
              HasSubstr("has no checkpoint in"));
  folder.write("text", "not a checkpoint");
  EXPECT_THROW(find_checkpoint(folder / "text", "--init"), UsageError);
}

}  // namespace
}  // namespace trainer
