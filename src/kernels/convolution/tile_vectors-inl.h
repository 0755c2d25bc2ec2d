// Included once for each instruction set by files that include hwy/foreach_target.h; hence Highway's own guard.
#if defined(TRAINER_KERNELS_CONVOLUTION_TILE_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRAINER_KERNELS_CONVOLUTION_TILE_VECTORS_INL_H_
#undef TRAINER_KERNELS_CONVOLUTION_TILE_VECTORS_INL_H_
#else
#define TRAINER_KERNELS_CONVOLUTION_TILE_VECTORS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
/// What kernels for tiles have in common.
namespace trainer::HWY_NAMESPACE::tile {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

constexpr int64_t kLanes = hn::MaxLanes(Floats());

// Tiles live in registers only when their loops are unrolled. Under sanitizers they are not: with their checks on every
// load, these kernels would take many minutes to compile.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kUnroll = 1;
#else
constexpr int kUnroll = 9;
#endif

}  // namespace trainer::HWY_NAMESPACE::tile
HWY_AFTER_NAMESPACE();

#endif
