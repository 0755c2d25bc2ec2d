#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/program.h"
#include "apps/tiny_data.h"

namespace trainer {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using testing_help::ProgramResult;
using testing_help::run_program;
using testing_help::TemporaryFolder;

struct Misuse {
  std::string name;
  std::vector<std::string> arguments;
  std::string message;
};

class CommandLineMisuse : public testing::TestWithParam<Misuse> {};

/// Status 2, nothing on standard output, one line on standard error, and no run folder left behind.
TEST_P(CommandLineMisuse, IsOneLineAndStatusTwo) {
  const TemporaryFolder folder;
  testing_help::write_tiny_data(folder / "data");
  std::filesystem::create_directories(folder / "full" / "x");
  folder.write("bad.yaml", "epochs: 2\n\nbacth: 8\n");
  folder.write("text", "not a checkpoint");
  const ProgramResult result = run_program(folder.path(), GetParam().arguments);
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, StartsWith("trainer: "));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr(GetParam().message));
  EXPECT_FALSE(std::filesystem::exists(folder / "runs"));
  EXPECT_FALSE(std::filesystem::exists(folder / "new"));
}

std::vector<std::string> on_data(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"train", "--data", "data", "--batch", "8", "--model", "resnet20"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::vector<std::string> on_layer(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"simulate", "--layer", "n2c4k4h5r3"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

INSTANTIATE_TEST_SUITE_P(
    All, CommandLineMisuse,
    testing::Values(
        Misuse{"nothing", {}, "no command; choose train, evaluate, simulate, cost, list, or `trainer --help`"},
        Misuse{"command",
               {"trian"},
               "unknown command 'trian' (did you mean 'train'?); choose train, evaluate, simulate, cost, list"},
        Misuse{"global_option", {"--verson"}, "unknown option --verson (did you mean '--version'?)"},
        Misuse{"option", {"train", "--epocs", "3"}, "unknown option --epocs (did you mean '--epochs'?)"},
        Misuse{"option_with_value", {"train", "--epocs=3"}, "unknown option --epocs (did you mean '--epochs'?)"},
        Misuse{"strange_option", {"train", "--qqqqqqqqq"}, "unknown option --qqqqqqqqq; `trainer train --help`"},
        Misuse{"stray", {"train", "resnet18"}, "unexpected argument 'resnet18'"},
        Misuse{"two_commands", {"list", "models", "train"}, "unexpected argument 'train'"},
        Misuse{"no_value", {"train", "--epochs"}, "--epochs"},
        Misuse{"number", on_data({"--epochs", "many"}), "--epochs: 'many' is not a whole number; give 1 .. 1000000"},
        Misuse{"negative", on_data({"--lr", "-1"}), "--lr: -1 is out of range"},
        Misuse{"precision", on_data({"--precision", "fp4"}),
               "--precision: 'fp4' is not supported; choose fp32, fp16, fp8"},
        Misuse{"fp8_format", on_data({"--precision", "fp8", "--fp8-format", "e4m4,e5m2"}),
               "fp8-format: 'e4m4' is not a format of 8 bits: give eXmY"},
        Misuse{"fp8_format_alone", on_data({"--precision", "fp16", "--fp8-format", "e3m4,e5m2"}),
               "fp8-format: e3m4,e5m2 changes nothing with precision fp16; add --precision fp8"},
        Misuse{"speculation", on_data({"--speculation", "on"}), "--speculation: 'on' is not a class of speculation"},
        Misuse{"kernels", on_data({"--kernels", "cuda"}), "--kernels: 'cuda' is not supported; choose auto"},
        Misuse{"model", on_data({"--model", "resnet19"}), "resnet19"},
        Misuse{"method", on_data({"--method", "magic"}), "magic"},
        Misuse{"optimizer", on_data({"--optimizer", "lion"}), "lion"},
        Misuse{"schedule", on_data({"--schedule", "linear"}), "linear"},
        Misuse{"batch", on_data({"--batch", "97"}), "batch: 97 is more than the 96 training images"},
        Misuse{"data", {"train", "--data", "nowhere", "--out", "new"}, "nowhere"},
        Misuse{"processor", on_data({"--processor", "trainer-29nm", "--out", "new"}), "trainer-29nm"},
        Misuse{"parameter", on_data({"--processor", "trainer-28nm", "--set", "colour=red", "--out", "new"}), "colour"},
        Misuse{"set_alone", on_data({"--set", "a=b"}), "there is no processor"},
        Misuse{"config_key", on_data({"--config", "bad.yaml"}),
               "bad.yaml:3: unknown option 'bacth' (did you mean 'batch'?)"},
        Misuse{"config_file", on_data({"--config", "none.yaml"}), "none.yaml: cannot be read"},
        Misuse{"out_full", on_data({"--out", "full"}),
               "--out: full exists and is not empty; continue it with --resume full or choose another name"},
        Misuse{"out_file", on_data({"--out", "text"}), "--out: text is a file"},
        Misuse{"init", on_data({"--init", "gone"}), "--init: "},
        Misuse{"init_damaged", on_data({"--init", "text"}), "text"},
        Misuse{"resume", {"train", "--resume", "full"}, "--resume: full is not a run folder"},
        Misuse{"resume_and_out", {"train", "--resume", "a", "--out", "b"}, "--out: a run that is resumed"},
        Misuse{"resume_and_config", {"train", "--resume", "a", "--config", "bad.yaml"}, "--config: a run that is"},
        Misuse{"evaluate_nothing", {"evaluate"}, "--model is required"},
        Misuse{"evaluate_gone", {"evaluate", "--model", "gone"}, "--model: gone does not exist"},
        Misuse{"evaluate_folder", {"evaluate", "--model", "full"}, "--model: full has no checkpoint"},
        Misuse{"evaluate_damaged", {"evaluate", "--model", "text"}, "text"},
        Misuse{"evaluate_split", {"evaluate", "--model", "text", "--split", "dev"}, "dev"},
        Misuse{"evaluate_batch", {"evaluate", "--model", "text", "--batch", "0"}, "--batch: 0 is out of range"},
        Misuse{"simulate_nothing", {"simulate"}, "--layer is required"},
        Misuse{
            "simulate_layer", {"simulate", "--layer", "n8c4"}, "--layer: convolution problem 'n8c4': 'k' is missing"},
        Misuse{"simulate_part", {"simulate", "--layer", "n8c4k4h8r3z1"}, "unknown part 'z'"},
        Misuse{"simulate_impossible", {"simulate", "--layer", "n1c1k1h2r3"}, "the kernel is larger"},
        Misuse{"simulate_huge",
               {"simulate", "--layer", "n4096c1024k64h256r3"},
               "--layer: the operands of n4096c1024k64h256r3 have"},
        Misuse{"simulate_density", on_layer({"--density", "x=1.5"}), "--density: x=1.5 is not a share of non-zeros"},
        Misuse{"simulate_density_nan", on_layer({"--density", "x=nan"}), "--density: x=nan is not a share"},
        Misuse{"simulate_density_name", on_layer({"--density", "y=0.5"}),
               "there is no operand 'y'; choose x, w, dz, z"},
        Misuse{"simulate_density_form", on_layer({"--density", "0.5"}), "--density: '0.5' is not NAME=SHARE"},
        Misuse{"simulate_density_twice", on_layer({"--density", "x=0.5,x=0.6"}), "--density: x is given twice"},
        Misuse{"simulate_density_of_layer",
               {"simulate", "--layer", "n1c1k1h3r3d0.5", "--density", "w=0.1"},
               "the layer's d gives the density of W already"},
        Misuse{"simulate_wanted", on_layer({"--density", "z=-1"}), "--density: z=-1 is not a share of wanted outputs"},
        Misuse{"simulate_wanted_where", on_layer({"--density", "z=0.5", "--after", "bn"}),
               "it takes no part in a layer before bn; give --after bn,relu or"},
        Misuse{"simulate_before", on_layer({"--before", "rely"}), "--before: there is no layer 'rely' (did you mean"},
        Misuse{"simulate_after", on_layer({"--after", "bn,softmax"}), "--after: there is no layer 'softmax'"},
        Misuse{"simulate_phase", on_layer({"--phase", "FF,BN"}), "--phase: there is no phase 'BN'"},
        Misuse{"simulate_phase_twice", on_layer({"--phase", "FF,FF"}), "--phase: FF is given twice"},
        Misuse{"simulate_processor", on_layer({"--processor", "trainer-29nm"}), "trainer-29nm"},
        Misuse{"simulate_processor_twice", on_layer({"--processor", "a,a"}), "--processor: a is given twice"},
        Misuse{"simulate_set", on_layer({"--set", "colour=red"}), "colour"},
        Misuse{"simulate_seed", on_layer({"--seed", "-1"}), "--seed: -1 is out of range"},
        Misuse{"list", {"list", "model"}, "list: there is no list of 'model' (did you mean 'models'?)"}),
    [](const auto& misuse) { return misuse.param.name; });

TEST(CommandLine, Version) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program(folder.path(), {"--version"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, testing::MatchesRegex("trainer [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(CommandLine, HelpNamesEveryCommandAndOption) {
  const TemporaryFolder folder;
  const ProgramResult general = run_program(folder.path(), {"--help"});
  EXPECT_EQ(general.status, 0);
  for (const char* command : {"train", "evaluate", "simulate", "list"}) {
    EXPECT_THAT(general.out, HasSubstr(command));
  }
  const ProgramResult train = run_program(folder.path(), {"train", "--help"});
  EXPECT_EQ(train.status, 0);
  for (const char* option : {"--model", "--sparsity", "--processor", "--no-augment", "--resume", "--json"}) {
    EXPECT_THAT(train.out, HasSubstr(option));
  }
}

TEST(CommandLine, ListsEverything) {
  const TemporaryFolder folder;
  const ProgramResult all = run_program(folder.path(), {"list"});
  EXPECT_EQ(all.status, 0);
  for (const char* name : {"resnet18", "fashion-mnist", "trainer-28nm", "dense-28nm", "rigl", "adamw", "convolution"}) {
    EXPECT_THAT(all.out, HasSubstr(name));
  }
  const ProgramResult json = run_program(folder.path(), {"list", "--json"});
  const nlohmann::json document = nlohmann::json::parse(json.out);
  for (const char* what : {"models", "data", "processors", "methods", "optimizers", "schedules", "kernels"}) {
    ASSERT_FALSE(document.at(what).empty()) << what;
    for (const auto& entry : document.at(what)) {
      EXPECT_FALSE(entry.at("name").get<std::string>().empty());
      EXPECT_FALSE(entry.at("summary").get<std::string>().empty());
    }
    const ProgramResult one = run_program(folder.path(), {"list", what, "--json"});
    EXPECT_EQ(nlohmann::json::parse(one.out), document.at(what));
    const ProgramResult lines = run_program(folder.path(), {"list", what});
    EXPECT_EQ(std::count(lines.out.begin(), lines.out.end(), '\n'), static_cast<int64_t>(document.at(what).size()));
  }
}

TEST(CommandLine, AFullDiskIsAFailure) {
  const TemporaryFolder folder;
  std::string command;
  for (const std::string& word : testing_help::program_command({"list"})) {
    command += word + " ";
  }
  command += "> /dev/full 2> " + (folder / "err").string();
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(testing_help::read_text(folder / "err"),
            "trainer: standard output cannot be written: No space left on device\n");
}

}  // namespace
}  // namespace trainer
