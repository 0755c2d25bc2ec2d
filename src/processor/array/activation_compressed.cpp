#include "processor/array/activation_compressed.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "processor/array/masked_sums.h"
#include "processor/integer.h"

namespace trainer {
namespace {

// Sums of the places that one piece of work adds to should stay in the first-level cache.
constexpr int64_t kPlaceBytes = int64_t{16} * 1024;

void flush(std::vector<uint16_t>& sums, uint32_t* totals) {
  for (size_t i = 0; i < sums.size(); ++i) {
    totals[i] += sums[i];
  }
  std::fill(sums.begin(), sums.end(), uint16_t{0});
}

// cycles of a visit: ceil(bits / L)
std::vector<uint16_t> visit_cycles(const uint16_t* bits, int64_t columns, int64_t lanes) {
  std::vector<uint16_t> cycles(static_cast<size_t>(columns));
  for (size_t i = 0; i < cycles.size(); ++i) {
    cycles[i] = static_cast<uint16_t>(ceil_div(bits[i], lanes));
  }
  return cycles;
}

}  // namespace

ActivationCompressedArray::ActivationCompressedArray(const ConvolutionGeometry& geometry,
                                                     const ProcessorParameters& parameters,
                                                     std::shared_ptr<LayerCounts> counts)
    : parameters_(parameters),
      counts_(std::move(counts)),
      grid_(counts_->grid()),
      padded_batch_(ceil_div(geometry.n, 8) * 8) {
  for (int64_t r = 0; r < geometry.r; ++r) {
    for (int64_t s = 0; s < geometry.s; ++s) {
      inside_.push_back(grid_.inside_box(r, s));
    }
  }
}

std::vector<uint16_t> ActivationCompressedArray::column_bits(const PhaseShape& shape, const Blocks& blocks,
                                                             const HeldWeights& held) const {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t columns = shape.columns();
  std::vector<uint16_t> bits(static_cast<size_t>(blocks.size() * columns));
  const std::vector<int64_t> block_of = blocks.block_of_channel();
  if (shape.phase != Phase::BP) {
    for (int64_t k = 0; k < g.k; ++k) {
      uint16_t* of_block = bits.data() + block_of[static_cast<size_t>(k)] * columns;
      for (const uint32_t column : held.row(k)) {
        ++of_block[column];
      }
    }
    return bits;
  }
  const int64_t group_outputs = g.c / g.groups;
  std::vector<int64_t> base(static_cast<size_t>(g.weight_columns()));
  for (int64_t group = 0; group < g.groups; ++group) {
    for (size_t column = 0; column < base.size(); ++column) {
      const int64_t c = group * group_outputs + static_cast<int64_t>(column) / shape.kernel;
      base[column] = block_of[static_cast<size_t>(c)] * columns + static_cast<int64_t>(column) % shape.kernel;
    }
    for (int64_t i = 0; i < shape.inputs; ++i) {
      uint16_t* of_input = bits.data() + i * shape.kernel;
      for (const uint32_t column : held.row(group * shape.inputs + i)) {
        ++of_input[base[column]];
      }
    }
  }
  return bits;
}

void ActivationCompressedArray::add_rows(const PhaseShape& shape, int64_t row_begin, int64_t row_end, int64_t bit_row,
                                         const Bitmap& activations, uint16_t cycles, uint16_t* sums) const {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t channel = bit_row / shape.kernel;
  const int64_t r = bit_row % shape.kernel / g.s;
  const int64_t s = bit_row % g.s;
  const int64_t batch_bytes = activations.batch_bytes();
  const InsideBox& inside = inside_[static_cast<size_t>(bit_row % shape.kernel)];
  const int64_t first = std::max(row_begin, inside.row_begin);
  const int64_t last = std::min(row_end, inside.row_end);
  const int64_t q = inside.column_begin;
  if (first >= last || q >= inside.column_end) {
    return;
  }
  const bool ff = shape.phase == Phase::FF;
  const auto row_of = [&](int64_t p) {
    return ff ? activations.window(channel, p * g.stride + r * g.dilation - g.padding,
                                   q * g.stride + s * g.dilation - g.padding)
              : activations.window(channel, p, q);
  };
  const MaskedRows rows{static_cast<size_t>(last - first), static_cast<size_t>((inside.column_end - q) * batch_bytes),
                        first + 1 < last ? static_cast<size_t>(row_of(first + 1) - row_of(first)) : 0,
                        static_cast<size_t>(g.q() * padded_batch_)};
  add_where_set(rows, row_of(first), cycles, sums + ((first - row_begin) * g.q() + q) * padded_batch_);
}

// places_ = cycles of every place for one block of this convolution group.
void ActivationCompressedArray::count_places(const PhaseShape& shape, int64_t conv_group,
                                             const std::vector<uint16_t>& cycles, const Bitmap& activations,
                                             int64_t slices) {
  const ConvolutionGeometry& g = grid_.geometry();
  const int64_t row_places = g.q() * padded_batch_;
  const int64_t all_places = g.p() * row_places;
  places_.assign(static_cast<size_t>(slices * all_places), 0);
  const int64_t rows_each = std::max<int64_t>(1, kPlaceBytes / (row_places * 2));
  parallel_for(g.p(), rows_each, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row += rows_each) {
      const int64_t row_end = std::min(row + rows_each, end);
      std::vector<uint16_t> sums(static_cast<size_t>((row_end - row) * row_places));
      for (int64_t d = 0; d < slices; ++d) {
        uint32_t* totals = places_.data() + d * all_places + row * row_places;
        int64_t most = 0;  // that a sum can have by now
        const int64_t last = slice_begin(shape.inputs, slices, d + 1) * shape.kernel;
        for (int64_t column = slice_begin(shape.inputs, slices, d) * shape.kernel; column < last; ++column) {
          const uint16_t cycles_each = cycles[static_cast<size_t>(column)];
          if (cycles_each == 0) {
            continue;
          }
          if (most + cycles_each > std::numeric_limits<uint16_t>::max()) {
            flush(sums, totals);
            most = 0;
          }
          most += cycles_each;
          add_rows(shape, row, row_end, conv_group * shape.columns() + column, activations, cycles_each, sums.data());
        }
        flush(sums, totals);
      }
    }
  });
}

// Of the block whose places_ were counted last.
void ActivationCompressedArray::items_of_places(const Tiles& tiles, int64_t block, int64_t tile_places,
                                                ItemTable& table) const {
  const int64_t all_places = grid_.geometry().p() * grid_.geometry().q() * padded_batch_;
  const int64_t pe_places = ceil_div(tile_places, parameters_.pes_per_group);
  for (int64_t d = 0; d < table.slices; ++d) {
    const uint32_t* cycles = places_.data() + d * all_places;
    uint32_t* row = table.row(block, d);
    for (int64_t t = 0; t < tiles.size(); ++t) {
      const int64_t end = std::min((t + 1) * tile_places, all_places);
      uint32_t slowest = 0;
      for (int64_t at = t * tile_places; at < end; at += pe_places) {
        const uint32_t pe = std::accumulate(cycles + at, cycles + std::min(at + pe_places, end), 0U);
        slowest = std::max(slowest, pe);
        table.active_cycles += pe;
      }
      row[t] = slowest;
    }
  }
}

// WG: PEs own input channels.
void ActivationCompressedArray::items_of_channels(const PhaseShape& shape, const Dataflow& dataflow,
                                                  const Blocks& blocks, const Tiles& tiles,
                                                  const std::vector<uint16_t>& bits, const BitmapView& X, int64_t lanes,
                                                  ItemTable& table) {
  const int64_t P = parameters_.pes_per_group;
  const int64_t columns = shape.columns();
  const int64_t blocks_each_group = blocks.size() / shape.conv_groups;
  const bool balanced = dataflow.assignment != Assignment::in_order;
  const uint32_t* populations = parameters_.skip_input_zeros ? counts_->populations(X).data() : nullptr;
  std::vector<int64_t> active(static_cast<size_t>(blocks.size()));
  parallel_for(blocks.size(), 1, [&](int64_t begin, int64_t end) {
    AlignedVector<uint32_t> pe_cycles(static_cast<size_t>(P * table.row_size));
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first_channel = b / blocks_each_group * shape.inputs;
      const uint16_t* block_bits = bits.data() + b * columns;
      const std::vector<uint16_t> cycles = visit_cycles(block_bits, columns, lanes);
      for (int64_t d = 0; d < table.slices; ++d) {
        std::vector<int64_t> inputs(static_cast<size_t>(slice_begin(shape.inputs, table.slices, d + 1) -
                                                        slice_begin(shape.inputs, table.slices, d)));
        std::iota(inputs.begin(), inputs.end(), slice_begin(shape.inputs, table.slices, d));
        if (balanced) {
          const auto nonzeros = X.bits.channel_nonzeros();
          std::stable_sort(inputs.begin(), inputs.end(), [&](int64_t i, int64_t j) {
            return nonzeros[static_cast<size_t>(first_channel + i)] > nonzeros[static_cast<size_t>(first_channel + j)];
          });
        }
        std::fill(pe_cycles.begin(), pe_cycles.end(), 0U);
        std::vector<int64_t> pe_sums(static_cast<size_t>(P));
        for (size_t x = 0; x < inputs.size(); ++x) {
          const int64_t pe = balanced ? snake(static_cast<int64_t>(x), P) : static_cast<int64_t>(x) % P;
          uint32_t* pe_row = pe_cycles.data() + pe * table.row_size;
          for (int64_t column = inputs[x] * shape.kernel; column < (inputs[x] + 1) * shape.kernel; ++column) {
            pe_sums[static_cast<size_t>(pe)] += block_bits[column];
            const uint32_t cycles_each = cycles[static_cast<size_t>(column)];
            if (cycles_each == 0) {
              continue;
            }
            if (populations != nullptr) {
              add_scaled_row(populations + (first_channel * shape.kernel + column) * table.row_size,
                             static_cast<size_t>(table.row_size), cycles_each, pe_row);
            } else {
              for (int64_t t = 0; t < tiles.size(); ++t) {
                pe_row[t] += cycles_each * static_cast<uint32_t>(tiles.positions(t));
              }
            }
          }
        }
        for (int64_t pe = 0; pe < P; ++pe) {
          const uint32_t* pe_row = pe_cycles.data() + pe * table.row_size;
          max_row(pe_row, static_cast<size_t>(table.row_size), table.row(b, d));
          active[static_cast<size_t>(b)] += std::accumulate(pe_row, pe_row + tiles.size(), int64_t{0});
        }
        table.block_sums[static_cast<size_t>(b * table.slices + d)] = *std::max_element(pe_sums.begin(), pe_sums.end());
      }
    }
  });
  table.active_cycles = std::accumulate(active.begin(), active.end(), int64_t{0});
}

ItemTable ActivationCompressedArray::items(const PhaseShape& shape, const Dataflow& dataflow, const Blocks& blocks,
                                           const Tiles& tiles, const HeldWeights& held, const BitmapView* X,
                                           const BitmapView* dZ, int64_t lanes) {
  const bool skip_zeros = parameters_.skip_input_zeros;
  const bool wg = shape.phase == Phase::WG;
  const int64_t places = tile_places(shape.phase, Compress::activation, parameters_);
  const int64_t most_cycles = ceil_div(std::min(blocks.width, shape.group_outputs()), lanes);
  if (most_cycles * shape.columns() > std::numeric_limits<uint32_t>::max() / places) {
    throw UsageError(fmt::format(
        "processor '{}': array.tile {} is too large to hold the activations of a layer with {} weights per output "
        "channel: choose a smaller one, or dataflow=weight-compressed",
        parameters_.name, parameters_.tile, shape.columns()));
  }

  ItemTable table;
  table.slices = dataflow.grouping.input_channels;
  table.row_size = wg ? grid_.row_size() : ceil_div(tiles.size(), 4) * 4;
  table.cycles.assign(static_cast<size_t>(blocks.size() * table.slices * table.row_size), 0);
  table.block_sums.resize(static_cast<size_t>(blocks.size() * table.slices));
  for (int64_t t = 0; t < tiles.size(); ++t) {
    table.tile_sums.push_back(wg ? 1 : tiles.most_positions_of_pe[static_cast<size_t>(t)] * shape.drained_pixels);
  }

  const std::vector<uint16_t> bits = column_bits(shape, blocks, held);
  const int64_t columns = shape.columns();
  const int64_t blocks_each_group = blocks.size() / shape.conv_groups;
  const std::vector<int64_t>* wanted =
      !skip_zeros ? nullptr : &(shape.phase == Phase::BP ? counts_->gradients(*dZ) : counts_->windows(*X)).macs;
  for (int64_t b = 0; b < blocks.size(); ++b) {
    const int64_t conv_group = b / blocks_each_group;
    const uint16_t* block_bits = bits.data() + b * columns;
    for (int64_t column = 0; column < columns; ++column) {
      if (block_bits[column] > 0) {
        table.visits += skip_zeros ? (*wanted)[static_cast<size_t>(conv_group * columns + column)] : shape.positions;
      }
    }
    if (wg) {
      continue;
    }
    const std::vector<uint16_t> cycles = visit_cycles(block_bits, columns, lanes);
    if (skip_zeros) {
      count_places(shape, conv_group, cycles, (shape.phase == Phase::BP ? dZ : X)->bits, table.slices);
      items_of_places(tiles, b, places, table);
    }
    for (int64_t d = 0; d < table.slices; ++d) {
      table.block_sums[static_cast<size_t>(b * table.slices + d)] = static_cast<int64_t>(blocks.block(b).size());
      if (!skip_zeros) {
        const auto first = cycles.begin() + slice_begin(shape.inputs, table.slices, d) * shape.kernel;
        const auto last = cycles.begin() + slice_begin(shape.inputs, table.slices, d + 1) * shape.kernel;
        const int64_t all = std::accumulate(first, last, int64_t{0});
        for (int64_t t = 0; t < tiles.size(); ++t) {
          table.row(b, d)[t] = static_cast<uint32_t>(all * tiles.most_positions_of_pe[static_cast<size_t>(t)]);
        }
        table.active_cycles += all * shape.positions;
      }
    }
  }
  if (wg) {
    items_of_channels(shape, dataflow, blocks, tiles, bits, *X, lanes, table);
  }
  return table;
}

}  // namespace trainer
