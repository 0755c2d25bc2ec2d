#include "data/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <zlib.h>

#include "data/files.h"

namespace trainer {
namespace {

using test::Bytes;
using test::PngFormat;
using test::usage_error;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

Bytes decoded(const Bytes& file, int64_t channels) {
  Image image;
  decode_png(file, "a.png", channels, image);
  EXPECT_EQ(image.channels, channels);
  return image.pixels;
}

Image decoded_jpeg(const Bytes& file, int64_t channels) {
  JpegDecoder decoder;
  Image image;
  decoder.decode(file, "a.jpg", channels, image);
  return image;
}

TEST(Png, RgbBecomesPlanes) {
  const Bytes file = test::rgb_png(2, 1, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(decoded(file, 3), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_FALSE(png_header(file, "a.png").grey);
  EXPECT_EQ(png_header(file, "a.png").width, 2);
}

TEST(Png, RgbToGreyIsLuma) {
  // 0.299 * 100 + 0.587 * 200 + 0.114 * 50 = 29.9 + 117.4 + 5.7 = 153
  EXPECT_THAT(decoded(test::rgb_png(2, 1, {100, 200, 50, 255, 255, 255}), 1), ElementsAre(153, 255));
}

TEST(Png, GreyOfEveryDepth) {
  EXPECT_THAT(decoded(test::grey_png(2, 1, {7, 200}), 1), ElementsAre(7, 200));
  EXPECT_THAT(decoded(test::grey_png(2, 1, {7, 200}), 3), ElementsAre(7, 200, 7, 200, 7, 200));
  EXPECT_TRUE(png_header(test::grey_png(2, 1, {7, 200}), "a.png").grey);
  // 1 bit: 0b101 in the top bits; 4 bits: 0x3, 0xF, scaled by 17.
  EXPECT_THAT(decoded(test::png(3, 1, {.colour_type = PNG_COLOR_TYPE_GRAY, .depth = 1}, {0b10100000}), 1),
              ElementsAre(255, 0, 255));
  EXPECT_THAT(decoded(test::png(2, 1, {.colour_type = PNG_COLOR_TYPE_GRAY, .depth = 4}, {0x3F}), 1),
              ElementsAre(51, 255));
  // 16 bits, rounded: 0x0080 * 255 / 65535 = 0.498 -> 0; 0x0081 -> 0.502 -> 1; 0xFFFF -> 255.
  EXPECT_THAT(
      decoded(test::png(3, 1, {.colour_type = PNG_COLOR_TYPE_GRAY, .depth = 16}, {0x00, 0x80, 0x00, 0x81, 0xFF, 0xFF}),
              1),
      ElementsAre(0, 1, 255));
}

TEST(Png, AlphaIsDropped) {
  EXPECT_THAT(decoded(test::png(2, 1, {.colour_type = PNG_COLOR_TYPE_RGB_ALPHA}, {1, 2, 3, 0, 4, 5, 6, 255}), 3),
              ElementsAre(1, 4, 2, 5, 3, 6));
  const Bytes grey = test::png(2, 1, {.colour_type = PNG_COLOR_TYPE_GRAY_ALPHA}, {9, 0, 8, 128});
  EXPECT_THAT(decoded(grey, 1), ElementsAre(9, 8));
  EXPECT_TRUE(png_header(grey, "a.png").grey);
}

TEST(Png, PaletteIsColour) {
  // Colour i is (i, 2 i, 255 - i).
  EXPECT_THAT(decoded(test::png(2, 1, {.colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 8}, {5, 100}), 3),
              ElementsAre(5, 100, 10, 200, 250, 155));
  const Bytes packed = test::png(2, 1, {.colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 4}, {0x2F});
  EXPECT_THAT(decoded(packed, 3), ElementsAre(2, 15, 4, 30, 253, 240));
  EXPECT_FALSE(png_header(packed, "a.png").grey);
}

TEST(Png, InterlacedGivesTheSamePixels) {
  Bytes pixels;
  for (int i = 0; i < 9 * 11; ++i) {
    pixels.push_back(static_cast<uint8_t>(i));
  }
  const PngFormat format{.colour_type = PNG_COLOR_TYPE_GRAY, .interlaced = true};
  EXPECT_THAT(decoded(test::png(9, 11, format, pixels), 1), ElementsAreArray(pixels));
}

TEST(Png, CutAnywhereIsAnError) {
  const Bytes whole = test::rgb_png(3, 2, Bytes(18, 77));
  for (size_t length = 4; length < whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<int64_t>(length));
    EXPECT_THAT(usage_error([&] { decoded(cut, 3); }), HasSubstr("a.png: damaged PNG image")) << length;
  }
}

TEST(Png, ImpossibleSizeIsRefusedBeforeItIsAllocated) {
  Bytes file = test::grey_png(4, 4, Bytes(16));
  // Width and height stand at bytes 16 and 20, the header's checksum at 29.
  file[17] = file[21] = 0;
  file[18] = file[22] = 0xF0;
  const auto checksum = static_cast<uint32_t>(crc32(0, file.data() + 12, 17));
  for (size_t i = 0; i < 4; ++i) {
    file[29 + i] = static_cast<uint8_t>(checksum >> (24 - 8 * i));
  }
  EXPECT_THAT(usage_error([&] { decoded(file, 1); }), HasSubstr("cannot hold 61444x61444 pixels"));
}

TEST(Jpeg, FlatColourIsExact) {
  Bytes pixels;
  for (int i = 0; i < 16 * 16; ++i) {
    pixels.insert(pixels.end(), {200, 200, 200});
  }
  const Image image = decoded_jpeg(test::jpeg(16, 16, 3, pixels), 3);
  EXPECT_EQ(image.height, 16);
  EXPECT_THAT(image.pixels, testing::Each(200));
}

TEST(Jpeg, ColoursComeBackInPlaces) {
  // Left half red, right half blue, at quality 100: within rounding of the colour transform and the DCT.
  Bytes pixels;
  for (int i = 0; i < 8 * 16; ++i) {
    const bool left = i % 16 < 8;
    pixels.insert(pixels.end(), {static_cast<uint8_t>(left ? 250 : 10), 20, static_cast<uint8_t>(left ? 30 : 240)});
  }
  const Image image = decoded_jpeg(test::jpeg(16, 8, 3, pixels), 3);
  ASSERT_EQ(image.pixels.size(), 3U * 8 * 16);
  for (size_t p = 0; p < 8 * 16; ++p) {
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(image.pixels[c * 128 + p], pixels[3 * p + c], 3) << c << ' ' << p;
    }
  }
}

TEST(Jpeg, GreyToColourAndBack) {
  Bytes pixels;
  for (int i = 0; i < 8 * 8; ++i) {
    pixels.push_back(static_cast<uint8_t>(4 * (i % 8) + 100));
  }
  const Bytes file = test::jpeg(8, 8, 1, pixels);
  EXPECT_TRUE(JpegDecoder().header(file, "a.jpg").grey);
  const Image grey = decoded_jpeg(file, 1);
  const Image colour = decoded_jpeg(file, 3);
  ASSERT_EQ(colour.pixels.size(), 192U);
  for (size_t p = 0; p < 64; ++p) {
    EXPECT_NEAR(grey.pixels[p], pixels[p], 1);
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(colour.pixels[64 * c + p], grey.pixels[p]);
    }
  }
  Bytes rgb;
  for (int i = 0; i < 64; ++i) {
    rgb.insert(rgb.end(), {100, 200, 50});
  }
  const Image luma = decoded_jpeg(test::jpeg(8, 8, 3, rgb), 1);
  EXPECT_NEAR(luma.pixels[0], 153, 1);
}

TEST(Jpeg, CmykBecomesLightThatInkLeaves) {
  Bytes cmyk;
  for (int i = 0; i < 64; ++i) {
    cmyk.insert(cmyk.end(), {255, 128, 0, 200});
  }
  const Image image = decoded_jpeg(test::jpeg(8, 8, 4, cmyk), 3);
  ASSERT_EQ(image.pixels.size(), 192U);
  EXPECT_NEAR(image.pixels[0], 200, 2);                 // 255 * 200 / 255
  EXPECT_NEAR(image.pixels[64], 128 * 200 / 255.0, 2);  // 100.4
  EXPECT_NEAR(image.pixels[128], 0, 2);
}

TEST(Jpeg, CutAnywhereIsAnError) {
  Bytes pixels;
  for (int i = 0; i < 16 * 16 * 3; ++i) {
    pixels.push_back(static_cast<uint8_t>(i * 37));
  }
  const Bytes whole = test::jpeg(16, 16, 3, pixels);
  for (size_t length = 3; length + 1 < whole.size(); length += 1 + length / 100) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<int64_t>(length));
    EXPECT_THAT(usage_error([&] { decoded_jpeg(cut, 3); }), HasSubstr("a.jpg: damaged JPEG image")) << length;
  }
}

TEST(Jpeg, ImpossibleSizeIsRefusedBeforeItIsAllocated) {
  Bytes file = test::jpeg(8, 8, 1, Bytes(64, 9));
  // The frame header: FF C0, two bytes of length, depth, height, width.
  for (size_t i = 0; i + 8 < file.size(); ++i) {
    if (file[i] == 0xFF && file[i + 1] == 0xC0) {
      file[i + 5] = file[i + 7] = 0xFF;
    }
  }
  EXPECT_THAT(usage_error([&] { decoded_jpeg(file, 3); }), HasSubstr("cannot hold 65288x65288 pixels"));
}

TEST(ImageFileDecoder, TellsKindsApartByContent) {
  const test::TempFolder folder;
  test::write_file(folder / "really-a-png.jpg", test::grey_png(2, 1, {1, 2}));
  test::write_file(folder / "text.png", {'h', 'e', 'l', 'l', 'o'});
  test::write_file(folder / "empty.jpg", {});
  ImageFileDecoder decoder;
  Image image;
  decoder.decode((folder / "really-a-png.jpg").string(), 1, image);
  EXPECT_THAT(image.pixels, ElementsAre(1, 2));
  for (const char* name : {"text.png", "empty.jpg"}) {
    EXPECT_THAT(usage_error([&] { decoder.decode((folder / name).string(), 1, image); }),
                HasSubstr("neither a JPEG nor a PNG"));
  }
  EXPECT_THAT(usage_error([&] { decoder.decode((folder / "gone.jpg").string(), 1, image); }),
              HasSubstr("cannot be opened"));
}

}  // namespace
}  // namespace trainer
