#include "kernels/pooling/highway_channel.h"

#include <algorithm>

#include "kernels/pooling/window.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling/highway_channel.cpp"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include "kernels/elementwise/for_each_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using pooling::Axis;

/// One window of one channel: what is not padding, as offsets of batches of N values.
struct Window {
  int64_t first_row;  // places within the window, [first, last)
  int64_t last_row;
  int64_t first_column;
  int64_t last_column;
  int64_t corner;    // offset of place (0, 0) in the input channel; may be negative
  int64_t row_step;  // W * N
  int64_t step;      // N
  int64_t output;    // offset in the output channel

  int64_t offset(int64_t r, int64_t s) const { return corner + r * row_step + s * step; }
};

template <class Body>
HWY_INLINE void for_each_window(const PoolingGeometry& g, const Body& body) {
  const Axis rows{g.input.h, g.window_h, g.stride, g.padding};
  const Axis columns{g.input.w, g.window_w, g.stride, g.padding};
  const int64_t n = g.input.n;
  const int64_t p_end = g.p();
  const int64_t q_end = g.q();
  for (int64_t p = 0; p < p_end; ++p) {
    for (int64_t q = 0; q < q_end; ++q) {
      body(Window{rows.first(p), rows.last(p), columns.first(q), columns.last(q),
                  (rows.start(p) * g.input.w + columns.start(q)) * n, g.input.w * n, n, (p * q_end + q) * n});
    }
  }
}

void maximum_feedforward(const PoolingGeometry& g, const float* x, float* y, uint16_t* place) {
  const auto batch = static_cast<size_t>(g.input.n);
  for_each_window(g, [&](const Window& window) HWY_ATTR {
    for_each_vector(batch, [&](auto d, size_t i) HWY_ATTR {
      const hn::RebindToSigned<decltype(d)> di;
      const hn::Rebind<uint16_t, decltype(d)> du16;
      const float* at = x + i;
      auto best = hn::LoadU(d, at + window.offset(window.first_row, window.first_column));
      auto best_place = hn::Set(di, static_cast<int32_t>(window.first_row * g.window_w + window.first_column));
      for (int64_t r = window.first_row; r < window.last_row; ++r) {
        for (int64_t s = window.first_column; s < window.last_column; ++s) {
          const auto value = hn::LoadU(d, at + window.offset(r, s));
          // Strictly greater: the first of equal values wins. A NaN wins always, so that it stays visible.
          const auto wins = hn::Or(hn::Gt(value, best), hn::IsNaN(value));
          best = hn::IfThenElse(wins, value, best);
          best_place = hn::IfThenElse(hn::RebindMask(di, wins), hn::Set(di, static_cast<int32_t>(r * g.window_w + s)),
                                      best_place);
        }
      }
      const auto output = static_cast<int64_t>(i) + window.output;
      hn::StoreU(best, d, y + output);
      hn::StoreU(hn::DemoteTo(du16, best_place), du16, place + output);
    });
  });
}

void maximum_backpropagate(const PoolingGeometry& g, const float* dy, const uint16_t* place, float* dx) {
  const auto batch = static_cast<size_t>(g.input.n);
  std::fill_n(dx, g.input.channel_size(), 0.0F);
  for_each_window(g, [&](const Window& window) HWY_ATTR {
    for_each_vector(batch, [&](auto d, size_t i) HWY_ATTR {
      const hn::RebindToSigned<decltype(d)> di;
      const hn::Rebind<uint16_t, decltype(d)> du16;
      const auto output = static_cast<int64_t>(i) + window.output;
      const auto gradient = hn::LoadU(d, dy + output);
      const auto winner = hn::PromoteTo(di, hn::LoadU(du16, place + output));
      for (int64_t r = window.first_row; r < window.last_row; ++r) {
        for (int64_t s = window.first_column; s < window.last_column; ++s) {
          float* at = dx + i + window.offset(r, s);
          const auto won = hn::Eq(winner, hn::Set(di, static_cast<int32_t>(r * g.window_w + s)));
          const auto sum = hn::Add(hn::LoadU(d, at), hn::IfThenElseZero(hn::RebindMask(d, won), gradient));
          hn::StoreU(sum, d, at);
        }
      }
    });
  });
}

void average_feedforward(const PoolingGeometry& g, const float* x, float* y) {
  const auto batch = static_cast<size_t>(g.input.n);
  const float share = 1 / static_cast<float>(g.window_h * g.window_w);
  for_each_window(g, [&](const Window& window) HWY_ATTR {
    for_each_vector(batch, [&](auto d, size_t i) HWY_ATTR {
      auto sum = hn::Zero(d);
      for (int64_t r = window.first_row; r < window.last_row; ++r) {
        auto row = hn::Zero(d);  // summed apart: a window of the whole image keeps its precision
        for (int64_t s = window.first_column; s < window.last_column; ++s) {
          row = hn::Add(row, hn::LoadU(d, x + i + window.offset(r, s)));
        }
        sum = hn::Add(sum, row);
      }
      hn::StoreU(hn::Mul(sum, hn::Set(d, share)), d, y + i + window.output);
    });
  });
}

void average_backpropagate(const PoolingGeometry& g, const float* dy, float* dx) {
  const auto batch = static_cast<size_t>(g.input.n);
  const float share = 1 / static_cast<float>(g.window_h * g.window_w);
  std::fill_n(dx, g.input.channel_size(), 0.0F);
  for_each_window(g, [&](const Window& window) HWY_ATTR {
    for_each_vector(batch, [&](auto d, size_t i) HWY_ATTR {
      const auto gradient = hn::Mul(hn::LoadU(d, dy + i + window.output), hn::Set(d, share));
      for (int64_t r = window.first_row; r < window.last_row; ++r) {
        for (int64_t s = window.first_column; s < window.last_column; ++s) {
          float* at = dx + i + window.offset(r, s);
          hn::StoreU(hn::Add(hn::LoadU(d, at), gradient), d, at);
        }
      }
    });
  });
}

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(maximum_feedforward);
HWY_EXPORT(maximum_backpropagate);
HWY_EXPORT(average_feedforward);
HWY_EXPORT(average_backpropagate);

namespace pooling {

void maximum_feedforward(const PoolingGeometry& geometry, const float* x, float* y, uint16_t* place) {
  HWY_DYNAMIC_DISPATCH(maximum_feedforward)(geometry, x, y, place);
}

void maximum_backpropagate(const PoolingGeometry& geometry, const float* dy, const uint16_t* place, float* dx) {
  HWY_DYNAMIC_DISPATCH(maximum_backpropagate)(geometry, dy, place, dx);
}

void average_feedforward(const PoolingGeometry& geometry, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(average_feedforward)(geometry, x, y);
}

void average_backpropagate(const PoolingGeometry& geometry, const float* dy, float* dx) {
  HWY_DYNAMIC_DISPATCH(average_backpropagate)(geometry, dy, dx);
}

}  // namespace pooling
}  // namespace trainer
#endif
