#include "run/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "run/temporary_folder.h"

namespace trainer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_help::message_of;
using testing_help::TemporaryFolder;

RunConfig unusual_config() {
  RunConfig config = default_config();
  config.model = "resnet20";
  config.data = "/some: folder/#1 with 'quotes'";
  config.image_size = "28x28";
  config.init = "~";
  config.width = 0.3;
  config.lr = 1.0 / 3;
  config.processor = {"trainer-28nm", "/x y/p.yaml"};
  config.set = {"a.b=c, d", "e=[1]"};
  config.nesterov = true;
  config.flip = true;
  config.start = "random";
  config.seed = 123456789012345;
  config.threads = 3;
  return config;
}

TEST(ConfigFile, RoundTrip) {
  const TemporaryFolder folder;
  const RunConfig config = unusual_config();
  const nlohmann::json resolved = {{"version", "1"}, {"processors", {{"p", {{"clock", 1.5}, {"units", {1, 2}}}}}}};
  const auto file = folder.write("run.yaml", config_yaml(config, resolved));
  RunConfig read = default_config();
  read_config_file(file, read);
  EXPECT_EQ(to_json(read), to_json(config));

  const YAML::Node document = YAML::LoadFile(file.string());
  EXPECT_DOUBLE_EQ(document["resolved"]["processors"]["p"]["clock"].as<double>(), 1.5);
  EXPECT_EQ(document["resolved"]["processors"]["p"]["units"][1].as<int>(), 2);
}

TEST(ConfigFile, TheCommandLineWins) {
  const TemporaryFolder folder;
  const auto file = folder.write("c.yaml", "epochs: 3\nbatch: 16\nprocessor: [x, y]\naugment: false\n");
  RunConfig config = default_config();
  const std::string value = "7";
  set_option(config, *find_run_option("epochs"), std::span(&value, 1), "--epochs");
  read_config_file(file, config);
  EXPECT_EQ(config.epochs, 7);
  EXPECT_EQ(config.batch, 16);
  EXPECT_FALSE(config.augment);
  EXPECT_THAT(config.processor, ElementsAre("x", "y"));
  EXPECT_TRUE(config.is_given("batch"));
  EXPECT_FALSE(config.is_given("model"));
}

TEST(ConfigFile, AListMayBeOneValue) {
  const TemporaryFolder folder;
  RunConfig config = default_config();
  read_config_file(folder.write("c.yaml", "processor: trainer-28nm\n"), config);
  EXPECT_THAT(config.processor, ElementsAre("trainer-28nm"));
}

TEST(ConfigFile, AnEmptyFileChangesNothing) {
  const TemporaryFolder folder;
  RunConfig config = default_config();
  read_config_file(folder.write("c.yaml", "# nothing\n"), config);
  EXPECT_EQ(to_json(config), to_json(default_config()));
}

struct FileMisuse {
  std::string text;
  std::string message;  ///< after the file's name
};

class ConfigFileMisuse : public testing::TestWithParam<FileMisuse> {};

TEST_P(ConfigFileMisuse, NamesFileLineAndKey) {
  const TemporaryFolder folder;
  const auto file = folder.write("c.yaml", GetParam().text);
  RunConfig config = default_config();
  const std::string message = message_of<UsageError>([&] { read_config_file(file, config); });
  EXPECT_EQ(message.find(file.string() + ":"), 0U) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_THAT(message.substr(file.string().size()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigFileMisuse,
    testing::Values(FileMisuse{"epochs: 3\n\n# comment\nepocs: 4\n",
                               ":4: unknown option 'epocs' (did you mean 'epochs'?)"},
                    FileMisuse{"epochs: many\n", ":1: epochs: 'many' is not a whole number; give 1 .. 1000000"},
                    FileMisuse{"batch: 8\nsparsity: 1.5\n", ":2: sparsity: 1.5 is out of range; give 0 .. 0.999"},
                    FileMisuse{"batch: 8\nlr:\n", ":2: lr: give a plain value or a list, not nothing"},
                    FileMisuse{"model:\n  name: x\n", ":1: model: give a plain value or a list, not a mapping"},
                    FileMisuse{"epochs: [1, 2]\n", ":1: epochs: give one value, not 2"},
                    FileMisuse{"set: [[a]]\n", ":1: set: every entry of the list must be a plain value"},
                    FileMisuse{"batch: 8\nbatch: 9\n", ":2: 'batch' is given twice; remove one"},
                    FileMisuse{"- epochs\n", ": a configuration is a mapping"},
                    FileMisuse{"epochs: 3\nbatch: {\n", ": not valid YAML"},
                    FileMisuse{"a: b: c\n", ":1: not valid YAML"}));

TEST(ConfigFile, AMistakeIsFoundThoughTheCommandLineWins) {
  const TemporaryFolder folder;
  RunConfig config = default_config();
  const std::string value = "7";
  set_option(config, *find_run_option("epochs"), std::span(&value, 1), "--epochs");
  const auto file = folder.write("c.yaml", "epochs: many\n");
  EXPECT_THROW(read_config_file(file, config), UsageError);
}

TEST(ConfigFile, MissingFileOrFolder) {
  const TemporaryFolder folder;
  RunConfig config = default_config();
  EXPECT_THAT(message_of<UsageError>([&] { read_config_file(folder / "none.yaml", config); }),
              HasSubstr("none.yaml: cannot be read"));
  EXPECT_THAT(message_of<UsageError>([&] { read_config_file(folder.path(), config); }), HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace trainer
