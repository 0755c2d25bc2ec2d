#include "data/image_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <filesystem>
#include <set>
#include <thread>

#include "data/files.h"

namespace trainer {
namespace {

using test::Bytes;
using test::grey_png;
using test::rgb_png;
using test::TempFolder;
using test::usage_error;
using test::write_file;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

Bytes red(uint8_t value) { return rgb_png(1, 1, {value, 0, 0}); }

// Labels and first pixels, in order.
std::vector<std::pair<int32_t, int>> content(const Dataset& dataset) {
  std::vector<std::pair<int32_t, int>> all;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    all.emplace_back(dataset.label(i), dataset.read(i).pixels[0]);
  }
  return all;
}

void write_two_classes(const TempFolder& folder) {
  write_file(folder / "train/dog/b.png", red(4));
  write_file(folder / "train/dog/a.png", red(3));
  write_file(folder / "train/cat/z.PNG", red(2));
  write_file(folder / "train/cat/B.png", red(1));
  write_file(folder / "test/dog/1.png", red(6));
  write_file(folder / "test/cat/1.png", red(5));
}

TEST(ImageFolder, OrdersClassesAndFilesByName) {
  const TempFolder folder;
  write_two_classes(folder);
  const DataSplit data = open_dataset(folder.name() + "/");
  EXPECT_THAT(data.train->class_names(), ElementsAre("cat", "dog"));
  using Content = std::vector<std::pair<int32_t, int>>;
  EXPECT_EQ(content(*data.train), (Content{{0, 1}, {0, 2}, {1, 3}, {1, 4}}));
  EXPECT_EQ(content(*data.test), (Content{{0, 5}, {1, 6}}));
  EXPECT_EQ(data.train->channels(), 3);
}

TEST(ImageFolder, IgnoresOtherAndHiddenFiles) {
  const TempFolder folder;
  write_two_classes(folder);
  write_file(folder / "README.md", {'x'});
  write_file(folder / "train/labels.csv", {'x'});
  write_file(folder / "train/dog/notes.txt", {'x'});
  write_file(folder / "train/dog/.hidden.png", {'x'});
  write_file(folder / "train/.cache/x.png", {'x'});
  EXPECT_EQ(open_dataset(folder.name()).train->size(), 4);
}

TEST(ImageFolder, ValStandsInForTest) {
  const TempFolder folder;
  write_two_classes(folder);
  std::filesystem::rename(folder / "test", folder / "val");
  EXPECT_EQ(open_dataset(folder.name()).test->size(), 2);
}

TEST(ImageFolder, ClassFoldersAloneAreSplitEvenWhenWrapped) {
  const TempFolder folder;
  for (int i = 0; i < 10; ++i) {
    write_file(folder / ("Dataset/a/" + std::to_string(i) + ".png"), red(static_cast<uint8_t>(i)));
    write_file(folder / ("Dataset/b/" + std::to_string(i) + ".png"), red(static_cast<uint8_t>(100 + i)));
  }
  write_file(folder / "LICENSE", {'x'});
  const DataSplit wrapped = open_dataset(folder.name());
  const DataSplit direct = open_dataset((folder / "Dataset").string());
  EXPECT_EQ(wrapped.train->size(), 16);
  EXPECT_EQ(wrapped.test->size(), 4);
  EXPECT_EQ(content(*wrapped.train), content(*direct.train));
  EXPECT_EQ(content(*wrapped.test), content(*direct.test));
  std::set<int> seen;
  for (const auto& part : {wrapped.train, wrapped.test}) {
    for (const auto& [label, pixel] : content(*part)) {
      EXPECT_EQ(label, pixel / 100);
      seen.insert(pixel);
    }
  }
  EXPECT_EQ(seen.size(), 20U);
}

TEST(ImageFolder, IsGreyOnlyWhenEveryHeaderLookedAtIs) {
  const TempFolder folder;
  write_file(folder / "train/a/1.png", grey_png(2, 1, {7, 8}));
  write_file(folder / "train/b/1.jpg", test::jpeg(2, 1, 1, {9, 9}));
  write_file(folder / "test/a/1.png", rgb_png(2, 1, {100, 200, 50, 0, 0, 0}));
  const DataSplit grey = open_dataset(folder.name());
  EXPECT_EQ(grey.train->channels(), 1);
  EXPECT_EQ(grey.test->channels(), 1);
  EXPECT_THAT(grey.test->read(0).pixels, ElementsAre(153, 0));  // luma
  EXPECT_EQ(grey.mean.size(), 1U);

  write_file(folder / "train/b/2.png", rgb_png(2, 1, {1, 2, 3, 4, 5, 6}));
  const DataSplit colour = open_dataset(folder.name());
  EXPECT_EQ(colour.train->channels(), 3);
  EXPECT_THAT(colour.train->read(0).pixels, ElementsAre(7, 8, 7, 8, 7, 8));
  EXPECT_EQ(colour.mean.size(), 3U);
}

TEST(ImageFolder, NativeSizeIsTheFirstImages) {
  const TempFolder folder;
  write_two_classes(folder);
  write_file(folder / "train/cat/A.png", rgb_png(3, 2, Bytes(18)));
  const DataSplit data = open_dataset(folder.name());
  EXPECT_EQ(data.height, 2);
  EXPECT_EQ(data.width, 3);
  EXPECT_EQ(data.train->read(1).width, 1);  // read() does not resize
}

TEST(ImageFolder, KeepsDecodedImagesWhereMemoryAllows) {
  const TempFolder folder;
  write_two_classes(folder);
  const std::vector<ImageFile> files = {{"B.png", 0}, {"z.PNG", 0}, {"a.png", 1}};
  const std::string root = (folder / "train").string();
  const ImageFolder kept(root, {"cat", "dog"}, files, 3, 100);
  const ImageFolder not_kept(root, {"cat", "dog"}, files, 3, 9);
  for (const ImageFolder* each : {&kept, &not_kept}) {
    EXPECT_EQ(each->read(2).pixels[0], 3);
  }
  EXPECT_EQ(kept.kept_bytes(), 3);
  EXPECT_EQ(not_kept.kept_bytes(), 0);
  std::filesystem::remove_all(folder / "train");
  EXPECT_EQ(kept.read(2).pixels[0], 3);
  EXPECT_THAT(usage_error([&] { not_kept.read(2); }), HasSubstr("train/dog/a.png: cannot be opened"));
}

TEST(ImageFolder, NeverKeepsMoreThanItsMemory) {
  const TempFolder folder;
  write_file(folder / "a/1.png", grey_png(1, 1, {1}));
  write_file(folder / "a/2.png", grey_png(20, 20, Bytes(400, 2)));
  write_file(folder / "b/3.png", grey_png(10, 10, Bytes(100, 3)));
  const ImageFolder dataset(folder.name(), {"a", "b"}, {{"1.png", 0}, {"2.png", 0}, {"3.png", 1}}, 1, 150);
  for (int round = 0; round < 2; ++round) {
    for (int64_t i = 0; i < 3; ++i) {
      EXPECT_THAT(dataset.read(i).pixels, Each(i + 1));
    }
    EXPECT_EQ(dataset.kept_bytes(), 101);
  }
}

TEST(ImageFolder, ManyThreadsReadTheSameImages) {
  const TempFolder folder;
  std::vector<ImageFile> files;
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::to_string(100 + i) + ".png";
    write_file(folder / ("a/" + name), grey_png(8, 8, Bytes(64, static_cast<uint8_t>(i))));
    files.push_back({name, 0});
  }
  const ImageFolder dataset(folder.name(), {"a"}, files, 3);
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  threads.reserve(wrong.size());
  for (int& mistakes : wrong) {
    threads.emplace_back([&dataset, &mistakes] {
      Image image;
      for (int64_t i = 0; i < 100; ++i) {
        dataset.read_into(i % 20, image);
        mistakes += image.pixels == Bytes(192, static_cast<uint8_t>(i % 20)) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(wrong, Each(0));
  EXPECT_EQ(dataset.kept_bytes(), 20 * 192);
}

TEST(ImageFolder, MisuseSaysWhatToDo) {
  const auto message = [](const std::function<void(const TempFolder&)>& spoil) {
    const TempFolder folder;
    write_two_classes(folder);
    spoil(folder);
    return usage_error([&] { open_dataset(folder.name()); });
  };
  EXPECT_THAT(message([](const auto& f) { std::filesystem::remove_all(f / "test"); }),
              HasSubstr("has train but no test"));
  EXPECT_THAT(message([](const auto& f) { std::filesystem::remove_all(f / "train"); }),
              AllOf(HasSubstr("/train: is missing"), HasSubstr("put the training images there")));
  EXPECT_THAT(message([](const auto& f) { std::filesystem::remove_all(f / "train/dog"); }),
              HasSubstr("holds 1 class folder"));
  EXPECT_THAT(message([](const auto& f) {
                std::filesystem::remove_all(f / "train/dog");
                std::filesystem::remove_all(f / "train/cat");
              }),
              HasSubstr("holds 0 class folder"));
  EXPECT_THAT(message([](const auto& f) { std::filesystem::create_directory(f / "train/empty"); }),
              HasSubstr("train/empty: holds no images"));
  EXPECT_THAT(message([](const auto& f) { write_file(f / "test/bird/1.png", red(1)); }),
              HasSubstr("test/bird: is a class that the training part does not have"));
  EXPECT_THAT(message([](const auto& f) {
                std::filesystem::remove_all(f / "test/dog");
                std::filesystem::remove_all(f / "test/cat");
              }),
              HasSubstr("test: holds no images"));
  EXPECT_THAT(message([](const auto& f) {
                write_file(f / "train/cat/B.png", {1, 2, 3});
              }),
              HasSubstr("train/cat/B.png: is neither a JPEG nor a PNG image"));
}

}  // namespace
}  // namespace trainer
