#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "data/dataset.h"
#include "data/files.h"

namespace trainer {
namespace {

using test::Bytes;
using test::TempFolder;
using test::usage_error;
using test::write_file;
using testing::AllOf;
using testing::HasSubstr;

// Channel c of a record is filled with `first_value` + c.
void append_record(Bytes& to, const Bytes& labels, uint8_t first_value) {
  to.insert(to.end(), labels.begin(), labels.end());
  for (uint8_t c = 0; c < 3; ++c) {
    to.insert(to.end(), 1024, static_cast<uint8_t>(first_value + c));
  }
}

Bytes record(const Bytes& labels, uint8_t first_value) {
  Bytes bytes;
  append_record(bytes, labels, first_value);
  return bytes;
}

void write_cifar10(const TempFolder& folder) {
  Bytes first = record({3}, 10);
  append_record(first, {9}, 20);
  write_file(folder / "data_batch_1.bin", first);
  write_file(folder / "data_batch_2.bin", record({0}, 30));
  write_file(folder / "test_batch.bin", record({1}, 40));
}

TEST(Cifar10, ReadsRecordsOfAllFilesInOrder) {
  const TempFolder folder;
  write_cifar10(folder);
  const DataSplit data = open_dataset(folder.name());
  ASSERT_EQ(data.train->size(), 3);
  ASSERT_EQ(data.test->size(), 1);
  EXPECT_EQ(data.train->channels(), 3);
  EXPECT_EQ(data.height, 32);
  EXPECT_EQ(data.train->class_names().at(9), "truck");
  EXPECT_EQ(data.train->label(0), 3);
  EXPECT_EQ(data.train->label(1), 9);
  EXPECT_EQ(data.train->label(2), 0);
  const Image image = data.train->read(1);
  EXPECT_EQ(image.pixels.size(), 3072U);
  EXPECT_EQ(image.pixels.front(), 20);
  EXPECT_EQ(image.pixels[1024], 21);
  EXPECT_EQ(image.pixels.back(), 22);
  EXPECT_EQ(data.test->read(0).pixels.front(), 40);
}

TEST(Cifar10, IsFoundInsideOneFolder) {
  const TempFolder folder;
  write_file(folder / "cifar-10-batches-bin/data_batch_1.bin", record({3}, 10));
  write_file(folder / "cifar-10-batches-bin/test_batch.bin", record({3}, 10));
  EXPECT_EQ(open_dataset(folder.name()).train->size(), 1);
}

TEST(Cifar10, TakesClassNamesFromItsFile) {
  const TempFolder folder;
  write_cifar10(folder);
  write_file(folder / "batches.meta.txt", {'a', '\r', '\n', 'b',  '\n', 'c',  '\n', 'd',  '\n', 'e',  '\n',
                                           'f', '\n', 'g',  '\n', 'h',  '\n', 'i',  '\n', 'j',  '\n', '\n'});
  EXPECT_EQ(open_dataset(folder.name()).train->class_names(),
            (std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}));
  write_file(folder / "batches.meta.txt", {'a', '\n', 'b', '\n'});
  EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }), HasSubstr("names 2 classes where there are 10"));
}

TEST(Cifar10, MisuseNamesTheFile) {
  struct Misuse {
    std::string file;
    Bytes bytes;
    std::string says;
  };
  const std::vector<Misuse> cases = {
      {"data_batch_2.bin", {}, "0 bytes"},
      {"data_batch_2.bin", Bytes(3072), "not a whole number of records of 3073 bytes"},
      {"data_batch_2.bin", record({10}, 0), "label 10 of record 0 is out of range"},
      {"data_batch_4.bin", record({1}, 0), "data_batch_3.bin: is missing"},
      {"test_batch.bin", Bytes(5000), "test_batch.bin: holds 5000 bytes"},
  };
  for (const Misuse& misuse : cases) {
    const TempFolder folder;
    write_cifar10(folder);
    write_file(folder / misuse.file, misuse.bytes);
    EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }),
                AllOf(HasSubstr(folder.name()), HasSubstr(misuse.says)));
  }
  const TempFolder folder;
  write_cifar10(folder);
  std::filesystem::remove(folder / "test_batch.bin");
  EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }), HasSubstr("test_batch.bin: is missing"));
  std::filesystem::create_directory(folder / "test_batch.bin");
  EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }), HasSubstr("test_batch.bin: is missing"));
}

TEST(Cifar100, TakesTheFineLabel) {
  const TempFolder folder;
  write_file(folder / "train.bin", record({19, 99}, 50));
  write_file(folder / "test.bin", record({3, 7}, 60));
  const DataSplit data = open_dataset(folder.name());
  EXPECT_EQ(data.train->label(0), 99);
  EXPECT_EQ(data.test->label(0), 7);
  EXPECT_EQ(data.train->read(0).pixels[0], 50);
  EXPECT_EQ(data.train->class_names().size(), 100U);
  write_file(folder / "test.bin", record({3, 100}, 60));
  EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }), HasSubstr("label 100 of record 0"));
  std::filesystem::remove(folder / "test.bin");
  EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }), HasSubstr("test.bin: is missing"));
}

}  // namespace
}  // namespace trainer
