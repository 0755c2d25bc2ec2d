#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "processor/array/held_weights.h"
#include "processor/array/item_table.h"
#include "processor/array/layer_counts.h"
#include "processor/dataflow/partition.h"
#include "processor/parameters.h"

namespace trainer {

/// Counts the visits of held activations: docs/processor-contract.md, section 3, AC.
///
/// No pair of an activation and a weight is looked at: a visit's cycles depend on its column alone, so that the time of
/// a place is a sum of columns' cycles over the columns whose bitmap has the place set. Not thread-safe; uses
/// parallel_for inside.
class ActivationCompressedArray {
 public:
  ActivationCompressedArray(const ConvolutionGeometry& geometry, const ProcessorParameters& parameters,
                            std::shared_ptr<LayerCounts> counts);

  /// With `lanes` per PE. `blocks` and `tiles` of the dataflow; X is not used in BP, dZ in BP alone, the other may be
  /// null. Throws UsageError for a layer too large to count in 32 bits per item.
  ItemTable items(const PhaseShape& shape, const Dataflow& dataflow, const Blocks& blocks, const Tiles& tiles,
                  const HeldWeights& held, const BitmapView* X, const BitmapView* dZ, int64_t lanes);

 private:
  /// Channels of each block that hold a position in each column: [block][column].
  std::vector<uint16_t> column_bits(const PhaseShape& shape, const Blocks& blocks, const HeldWeights& held) const;
  void count_places(const PhaseShape& shape, int64_t conv_group, const std::vector<uint16_t>& cycles,
                    const Bitmap& activations, int64_t slices);
  void add_rows(const PhaseShape& shape, int64_t row_begin, int64_t row_end, int64_t bit_row, const Bitmap& activations,
                uint16_t cycles, uint16_t* sums) const;
  void items_of_places(const Tiles& tiles, int64_t block, int64_t tile_places, ItemTable& table) const;
  void items_of_channels(const PhaseShape& shape, const Dataflow& dataflow, const Blocks& blocks, const Tiles& tiles,
                         const std::vector<uint16_t>& bits, const BitmapView& X, int64_t lanes, ItemTable& table);

  const ProcessorParameters& parameters_;
  std::shared_ptr<LayerCounts> counts_;
  const TileGrid& grid_;
  int64_t padded_batch_;
  std::vector<InsideBox> inside_;   // by kernel position
  AlignedVector<uint32_t> places_;  // [slice][place]: cycles of one block
};

}  // namespace trainer
