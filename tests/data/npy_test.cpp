#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "data/dataset.h"
#include "data/files.h"
#include "data/npy_header.h"

namespace trainer {
namespace {

using test::Bytes;
using test::npy;
using test::npy_with_header;
using test::TempFolder;
using test::usage_error;
using test::write_file;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kImages = "train-images.npy";
constexpr const char* kLabels = "train-labels.npy";

// Two 1x2 grey images for each part.
void write_small_arrays(const TempFolder& folder) {
  write_file(folder / kImages, npy("|u1", "(2, 1, 2)", {1, 2, 3, 4}));
  write_file(folder / kLabels, npy("<i8", "(2,)", {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  write_file(folder / "test-images.npy", npy("|u1", "(2, 1, 2)", {5, 6, 7, 8}));
  write_file(folder / "test-labels.npy", npy("|u1", "(2,)", {0, 1}));
}

TEST(Npy, ReadsGreyImages) {
  const TempFolder folder;
  write_small_arrays(folder);
  const DataSplit data = open_dataset(folder.name());
  EXPECT_EQ(data.train->channels(), 1);
  EXPECT_EQ(data.height, 1);
  EXPECT_EQ(data.width, 2);
  EXPECT_THAT(data.train->read(1).pixels, ElementsAre(3, 4));
  EXPECT_EQ(data.train->label(0), 1);
  EXPECT_EQ(data.train->label(1), 0);
  EXPECT_THAT(data.test->read(0).pixels, ElementsAre(5, 6));
  EXPECT_THAT(data.train->class_names(), ElementsAre("0", "1"));
}

TEST(Npy, ChannelsLastAndFirstGiveTheSameImage) {
  // One image of 1 row and 2 pixels: (1, 2, 3) and (4, 5, 6); a second one is added to have two classes.
  const TempFolder last;
  write_small_arrays(last);
  write_file(last / kImages, npy("|u1", "(2, 1, 2, 3)", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  write_file(last / "test-images.npy", npy("|u1", "(2, 1, 2, 3)", Bytes(12)));
  const TempFolder first;
  write_small_arrays(first);
  write_file(first / kImages, npy("|u1", "(2, 3, 1, 2)", {1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12}));
  write_file(first / "test-images.npy", npy("|u1", "(2, 3, 1, 2)", Bytes(12)));
  for (const TempFolder* folder : {&last, &first}) {
    const DataSplit data = open_dataset(folder->name());
    EXPECT_EQ(data.train->channels(), 3);
    EXPECT_EQ(data.height, 1);
    EXPECT_EQ(data.width, 2);
    EXPECT_THAT(data.train->read(0).pixels, ElementsAre(1, 4, 2, 5, 3, 6));
    EXPECT_THAT(data.train->read(1).pixels, ElementsAre(7, 10, 8, 11, 9, 12));
  }
}

TEST(Npy, ReadsEveryIntegerTypeOfLabels) {
  const std::vector<std::pair<std::string, Bytes>> cases = {
      {"|i1", {0, 2}},
      {"|u1", {0, 2}},
      {"<i2", {0, 0, 2, 0}},
      {">u2", {0, 0, 0, 2}},
      {"<u4", {0, 0, 0, 0, 2, 0, 0, 0}},
      {">i4", {0, 0, 0, 0, 0, 0, 0, 2}},
      {">i8", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}},
      {"<u8", {0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}},
  };
  for (const auto& [type, bytes] : cases) {
    for (const char* shape : {"(2,)", "(2, 1)"}) {
      const TempFolder folder;
      write_small_arrays(folder);
      write_file(folder / kLabels, npy(type, shape, bytes));
      const DataSplit data = open_dataset(folder.name());
      EXPECT_EQ(data.train->label(0), 0) << type;
      EXPECT_EQ(data.train->label(1), 2) << type;
      EXPECT_EQ(data.train->class_names().size(), 3U) << type;
    }
  }
}

TEST(Npy, WithoutTestFilesIsSplit) {
  const TempFolder folder;
  Bytes pixels;
  Bytes labels;
  for (uint8_t i = 0; i < 50; ++i) {
    pixels.push_back(i);
    labels.push_back(i % 2);
  }
  write_file(folder / kImages, npy("|u1", "(50, 1, 1)", pixels));
  write_file(folder / kLabels, npy("|u1", "(50,)", labels));
  const DataSplit data = open_dataset(folder.name());
  EXPECT_EQ(data.train->size(), 40);
  EXPECT_EQ(data.test->size(), 10);
  std::set<uint8_t> seen;
  for (const auto& part : {data.train, data.test}) {
    for (int64_t i = 0; i < part->size(); ++i) {
      const uint8_t pixel = part->read(i).pixels[0];
      EXPECT_EQ(part->label(i), pixel % 2);
      seen.insert(pixel);
    }
  }
  EXPECT_EQ(seen.size(), 50U);
}

TEST(Npy, MisuseNamesTheFile) {
  struct Misuse {
    std::string file;
    Bytes bytes;
    std::string says;
  };
  Bytes version4 = npy("|u1", "(2, 1, 2)", {1, 2, 3, 4});
  version4[6] = 4;
  const std::vector<Misuse> cases = {
      {kImages, {}, "ends too early"},
      {kImages, Bytes(100), "not a .npy file"},
      {kImages, version4, ".npy version 4"},
      {kImages, npy("|u1", "(2, 1, 2)", {1, 2, 3}), "ends too early"},
      {kImages, npy("|u1", "(2, 1, 2)", {1, 2, 3, 4, 5}), "longer than its header says"},
      {kImages, npy("<f4", "(2, 1, 2)", Bytes(16)), "type 'f4'"},
      {kImages, npy("|u1", "(2, 2)", {1, 2, 3, 4}), "shape (2, 2)"},
      {kImages, npy("|u1", "(2, 2, 1, 2)", Bytes(8)), "shape (2, 2, 1, 2)"},
      {kImages, npy("|u1", "(0, 1, 2)", {}), "holds nothing"},
      {kImages, npy("|u1", "(2, 99999, 1)", {}), "high and wide"},
      {kImages, npy("|u1", "(999999999999, 9999, 9999)", {}), "impossible size"},
      {kImages, npy("|u1", "(9999999, 300, 300)", Bytes(40)), "ends too early"},
      {kImages, npy("|u1", "(99999999999999999999, 1, 1)", {}), "too large"},
      {kImages, npy("|u1", "(2, 2, 1)", Bytes(4)), "make them equal"},
      {kImages, npy_with_header("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 1, 2), }", Bytes(4)),
       "ascontiguousarray"},
      {kImages, npy_with_header("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (2,), }", {}), "expected"},
      {kImages, npy_with_header("{'descr': '|u1', 'shape': (2, 1, 2), }", {}), "missing"},
      {kImages, npy_with_header("{'descr': '|u1", {}), "quote"},
      {kLabels, npy("<f8", "(2,)", Bytes(16)), "must be integers"},
      {kLabels, npy("<i3", "(2,)", Bytes(6)), "must be integers"},
      {kLabels, npy("|i4", "(2,)", Bytes(8)), "must be integers"},
      {kLabels, npy("|O8", "(2,)", Bytes(16)), "must be integers"},
      {kLabels, npy("<U12", "(2,)", Bytes(96)), "type '<U12'"},
      {kLabels, npy("|u1", "(2, 2)", Bytes(4)), "N or N x 1"},
      {kLabels, npy("|u1", "()", Bytes(1)), "N or N x 1"},
      {kLabels, npy("|u1", "(3,)", {0, 1, 1}), "3 labels for the 2 images"},
      {kLabels, npy("|i1", "(2,)", {0, 255}), "image 1 is negative"},
      {kLabels, npy("<u4", "(2,)", {0, 0, 0, 0, 0, 0, 0, 255}), "image 1 is too large"},
      {kLabels, npy("<u4", "(2,)", {0, 0, 0, 0, 0, 0, 0, 1}), "label 16777216"},
      {kLabels, npy("|u1", "(2,)", {0, 0}), "one class only"},
      {"test-labels.npy", npy("|u1", "(2,)", {0, 2}), "label 2 of image 1 is out of range"},
  };
  for (const Misuse& misuse : cases) {
    const TempFolder folder;
    write_small_arrays(folder);
    write_file(folder / misuse.file, misuse.bytes);
    EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }),
                AllOf(HasSubstr(folder.name()), HasSubstr(misuse.says)));
  }
  for (const char* file : {kImages, kLabels, "test-images.npy", "test-labels.npy"}) {
    const TempFolder folder;
    write_small_arrays(folder);
    std::filesystem::remove(folder / file);
    EXPECT_THAT(usage_error([&] { open_dataset(folder.name()); }), HasSubstr(std::string(file) + ": is missing"));
  }
}

TEST(NpyHeader, ReadsTheLiteral) {
  const NpyHeader header =
      parse_npy_literal("{'shape': (3, 4,), 'fortran_order': True , 'descr': '>i4'}    \n", "file");
  EXPECT_EQ(header.order, '>');
  EXPECT_EQ(header.kind, 'i');
  EXPECT_EQ(header.item_size, 4);
  EXPECT_TRUE(header.fortran_order);
  EXPECT_THAT(header.shape, ElementsAre(3U, 4U));
}

TEST(NpyHeader, CutAnywhereIsAnError) {
  const std::string whole = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 2), }";
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THAT(usage_error([&] { parse_npy_literal(whole.substr(0, length), "a.npy"); }), HasSubstr("a.npy"))
        << length;
  }
}

}  // namespace
}  // namespace trainer
