#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "data/dataset.h"
#include "data/files.h"
#include "data/named.h"

namespace trainer {
namespace {

using test::Bytes;
using test::gzipped;
using test::idx;
using test::TempFolder;
using test::usage_error;
using test::write_file;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Three training images of 2x3 and one test image.
void write_small(const TempFolder& folder) {
  write_file(folder / "train-images-idx3-ubyte",
             idx({3, 2, 3}, {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25}));
  write_file(folder / "train-labels-idx1-ubyte", idx({3}, {2, 0, 1}));
  write_file(folder / "t10k-images-idx3-ubyte", idx({1, 2, 3}, {9, 8, 7, 6, 5, 4}));
  write_file(folder / "t10k-labels-idx1-ubyte", idx({1}, {1}));
}

TEST(Idx, ReadsPixelsLabelsAndNumberedClasses) {
  const TempFolder folder;
  write_small(folder);
  const DataSplit data = open_dataset(folder.name());
  EXPECT_EQ(data.train->size(), 3);
  EXPECT_EQ(data.test->size(), 1);
  EXPECT_EQ(data.train->channels(), 1);
  EXPECT_EQ(data.height, 2);
  EXPECT_EQ(data.width, 3);
  EXPECT_THAT(data.train->class_names(), ElementsAre("0", "1", "2"));
  const Image image = data.train->read(1);
  EXPECT_EQ(image.height, 2);
  EXPECT_EQ(image.width, 3);
  EXPECT_THAT(image.pixels, ElementsAre(10, 11, 12, 13, 14, 15));
  EXPECT_EQ(data.train->label(0), 2);
  EXPECT_EQ(data.train->label(2), 1);
  EXPECT_THAT(data.test->read(0).pixels, ElementsAre(9, 8, 7, 6, 5, 4));
  EXPECT_EQ(data.test->label(0), 1);
}

TEST(Idx, ReadsGzippedFilesAndDottedNames) {
  const TempFolder folder;
  write_file(folder / "train-images-idx3-ubyte.gz", gzipped(idx({2, 1, 2}, {1, 2, 3, 4})));
  write_file(folder / "train-labels.idx1-ubyte", idx({2}, {0, 1}));
  write_file(folder / "t10k-images.idx3-ubyte.gz", gzipped(idx({1, 1, 2}, {5, 6})));
  write_file(folder / "t10k-labels-idx1-ubyte", idx({1}, {0}));
  const DataSplit data = open_dataset(folder.name());
  EXPECT_THAT(data.train->read(1).pixels, ElementsAre(3, 4));
  EXPECT_THAT(data.test->read(0).pixels, ElementsAre(5, 6));
}

struct Misuse {
  std::string file;
  Bytes bytes;
  std::string says;
};

TEST(Idx, MisuseNamesTheFile) {
  const std::vector<Misuse> cases = {
      {"train-images-idx3-ubyte", {}, "ends too early"},
      {"train-images-idx3-ubyte", {0, 0, 8}, "ends too early"},
      {"train-images-idx3-ubyte", idx({3, 2, 3}, {1, 2, 3}), "ends too early"},
      {"train-images-idx3-ubyte", idx({3, 2, 3}, Bytes(19)), "longer than its header says"},
      {"train-images-idx3-ubyte", idx({3, 6}, Bytes(18)), "not an IDX file of bytes with 3 extents"},
      {"train-images-idx3-ubyte", idx({3, 0, 3}, {}), "holds nothing"},
      {"train-images-idx3-ubyte", idx({3, 70000, 3}, {}), "70000x3"},
      {"train-images-idx3-ubyte", idx({0xFFFFFFFFU, 0xFFFFFFFFU, 0xFFFFFFFFU}, {}), "impossible size"},
      {"train-images-idx3-ubyte", idx({0xFFFFFFU, 256, 256}, Bytes(18)), "ends too early"},
      {"train-images-idx3-ubyte", idx({3, 3, 2}, Bytes(18)), "make them equal"},
      {"train-labels-idx1-ubyte", idx({4}, {2, 0, 1, 1}), "4 labels for the 3 images"},
      {"train-labels-idx1-ubyte", idx({3}, {0, 0, 0}), "one class only"},
      {"t10k-labels-idx1-ubyte", idx({1}, {3}), "label 3 of image 0 is out of range"},
  };
  for (const Misuse& misuse : cases) {
    const TempFolder folder;
    write_small(folder);
    write_file(folder / misuse.file, misuse.bytes);
    EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }),
                AllOf(HasSubstr(folder.name()), HasSubstr(misuse.says)));
  }
}

TEST(Idx, MissingFilesAreNamed) {
  for (const char* file :
       {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
    const TempFolder folder;
    write_small(folder);
    std::filesystem::remove(folder / file);
    EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }), AllOf(HasSubstr(folder.name()), HasSubstr(file)));
  }
}

TEST(Idx, TruncatedOrDamagedGzipIsAnError) {
  Bytes pixels(3000);
  for (size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<uint8_t>(i * i % 253);
  }
  const Bytes whole = gzipped(idx({30, 10, 10}, pixels));
  Bytes wrong_checksum = whole;
  wrong_checksum[whole.size() - 8] ^= 1U;
  const Bytes without_length(whole.begin(), whole.end() - 3);
  const Bytes half(whole.begin(), whole.begin() + static_cast<int64_t>(whole.size() / 2));
  for (const Bytes& bytes : {wrong_checksum, without_length, half}) {
    const TempFolder folder;
    write_small(folder);
    std::filesystem::remove(folder / "train-images-idx3-ubyte");
    write_file(folder / "train-images-idx3-ubyte.gz", bytes);
    EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }), HasSubstr("train-images-idx3-ubyte.gz"));
  }
}

TEST(NamedDataset, MissingPackageSaysWhatToInstall) {
  const NamedDataset dataset{.entry = {.name = "shoes", .summary = ""},
                             .folder = "/nowhere/shoes",
                             .package = "dataset-shoes",
                             .class_names = {"left", "right"}};
  EXPECT_THAT(usage_error([&] { read_named(dataset); }),
              AllOf(HasSubstr("shoes"), HasSubstr("/nowhere/shoes"), HasSubstr("apt-get install dataset-shoes")));
}

TEST(NamedDataset, UsesItsClassNames) {
  const TempFolder folder;
  write_small(folder);
  const NamedDataset dataset{.entry = {.name = "shoes", .summary = ""},
                             .folder = folder.name(),
                             .package = "dataset-shoes",
                             .class_names = {"left", "right", "both", "none"}};
  EXPECT_THAT(read_named(dataset).train->class_names(), ElementsAre("left", "right", "both", "none"));
  NamedDataset fewer = dataset;
  fewer.class_names = {"left", "right"};
  EXPECT_THAT(usage_error([&] { read_named(fewer); }), HasSubstr("label 2 of image 0 is out of range"));
}

TEST(FashionMnist, IsWhatDebianInstalls) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    GTEST_SKIP() << "the package dataset-fashion-mnist is not installed";
  }
  const DataSplit data = open_dataset("fashion-mnist");
  EXPECT_EQ(data.train->size(), 60000);
  EXPECT_EQ(data.test->size(), 10000);
  EXPECT_EQ(data.train->channels(), 1);
  EXPECT_EQ(data.height, 28);
  EXPECT_EQ(data.width, 28);
  EXPECT_THAT(data.train->class_names(), ElementsAre("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal",
                                                     "Shirt", "Sneaker", "Bag", "Ankle boot"));
  std::vector<int32_t> first;
  for (int64_t i = 0; i < 8; ++i) {
    first.push_back(data.train->label(i));
    first.push_back(data.test->label(i));
  }
  EXPECT_THAT(first, ElementsAre(9, 9, 0, 2, 0, 1, 3, 1, 0, 6, 2, 1, 7, 4, 2, 6));
  std::vector<int> of_class(10);
  for (int64_t i = 0; i < data.train->size(); ++i) {
    ++of_class[static_cast<size_t>(data.train->label(i))];
  }
  EXPECT_THAT(of_class, testing::Each(6000));
  // The whole set's are known to be 0.2860 and 0.3530; these are of 2,000 images.
  EXPECT_NEAR(data.mean[0], 0.2860F, 0.01F);
  EXPECT_NEAR(data.deviation[0], 0.3530F, 0.01F);
}

}  // namespace
}  // namespace trainer
