// Weights rounded to 4 or 8 bits, in tiles of 16 outputs. What is computed stands in quantise.py,
// which this equals bit for bit; the layout stands in packed_matrix.py.
//
// Bit for bit: sums are taken by halves (`total`), products and sums are rounded one after the
// other (-ffp-contract=off). A try without error is taken at once: none can be better.

#include <algorithm>
#include <cmath>
#include <limits>

#include "vectors.hpp"

namespace {

constexpr int64_t TILE = 16, GROUP = 32;
constexpr int64_t SMALL = 1 << 21;  // weights: milliseconds, which two may wait for each other

struct Group {  // 32 numbers
  Floats a, b;
};

struct Try {
  float scale, least, error;
  Group codes;  // whole numbers
};

inline float total(const Group& x) { return total(add(x.a, x.b)); }
inline float largest(const Group& x) { return largest(larger(x.a, x.b)); }
inline float half_of(float x) { return _cvtsh_ss(_cvtss_sh(x, 0)); }  // 0: to the nearest

template <class Change>
inline Group each(const Group& x, Change change) {
  return {change(x.a), change(x.b)};
}

inline Group product(const Group& x, const Group& y) { return {mul(x.a, y.a), mul(x.b, y.b)}; }

inline Floats within(Floats x, float least, float most) {
  return to_floats(nearest(smaller(larger(x, all(least)), all(most))));
}

Try tried(const Group& w, float scale, float least) {
  scale = half_of(scale), least = half_of(least);
  const Floats step = all(scale), from = all(least);
  const Floats finer = all(scale != 0.0f ? 1.0f / scale : 0.0f);
  const auto code = [&](Floats x) { return within(mul(sub(x, from), finer), 0.0f, 15.0f); };
  const Group codes = each(w, code);
  const auto meant = [&](Floats q) { return add(mul(q, step), from); };
  const Group off{sub(meant(codes.a), w.a), sub(meant(codes.b), w.b)};
  return {scale, least, total(product(off, off)), codes};
}

// Scale and minimum of least error for these codes.
Try fitted(const Group& w, const Group& codes) {
  const float mean = total(codes) / GROUP, centre = total(w) / GROUP;
  const Group apart = each(codes, [&](Floats q) { return sub(q, all(mean)); });
  const float spread = std::max(total(product(apart, apart)), 1e-9f);
  const float scale = total(product(apart, w)) / spread;
  return tried(w, scale, centre - scale * mean);
}

Try best(const Group& w) {
  const float most = largest(w), least = smallest(smaller(w.a, w.b));
  const float farthest = most > -least ? most : least;
  Try found = tried(w, (most - least) / 15.0f, least);
  const auto better = [&](const Try& other) {
    if (other.error < found.error) found = other;
    return found.error == 0.0f;
  };
  if (found.error == 0.0f || better(tried(w, farthest / -8.0f, farthest))) return found;
  for (const float inside : {0.05f * (most - least), 0.1f * (most - least)}) {
    const Try drawn = tried(w, (most - least - 2.0f * inside) / 15.0f, least + inside);
    if (better(fitted(w, drawn.codes))) break;
  }
  return found;
}

Try octets(const Group& w) {
  const float most = largest(each(w, [](Floats x) { return size(x); }));
  const float scale = half_of(most / 127.0f);
  const Floats finer = all(scale > 0.0f ? 1.0f / scale : 0.0f);
  const auto code = [&](Floats x) { return within(mul(x, finer), -127.0f, 127.0f); };
  return {scale, 0.0f, 0.0f, each(w, code)};
}

struct Matrix {
  const float* weights;
  int64_t outputs, inputs, groups;

  Group group(int64_t output, int64_t g) const {
    const float* from = weights + output * inputs + g * GROUP;
    if ((g + 1) * GROUP <= inputs) return {load(from), load(from + TILE)};
    float filled[GROUP];  // up to its end with the row's last weight, which is no new extreme
    const float* end = weights + (output + 1) * inputs;
    std::fill(std::copy(from, end, filled), filled + GROUP, end[-1]);
    return {load(filled), load(filled + TILE)};
  }
};

// Four bytes to each of the tile's outputs in turn; `codes` are 128 below what is stored.
inline void put(uint8_t* to, Floats codes) {
  int8_t bytes[TILE];
  store_narrow(bytes, nearest(codes));
  for (int64_t j = 0; j < 4; j++) {
    uint32_t four;
    __builtin_memcpy(&four, bytes + 4 * j, 4);
    four ^= 0x80808080u;
    __builtin_memcpy(to + 4 * TILE * j, &four, 4);
  }
}

inline void put(uint8_t* to, const Group& codes, bool four_bits) {
  if (four_bits) {
    put(to, sub(add(mul(codes.b, all(16.0f)), codes.a), all(128.0f)));
    return;
  }
  put(to, codes.a);
  put(to + 4 * TILE * 4, codes.b);
}

}  // namespace

// weights is [outputs, inputs]; the others are [tiles, groups, ·] as packed_matrix.py has them, and
// minima is null for 8 bits. 1 where weights are no numbers, or too large.
extern "C" int32_t quantise(const float* weights, uint8_t* codes, uint16_t* scales,
                            uint16_t* minima, int64_t outputs, int64_t inputs, int32_t threads) {
  const int64_t groups = (inputs + GROUP - 1) / GROUP, tiles = (outputs + TILE - 1) / TILE;
  const Matrix matrix{weights, outputs, inputs, groups};
  const int64_t bytes = TILE * GROUP / (minima ? 2 : 1);
  if (outputs * inputs < SMALL) threads = 1;
  int32_t failed = 0;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1) reduction(| : failed)
  for (int64_t tile = 0; tile < tiles; tile++)
    for (int64_t g = 0; g < groups; g++) {
      const int64_t place = tile * groups + g;
      for (int64_t r = 0; r < TILE; r++) {
        const int64_t at = place * TILE + r, output = tile * TILE + r;
        Try found{0.0f, 0.0f, 0.0f, {all(0.0f), all(0.0f)}};
        if (output < outputs) {
          const Group w = matrix.group(output, g);
          found = minima ? best(w) : octets(w);
          if (!std::isfinite(total(w)) || !std::isfinite(found.scale + found.least)) failed = 1;
        }
        put(codes + place * bytes + 4 * r, found.codes, minima != nullptr);
        scales[at] = _cvtss_sh(found.scale, 0);
        if (minima) minima[at] = _cvtss_sh(found.least, 0);
      }
    }
  return failed;
}
