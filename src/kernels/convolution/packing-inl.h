// Included once for each instruction set by files that include hwy/foreach_target.h; hence Highway's own guard.
#if defined(TRAINER_KERNELS_CONVOLUTION_PACKING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRAINER_KERNELS_CONVOLUTION_PACKING_INL_H_
#undef TRAINER_KERNELS_CONVOLUTION_PACKING_INL_H_
#else
#define TRAINER_KERNELS_CONVOLUTION_PACKING_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>

#include "kernels/convolution/mapped_copy-inl.h"
#include "kernels/convolution/output_sums-inl.h"
#include "kernels/convolution/tile_kernels.h"
#include "kernels/convolution/tile_vectors-inl.h"
#include "kernels/elementwise/exponent_only-inl.h"
#include "kernels/elementwise/for_each_vector-inl.h"
#include "kernels/elementwise/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE::tile {

template <class From, class To>
HWY_INLINE void copy(const From* from, int64_t count, To* to) {
  if (count % kLanes == 0) {  // most rows and blocks of a batch: short, and without a rest
    const Floats d;
    for (int64_t i = 0; i < count; i += kLanes) {
      store(load(d, from + i), d, to + i);
    }
    return;
  }
  for_each_vector(static_cast<size_t>(count), [=](auto d, size_t i) HWY_ATTR { store(load(d, from + i), d, to + i); });
}

HWY_INLINE void copy(const Half* from, int64_t count, Half* to) {
  const hn::ScalableTag<uint16_t> d;
  const auto* source = reinterpret_cast<const uint16_t*>(from);
  auto* target = reinterpret_cast<uint16_t*>(to);
  constexpr int64_t kHalves = hn::MaxLanes(d);
  int64_t i = 0;
  for (; i + kHalves <= count; i += kHalves) {
    hn::StoreU(hn::LoadU(d, source + i), d, target + i);
  }
  const hn::CappedTag<uint16_t, 8> rest;
  for (; i + static_cast<int64_t>(hn::Lanes(rest)) <= count; i += static_cast<int64_t>(hn::Lanes(rest))) {
    hn::StoreU(hn::LoadU(rest, source + i), rest, target + i);
  }
  for (; i < count; ++i) {
    to[i] = from[i];
  }
}

/// As copy, past the caches: `to` is aligned to whole vectors and `count` a multiple of the lanes.
template <class To>
void copy_past_caches(const float* from, int64_t count, To* to) {
  const Floats d;
  for (int64_t i = 0; i < count; i += kLanes) {
    stream(hn::LoadU(d, from + i), d, to + i);
  }
}

template <class To>
void add(const float* from, int64_t count, To* to) {
  for_each_vector(static_cast<size_t>(count), [=](auto d, size_t i) HWY_ATTR {
    store(hn::Add(load(d, to + i), hn::LoadU(d, from + i)), d, to + i);
  });
}

template <class Value>
void clear(int64_t count, Value* to) {
  using Bits = std::conditional_t<std::is_same_v<Value, Half>, uint16_t, uint32_t>;
  const hn::ScalableTag<Bits> d;
  constexpr int64_t kValues = hn::MaxLanes(d);
  int64_t i = 0;
  for (; i + kValues <= count; i += kValues) {
    hn::StoreU(hn::Zero(d), d, reinterpret_cast<Bits*>(to + i));
  }
  for (; i < count; ++i) {
    to[i] = Value{};
  }
}

struct PlainCopy {
  template <class From, class To>
  HWY_INLINE void operator()(const From* from, int64_t count, To* to) const {
    copy(from, count, to);
  }
};

/// Packed columns of one plane: [begin, end) lie inside the input.
struct PackedColumns {
  PackedColumns(const PackJob& job, int64_t plane)
      : first(job.first_column + plane),
        count(job.row_pitch / job.batch),
        begin(std::clamp<int64_t>((job.step - 1 - first) / job.step, 0, count)),
        end(std::clamp<int64_t>((job.column_limit - first + job.step - 1) / job.step, begin, count)) {}

  int64_t first;  // input column of the first
  int64_t count;
  int64_t begin;
  int64_t end;
};

template <class Value, class Packed, class Copy>
HWY_INLINE void pack_row(const PackJob& job, const PackedColumns& columns, const Value* input, const Copy& copy_values,
                         Packed* packed) {
  clear(columns.begin * job.batch, packed);
  const int64_t stride = job.step * job.input_batch;
  const Value* from = input + columns.first * job.input_batch + columns.begin * stride;
  Packed* to = packed + columns.begin * job.batch;
  if (stride == job.batch) {
    copy_values(from, (columns.end - columns.begin) * job.batch, to);
  } else if (job.images == kLanes && job.batch == kLanes) {  // the same as below, for the most frequent case
    for (int64_t i = columns.begin; i < columns.end; ++i) {
      copy_values(from, kLanes, to);
      from += stride;
      to += kLanes;
    }
  } else {
    for (int64_t i = columns.begin; i < columns.end; ++i) {
      copy_values(from, job.images, to);
      clear(job.batch - job.images, to + job.images);
      from += stride;
      to += job.batch;
    }
  }
  clear(job.row_pitch - columns.end * job.batch, packed + columns.end * job.batch);
}

template <class Value, class Packed, class Copy>
void pack_plane(const PackJob& job, int64_t row_plane, const PackedColumns& columns, const Value* input,
                const Copy& copy_values, Packed* packed) {
  const int64_t input_row_size = job.input_columns * job.input_batch;
  for (int64_t i = 0; i < job.rows; ++i) {
    const int64_t row = job.first_row + row_plane + i * job.step;
    if (row < 0 || row >= job.input_rows) {
      clear(job.row_pitch, packed);
    } else {
      pack_row(job, columns, input + row * input_row_size, copy_values, packed);
    }
    packed += job.row_pitch;
  }
}

template <class Value, class Packed>
void pack_values(const PackJob& job) {
  auto* plane = job.packed.as<Packed>();
  for (const int64_t row_plane : *job.row_planes) {
    for (const int64_t column_plane : *job.column_planes) {
      const PackedColumns columns(job, column_plane);
      for (int64_t channel = 0; channel < job.channels; ++channel) {
        const Value* input = job.input.as<Value>() + channel * job.channel_size;
        Packed* packed = plane + channel * job.channel_pitch;
        if (job.map == nullptr) {
          pack_plane(job, row_plane, columns, input, PlainCopy(), packed);
        } else {
          with_mapped_copy(*job.map, job.map_channel + channel, [&](const auto& mapped_copy) HWY_ATTR {
            pack_plane(job, row_plane, columns, input, mapped_copy, packed);
          });
        }
      }
      plane += job.plane_pitch;
    }
  }
}

inline void pack(const PackJob& job) {
  with_value_type(job.input.format, [&job](auto value) {
    with_value_type(job.packed.format, [&job](auto packed) { pack_values<decltype(value), decltype(packed)>(job); });
  });
}

inline void keep_exponents(int64_t count, float smallest_normal, float* packed) {
  const Floats d;
  const Vector smallest = hn::Set(d, smallest_normal);
  for (int64_t i = 0; i < count; i += kLanes) {
    hn::Store(exponent_only(d, hn::Load(d, packed + i), smallest), d, packed + i);
  }
}

template <class Value>
void unpack_values(const UnpackJob& job) {
  Value* const output = job.output.as<Value>();
  const bool one_run = job.column_stride == job.batch && job.images == job.batch;
  const int64_t runs = one_run ? 1 : job.columns;
  const int64_t run = one_run ? job.columns * job.batch : job.images;
  const bool stream_run = job.past_caches && run % kLanes == 0 && job.column_stride % kLanes == 0 &&
                          job.row_stride % kLanes == 0 && job.channel_size % kLanes == 0 &&
                          reinterpret_cast<uintptr_t>(output) % (kLanes * sizeof(Value)) == 0;
  for (int64_t o = 0; o < job.outputs; ++o) {
    if (job.shift != nullptr) {
      copy_and_sum(job, o, runs, run, stream_run, output + o * job.channel_size);
      continue;
    }
    for (int64_t i = 0; i < job.rows; ++i) {
      const float* from = job.sums + o * job.output_floats + i * job.row_floats;
      Value* to = output + o * job.channel_size + i * job.row_stride;
      for (int64_t j = 0; j < runs; ++j) {
        if (job.accumulate) {
          add(from + j * job.batch, run, to + j * job.column_stride);
        } else if (stream_run) {
          copy_past_caches(from + j * job.batch, run, to + j * job.column_stride);
        } else {
          copy(from + j * job.batch, run, to + j * job.column_stride);
        }
      }
    }
  }
  if (stream_run) {
    hwy::FlushStream();  // other threads read the output next
  }
}

inline void unpack(const UnpackJob& job) {
  with_value_type(job.output.format, [&job](auto value) { unpack_values<decltype(value)>(job); });
}

}  // namespace trainer::HWY_NAMESPACE::tile
HWY_AFTER_NAMESPACE();

#endif
