// Damaged files must either decode or throw UsageError: never crash, hang, or ask for absurd memory. The sanitizer
// build runs the same tests.
#include <gtest/gtest.h>
#include <png.h>

#include <filesystem>

#include "base/error.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/decode.h"
#include "data/files.h"

namespace trainer {
namespace {

using test::Bytes;
using test::TempFolder;
using test::write_file;

Bytes noise(size_t count) {
  Random random(3);
  Bytes bytes(count);
  for (uint8_t& byte : bytes) {
    byte = static_cast<uint8_t>(random.next());
  }
  return bytes;
}

// One to four bytes changed, sometimes cut short, sometimes with a piece repeated.
Bytes damaged(const Bytes& whole, Random& random) {
  Bytes bytes = whole;
  const uint64_t flips = 1 + random.below(4);
  for (uint64_t i = 0; i < flips; ++i) {
    // Headers are short, so half of the flips are aimed at the first 64 bytes.
    const uint64_t range = random.below(2) == 0 ? std::min<uint64_t>(bytes.size(), 64) : bytes.size();
    bytes[random.below(range)] = static_cast<uint8_t>(random.next());
  }
  if (random.below(4) == 0) {
    bytes.resize(random.below(bytes.size()));
  }
  return bytes;
}

// Whether `action` did not throw; anything but UsageError fails the test.
bool survives(const std::function<void()>& action) {
  try {
    action();
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

TEST(Damage, PngDecodesOrThrows) {
  const std::vector<Bytes> wholes = {
      test::rgb_png(16, 16, noise(768)),
      test::png(16, 16, {.colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 4}, noise(128)),
      test::png(16, 16, {.colour_type = PNG_COLOR_TYPE_GRAY_ALPHA, .depth = 16, .interlaced = true}, noise(1024)),
  };
  Random random(11);
  int errors = 0;
  for (int round = 0; round < 600; ++round) {
    const Bytes bytes = damaged(wholes[static_cast<size_t>(round) % wholes.size()], random);
    for (const int64_t channels : {1, 3}) {
      Image image;
      errors += survives([&] { decode_png(bytes, "a.png", channels, image); }) ? 0 : 1;
    }
  }
  EXPECT_GT(errors, 600);  // nearly all: checksums see to it
}

TEST(Damage, JpegDecodesOrThrows) {
  const std::vector<Bytes> wholes = {test::jpeg(24, 16, 3, noise(1152)), test::jpeg(16, 16, 1, noise(256)),
                                     test::jpeg(16, 16, 4, noise(1024))};
  Random random(12);
  JpegDecoder decoder;
  Image image;
  int errors = 0;
  for (int round = 0; round < 600; ++round) {
    const Bytes bytes = damaged(wholes[static_cast<size_t>(round) % wholes.size()], random);
    for (const int64_t channels : {1, 3}) {
      errors += survives([&] { decoder.decode(bytes, "a.jpg", channels, image); }) ? 0 : 1;
    }
  }
  EXPECT_GT(errors, 100);
  // A decoder that has met damage still decodes.
  decoder.decode(test::jpeg(8, 8, 1, Bytes(64, 50)), "a.jpg", 1, image);
  EXPECT_EQ(image.pixels, Bytes(64, 50));
}

// Damages each file of a folder in turn; the data set must open and read, or throw.
void damage_folder(const std::vector<std::pair<std::string, Bytes>>& files, int rounds) {
  const TempFolder folder;
  for (const auto& [name, bytes] : files) {
    write_file(folder / name, bytes);
  }
  ASSERT_TRUE(survives([&] { open_dataset(folder.name()); }));
  Random random(13);
  int errors = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto& [name, whole] = files[static_cast<size_t>(round) % files.size()];
    write_file(folder / name, damaged(whole, random));
    errors += survives([&] {
      const DataSplit data = open_dataset(folder.name());
      for (const auto& part : {data.train, data.test}) {
        for (int64_t i = 0; i < part->size(); ++i) {
          part->read(i);
          ASSERT_LT(part->label(i), static_cast<int32_t>(part->class_names().size()));
        }
      }
    })
                  ? 0
                  : 1;
    write_file(folder / name, whole);
  }
  EXPECT_GT(errors, rounds / 10);
  EXPECT_LE(errors, rounds);
}

TEST(Damage, IdxOpensOrThrows) {
  const Bytes labels = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1};
  damage_folder({{"train-images-idx3-ubyte", test::idx({10, 4, 4}, noise(160))},
                 {"train-labels-idx1-ubyte", test::idx({10}, labels)},
                 {"t10k-images-idx3-ubyte", test::idx({10, 4, 4}, noise(160))},
                 {"t10k-labels-idx1-ubyte", test::idx({10}, labels)}},
                400);
}

TEST(Damage, GzippedIdxOpensOrThrows) {
  const Bytes labels = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1};
  damage_folder({{"train-images-idx3-ubyte.gz", test::gzipped(test::idx({10, 4, 4}, noise(160)))},
                 {"train-labels-idx1-ubyte.gz", test::gzipped(test::idx({10}, labels))},
                 {"t10k-images-idx3-ubyte.gz", test::gzipped(test::idx({10, 4, 4}, Bytes(160, 7)))},
                 {"t10k-labels-idx1-ubyte.gz", test::gzipped(test::idx({10}, labels))}},
                400);
}

TEST(Damage, NpyOpensOrThrows) {
  damage_folder(
      {{"train-images.npy", test::npy("|u1", "(10, 4, 4, 3)", noise(480))},
       {"train-labels.npy", test::npy("<i2", "(10,)", {0, 0, 1, 0, 2, 0, 3, 0, 0, 0, 1, 0, 2, 0, 3, 0, 0, 0, 1, 0})},
       {"test-images.npy", test::npy("|u1", "(1, 3, 4, 4)", noise(48))},
       {"test-labels.npy", test::npy("|u1", "(1,)", {1})}},
      400);
}

TEST(Damage, CifarOpensOrThrows) {
  Bytes records = noise(size_t{2} * 3073);
  records[0] = 1;
  records[3073] = 9;
  damage_folder({{"data_batch_1.bin", records}, {"test_batch.bin", records}}, 100);
}

TEST(Damage, ImageFolderOpensOrThrows) {
  damage_folder({{"train/a/1.jpg", test::jpeg(16, 16, 3, noise(768))},
                 {"train/a/2.png", test::rgb_png(16, 16, noise(768))},
                 {"train/b/3.jpg", test::jpeg(16, 16, 3, noise(768))},
                 {"test/a/4.jpg", test::jpeg(16, 16, 3, noise(768))}},
                200);
}

}  // namespace
}  // namespace trainer
