#include "data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "data/files.h"

namespace trainer {
namespace {

using test::TempFolder;
using test::usage_error;
using test::write_file;
using testing::AllOf;
using testing::HasSubstr;

TEST(DatasetList, NamesFashionMnist) {
  ASSERT_EQ(dataset_list().size(), 1U);
  EXPECT_EQ(dataset_list()[0].name, "fashion-mnist");
  EXPECT_FALSE(dataset_list()[0].summary.empty());
}

TEST(OpenDataset, WhatIsNotThereIsAnError) {
  EXPECT_THAT(usage_error([] { open_dataset("/nowhere/at/all"); }),
              AllOf(HasSubstr("/nowhere/at/all"), HasSubstr("fashion-mnist")));
  EXPECT_THAT(usage_error([] { open_dataset("fashon-mnist"); }), HasSubstr("check the spelling"));
  EXPECT_THAT(usage_error([] { open_dataset(""); }), HasSubstr("check the spelling"));
}

TEST(OpenDataset, AFileIsAnError) {
  const TempFolder folder;
  write_file(folder / "images.tar", {1});
  EXPECT_THAT(usage_error([&] { open_dataset((folder / "images.tar").string()); }),
              AllOf(HasSubstr("images.tar"), HasSubstr("unpack it")));
}

TEST(OpenDataset, AFolderOfNothingKnownSaysWhatItMayHold) {
  const TempFolder folder;
  EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }),
              AllOf(HasSubstr(folder.name()), HasSubstr("train-images.npy"), HasSubstr("data_batch_1.bin"),
                    HasSubstr("train-images-idx3-ubyte")));
  write_file(folder / "a/deep/er/1.txt", {1});
  EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }), HasSubstr("holds no data set"));
  write_file(folder / "b/1.txt", {1});
  EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }), HasSubstr("holds no data set"));
}

TEST(OpenDataset, TwoFoldersAreNotLookedInto) {
  const TempFolder folder;
  for (const char* name : {"one", "two"}) {
    write_file(folder / (std::string(name) + "/train.bin"), {1});
  }
  EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }), HasSubstr(folder.name() + ": holds no data set"));
}

}  // namespace
}  // namespace trainer
