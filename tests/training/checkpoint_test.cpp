#include "training/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parallel.h"
#include "training/scratch_folder.h"
#include "training/small_network.h"

namespace trainer {
namespace {

class Checkpoint : public testing_helpers::OneThread {};

using testing::HasSubstr;
using testing_helpers::read_bytes;
using testing_helpers::ScratchFolder;
using testing_helpers::small_batch;
using testing_helpers::small_network;
using testing_helpers::small_run;
using testing_helpers::Snapshot;
using testing_helpers::snapshot;
using testing_helpers::train;
using testing_helpers::write_bytes;

std::string refusal(const std::filesystem::path& file, TrainingSession& session) {
  try {
    load_checkpoint(file, session);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST_F(Checkpoint, ARunThatIsResumedEqualsOneThatWasNot) {
  const ScratchFolder folder;
  const auto file = folder.path() / "checkpoint";
  for (const char* method : {"set", "rigl", "gradual", "static"}) {
    for (const char* optimizer : {"sgd", "adamw"}) {
      SCOPED_TRACE(std::string(method) + " " + optimizer);
      const TrainingOptions options = small_run(method, 12, optimizer);
      Network whole_network = small_network(1);
      TrainingSession whole(whole_network, options);
      train(whole, 12);

      Network network = small_network(1);
      TrainingSession session(network, options);
      train(session, 5);
      save_checkpoint(file, session, {{"epoch", 3}, {"name", "x"}});
      const Snapshot saved = snapshot(session);

      Network other_network = small_network(77);  // other values; all must come from the file
      TrainingSession resumed(other_network, options);
      EXPECT_EQ(load_checkpoint(file, resumed), (nlohmann::json{{"epoch", 3}, {"name", "x"}}));
      EXPECT_EQ(snapshot(resumed), saved);
      train(resumed, 12);
      EXPECT_EQ(snapshot(resumed), snapshot(whole));
    }
  }
}

TEST_F(Checkpoint, ARunKilledAtAnyMomentResumes) {
  const ScratchFolder folder;
  const auto file = folder.path() / "checkpoint";
  const TrainingOptions options = small_run("set", 40);
  Network whole_network = small_network(1);
  TrainingSession whole(whole_network, options);
  train(whole, 40);

  // Each process trains and saves after every step until it is killed; the next goes on from what it finds.
  int killed = 0;
  for (int round = 0; round < 6; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        Network network = small_network(1);
        TrainingSession session(network, options);
        if (std::filesystem::exists(file)) {
          load_checkpoint(file, session);
        }
        while (session.steps_done() < 40) {
          session.step(small_batch(session.steps_done()));
          save_checkpoint(file, session, {});
        }
      } catch (...) {
        _exit(1);
      }
      _exit(0);
    }
    int status = 0;
    while (!std::filesystem::exists(file) && waitpid(child, &status, WNOHANG) == 0) {
      usleep(1000);
    }
    usleep(static_cast<useconds_t>(5'000 + 3'919 * round));
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "resuming failed in round " << round;
    killed += WIFSIGNALED(status) ? 1 : 0;
  }
  ASSERT_GT(killed, 0);

  Network network = small_network(1);
  TrainingSession session(network, options);
  load_checkpoint(file, session);
  EXPECT_GT(session.steps_done(), 0);
  train(session, 40);
  EXPECT_EQ(snapshot(session), snapshot(whole));
}

TEST_F(Checkpoint, DamageIsRefusedAndChangesNothing) {
  const ScratchFolder folder;
  const auto file = folder.path() / "checkpoint";
  Network network = small_network(1);
  TrainingSession session(network, small_run("set", 12));
  train(session, 3);
  save_checkpoint(file, session, {});
  train(session, 5);
  const Snapshot before = snapshot(session);

  const std::string whole = read_bytes(file);
  ASSERT_GT(whole.size(), 20'000U);
  const auto damaged = folder.path() / "damaged";
  for (size_t length = 0; length < whole.size(); length += 97) {
    write_bytes(damaged, whole.substr(0, length));
    ASSERT_NE(refusal(damaged, session), "") << length << " bytes";
  }
  for (size_t bit = 0; bit < whole.size() * 8; bit += 997) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    write_bytes(damaged, bytes);
    ASSERT_NE(refusal(damaged, session), "") << "bit " << bit;
  }
  EXPECT_THROW(read_checkpoint_document(damaged), UsageError);
  EXPECT_THROW(load_weights(damaged, network), UsageError);
  EXPECT_EQ(snapshot(session), before);
  EXPECT_EQ(refusal(file, session), "");
  EXPECT_EQ(session.steps_done(), 3);
}

TEST_F(Checkpoint, OfAnotherModelNamesTheFirstDifference) {
  const ScratchFolder folder;
  const auto file = folder.path() / "checkpoint";
  Network network = small_network(1);
  TrainingSession session(network, small_run("set", 12));
  save_checkpoint(file, session, {});

  const auto refused_by = [&](const std::string& model, int64_t classes) {
    ModelRequest request;
    request.name = model;
    request.width = 0.25;
    request.images = {8, 3, 8, 8};
    request.classes = classes;
    Network other = make_model(request);
    other.plan(request.images, KernelPath::reference);
    TrainingSession other_session(other, small_run("set", 12));
    const Snapshot before = snapshot(other_session);
    std::string message = refusal(file, other_session);
    EXPECT_EQ(snapshot(other_session), before);
    EXPECT_THROW(load_weights(file, other), UsageError);
    return message;
  };
  EXPECT_THAT(refused_by("resnet20", 7), HasSubstr("is 'linear.weight' of 5x16 in the file, 'linear.weight' of 7x16"));
  EXPECT_THAT(refused_by("resnet32", 5), HasSubstr("'layer2.0.conv1.weight' of 8x4x3x3 in the file, "
                                                   "'layer1.3.conv1.weight' of 4x4x3x3 in the model"));
}

TEST_F(Checkpoint, OfAnotherOptimizerIsRefused) {
  const ScratchFolder folder;
  const auto file = folder.path() / "checkpoint";
  Network network = small_network(1);
  TrainingSession session(network, small_run("set", 12));
  save_checkpoint(file, session, {});
  Network other = small_network(1);
  TrainingSession adamw(other, small_run("set", 12, "adamw"));
  EXPECT_THAT(refusal(file, adamw), HasSubstr("made with optimiser sgd, this session has adamw; choose sgd"));
  TrainingOptions plain = small_run("set", 12);
  plain.optimizer.momentum = 0;
  TrainingSession without_momentum(other, plain);
  EXPECT_THAT(refusal(file, without_momentum), HasSubstr("which this session's optimiser does not keep"));
}

TEST_F(Checkpoint, WeightsAloneGiveTheSameLogits) {
  const ScratchFolder folder;
  const auto file = folder.path() / "checkpoint";
  Network network = small_network(1);
  TrainingSession session(network, small_run("rigl", 12, "adamw"));
  train(session, 6);
  save_checkpoint(file, session, {{"model", "resnet20"}});
  EXPECT_EQ(read_checkpoint_document(file), (nlohmann::json{{"model", "resnet20"}}));

  Network other = small_network(5);
  load_weights(file, other);
  const Batch batch = small_batch(0);
  const Tensor& expected = network.feedforward(batch.images, false);
  const Tensor& found = other.feedforward(batch.images, false);
  EXPECT_THAT(found.values(), testing::ElementsAreArray(expected.values()));
}

TEST_F(Checkpoint, AMaskThatCameWithTheWeightsIsKept) {
  const ScratchFolder folder;
  const auto file = folder.path() / "checkpoint";
  Network network = small_network(1);
  TrainingSession session(network, small_run("set", 12));
  train(session, 4);
  save_checkpoint(file, session, {});
  Network tuned = small_network(5);
  load_weights(file, tuned);
  TrainingOptions options = small_run("set", 12);
  options.seed = 1234;
  TrainingSession tuning(tuned, options);
  EXPECT_EQ(snapshot(tuning).masks, snapshot(session).masks);
}

TEST_F(Checkpoint, FailsToSaveWithoutAFolder) {
  Network network = small_network(1);
  TrainingSession session(network, small_run("set", 12));
  const ScratchFolder folder;
  EXPECT_THROW(save_checkpoint(folder.path() / "missing" / "checkpoint", session, {}), SystemFailure);
}

}  // namespace
}  // namespace trainer
