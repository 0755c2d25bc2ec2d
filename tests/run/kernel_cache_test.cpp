#include "run/kernel_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "run/temporary_folder.h"
#include "run/this_machine.h"

namespace trainer {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_help::read_text;
using testing_help::TemporaryFolder;

const std::vector<ConvolutionGeometry> kShapes = {parse_convolution_problem("n2c4k4h4r3p1").geometry,
                                                  parse_convolution_problem("n2c4k8h4r1").geometry};

nlohmann::json machine(const std::string& processor) {
  return {{"processor", processor}, {"vectors", "AVX9"}, {"version", "1.2.3"}};
}

void expect_same(const CostModels& a, const CostModels& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [problem, models] : a) {
    for (const ConvolutionPhase phase : kConvolutionPhases) {
      const CostModel& other = b.at(problem)[phase];
      EXPECT_EQ(models[phase].highway.fixed_s, other.highway.fixed_s) << problem;
      EXPECT_EQ(models[phase].highway.per_density_s, other.highway.per_density_s) << problem;
      ASSERT_EQ(models[phase].half.has_value(), other.half.has_value()) << problem;
      if (other.half) {
        EXPECT_EQ(models[phase].half->fixed_s, other.half->fixed_s) << problem;
        EXPECT_EQ(models[phase].half->per_density_s, other.half->per_density_s) << problem;
      }
      EXPECT_EQ(models[phase].onednn_s, other.onednn_s) << problem;
    }
  }
}

class KernelCacheTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::vector<std::string> notes_;
};

TEST_F(KernelCacheTest, WhatIsMeasuredIsKeptToTheLastBit) {
  KernelCache cache(folder_ / "new" / "cache", machine("Some (TM) CPU @ 3 GHz"));
  const CostModels measured = cache.measure(kShapes, Format::fp32, notes_);
  EXPECT_EQ(measured.size(), 2U);
  EXPECT_EQ(cache.file(), folder_ / "new" / "cache" / "kernels-some-tm-cpu-3-ghz-avx9-1.2.3.json");
  EXPECT_THAT(notes_, ElementsAre(testing::AllOf(HasSubstr("kernels of 2 shapes measured in "),
                                                 HasSubstr(cache.file().string()))));
  notes_.clear();
  KernelCache later(folder_ / "new" / "cache", machine("Some (TM) CPU @ 3 GHz"));
  expect_same(later.measure(kShapes, Format::fp32, notes_), measured);
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(KernelCacheTest, OnlyWhatIsMissingIsMeasured) {
  KernelCache cache(folder_.path(), machine("x"));
  const CostModels first = cache.measure(std::span(kShapes).first(1), Format::fp32, notes_);
  const CostModels both = KernelCache(folder_.path(), machine("x")).measure(kShapes, Format::fp32, notes_);
  EXPECT_EQ(both.size(), 2U);
  const std::string problem = to_string(kShapes[0]);
  EXPECT_EQ(both.at(problem)[ConvolutionPhase::feedforward].onednn_s,
            first.at(problem)[ConvolutionPhase::feedforward].onednn_s);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("kernels of 1 shapes"), HasSubstr("kernels of 1 shapes")));
}

TEST_F(KernelCacheTest, FormatsAreKeptBesideEachOther) {
  KernelCache cache(folder_.path(), machine("x"));
  const CostModels fp32 = cache.measure(kShapes, Format::fp32, notes_);
  EXPECT_TRUE(KernelCache(folder_.path(), machine("x")).load(Format::fp16, notes_).empty());
  const CostModels fp16 = KernelCache(folder_.path(), machine("x")).measure(kShapes, Format::fp16, notes_);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr(" s (fp32), kept in "), HasSubstr(" s (fp16), kept in ")));
  notes_.clear();
  KernelCache later(folder_.path(), machine("x"));
  expect_same(later.measure(kShapes, Format::fp16, notes_), fp16);
  expect_same(later.measure(kShapes, Format::fp32, notes_), fp32);
  EXPECT_THAT(notes_, IsEmpty());
}

class Damage : public KernelCacheTest, public testing::WithParamInterface<const char*> {};

TEST_P(Damage, IsToldAndMeasuredAnew) {
  KernelCache cache(folder_.path(), machine("x"));
  cache.measure(kShapes, Format::fp32, notes_);
  notes_.clear();
  std::string text = GetParam();
  if (text == "cut") {
    const std::string whole = read_text(cache.file());
    text = whole.substr(0, whole.size() / 2);
  }
  folder_.write(cache.file().filename().string(), text);
  KernelCache later(folder_.path(), machine("x"));
  EXPECT_EQ(later.measure(kShapes, Format::fp32, notes_).size(), 2U);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr(cache.file().string() + ": damaged"), HasSubstr("kernels of 2 shapes")));
  notes_.clear();
  EXPECT_EQ(KernelCache(folder_.path(), machine("x")).load(Format::fp32, notes_).size(), 2U);
  EXPECT_THAT(notes_, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    All, Damage,
    testing::Values("", "cut", "{}", "[]", "null",
                    R"({"machine": {"processor": "x", "vectors": "AVX9", "version": "1.2.3"}, "models": {"fp32": {}}})",
                    R"({"machine": {"processor": "x", "vectors": "AVX9", "version": "1.2.3"},
                        "models": {"fp16": {}, "fp32": {"n1c1k1h1r1": {"FF": {
                            "highway": {"fixed_s": -1, "per_density_s": 1}, "onednn_s": 1}}}}})"));

TEST_F(KernelCacheTest, AnotherMachinesFileIsNotUsed) {
  KernelCache mine(folder_.path(), machine("x"));
  mine.measure(kShapes, Format::fp32, notes_);
  nlohmann::json document = nlohmann::json::parse(read_text(mine.file()));
  document["machine"]["processor"] = "y";
  folder_.write(mine.file().filename().string(), document.dump());
  notes_.clear();
  EXPECT_THAT(KernelCache(folder_.path(), machine("x")).load(Format::fp32, notes_), IsEmpty());
  EXPECT_THAT(notes_, ElementsAre(HasSubstr(": measured on another machine, not used")));
  // Another processor's name gives another file in the first place.
  EXPECT_NE(KernelCache(folder_.path(), machine("y")).file(), mine.file());
}

TEST_F(KernelCacheTest, AFolderThatCannotBeMadeIsDoneWithout) {
  folder_.write("file", "");
  KernelCache cache(folder_ / "file" / "cache", machine("x"));
  const CostModels measured = cache.measure(kShapes, Format::fp32, notes_);
  EXPECT_EQ(measured.size(), 2U);
  ASSERT_EQ(notes_.size(), 2U);
  EXPECT_THAT(notes_[0],
              testing::AllOf(HasSubstr("measurements of kernels are not kept: "), HasSubstr("TRAINER_CACHE")));
  EXPECT_THAT(notes_[1], testing::Not(HasSubstr("kept in")));
  notes_.clear();
  // Of one process all questions get one answer.
  expect_same(cache.measure(kShapes, Format::fp32, notes_), measured);
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(KernelCacheTest, WithoutAFolderNothingIsWritten) {
  KernelCache cache("", machine("x"));
  EXPECT_EQ(cache.measure(kShapes, Format::fp32, notes_).size(), 2U);
  EXPECT_TRUE(cache.file().empty());
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("kernels of 2 shapes measured in ")));
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(KernelCacheTest, ProcessesThatStartAtOnceShareWhatTheFirstFinds) {
  std::vector<CostModels> found(3);
  std::vector<std::vector<std::string>> notes(3);
  std::vector<std::thread> processes;  // each opens the lock file for itself, as a process would
  for (size_t i = 0; i < found.size(); ++i) {
    processes.emplace_back([&, i] {
      KernelCache cache(folder_.path(), machine("x"));
      found[i] = cache.measure(kShapes, Format::fp32, notes[i]);
    });
  }
  for (std::thread& process : processes) {
    process.join();
  }
  expect_same(found[0], found[1]);
  expect_same(found[0], found[2]);
  EXPECT_EQ(notes[0].size() + notes[1].size() + notes[2].size(), 1U);
}

TEST(ThisMachine, SaysWhatMeasurementsDependOn) {
  const nlohmann::json document = this_machine();
  for (const char* key : {"processor", "vectors", "version", "onednn"}) {
    EXPECT_FALSE(document.at(key).get<std::string>().empty()) << key;
  }
}

/// Sets an environment variable, or with null removes it, while it lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    const char* before = std::getenv(name);
    was_set_ = before != nullptr;
    before_ = was_set_ ? before : "";
    value == nullptr ? unsetenv(name) : setenv(name, value, 1);
  }
  ~Variable() { was_set_ ? setenv(name_, before_.c_str(), 1) : unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  bool was_set_ = false;
  std::string before_;
};

TEST(CacheFolder, FollowsTheEnvironment) {
  const Variable home("HOME", "/home/me");
  const Variable xdg("XDG_CACHE_HOME", nullptr);
  const Variable own("TRAINER_CACHE", nullptr);
  EXPECT_EQ(cache_folder(), "/home/me/.cache/trainer");
  {
    const Variable set("XDG_CACHE_HOME", "relative");
    EXPECT_EQ(cache_folder(), "/home/me/.cache/trainer");
  }
  const Variable set("XDG_CACHE_HOME", "/var/cache/me");
  EXPECT_EQ(cache_folder(), "/var/cache/me/trainer");
  {
    const Variable moved("TRAINER_CACHE", "/elsewhere");
    EXPECT_EQ(cache_folder(), "/elsewhere");
  }
  {
    const Variable off("TRAINER_CACHE", "off");
    EXPECT_EQ(cache_folder(), "");
  }
  const Variable no_xdg("XDG_CACHE_HOME", "");
  const Variable no_home("HOME", nullptr);
  EXPECT_EQ(cache_folder(), "");
}

}  // namespace
}  // namespace trainer
