// y = f(x) Wᵀ + b + added, with W in tiles of 16 outputs; layouts stand in packed_matrix.py, what
// is computed in packed_linear.py.
//
// A lane of a register is an output, so that nothing is ever summed across lanes. A tile is read
// from memory once and then meets all rows of x, a few at a time.

#include <algorithm>
#include <vector>

#include "vectors.hpp"

namespace {

constexpr int64_t TILE = 16, GROUP = 32;
#if defined(__AVX512F__) && defined(__AVX512BW__)
constexpr int MOST = 8;  // rows of x at once: their sums have to fit into the registers
#else
constexpr int MOST = 4;
#endif

constexpr int64_t SMALL = 65536;  // multiplications that one thread does before two have agreed
constexpr int64_t AHEAD = 2048;  // bytes: memory is asked for what is read so much later

inline void expect(const void* at) {
  _mm_prefetch((const char*)at + AHEAD, _MM_HINT_T0);
}

enum Stored { FLOAT32 = 32, BFLOAT16 = 16, INT8 = 8, INT4 = 4 };
enum Before { NOTHING = 0, NORM = 1, GATE = 2 };

struct Matrix {
  const void* codes;
  const uint16_t *scales, *minima;  // float16
  int64_t outputs, inputs, groups;
};

struct Rows {  // what the matrix is multiplied with
  const float* plain;   // [rows, inputs]; in float32
  const int8_t* codes;  // [rows, groups · 32]
  const float *scales, *weighed;  // [rows, groups]; weighed: scale · sum of codes
  const int32_t* sums;            // [rows, groups]
};

struct Out {
  const float *bias, *added;
  float* y;
  int64_t outputs;

  inline void put(int64_t row, int64_t tile, Floats sum) const {
    const int64_t first = tile * TILE, at = row * outputs + first;
    if (first + TILE <= outputs) {
      if (bias) sum = add(sum, load(bias + first));
      if (added) sum = add(sum, load(added + at));
      store(y + at, sum);
      return;
    }
    float each[TILE];
    store(each, sum);
    for (int64_t i = 0; first + i < outputs; i++)
      y[at + i] = each[i] + (bias ? bias[first + i] : 0.0f) + (added ? added[at + i] : 0.0f);
  }
};

inline Floats load_number(const float* at) { return load(at); }
inline Floats load_number(const uint16_t* at) { return load_bfloat(at); }

template <int ROWS, class Number>
void plain_tile(const Matrix& w, int64_t tile, const Rows& x, int64_t row, const Out& out) {
  const Number* numbers = (const Number*)w.codes + tile * w.inputs * TILE;
  constexpr int SPLIT = ROWS == 1 ? 4 : ROWS == 2 ? 2 : 1;  // sums that do not wait for each other
  Floats sums[SPLIT][ROWS];
  UNROLLED for (auto& part : sums)
    UNROLLED for (auto& sum : part) sum = all(0.0f);
  const float* input = x.plain + row * w.inputs;
  int64_t k = 0;
  for (; k + SPLIT <= w.inputs; k += SPLIT)
    UNROLLED for (int s = 0; s < SPLIT; s++) {
      expect(numbers + (k + s) * TILE);
      const Floats number = load_number(numbers + (k + s) * TILE);
      UNROLLED for (int i = 0; i < ROWS; i++)
        sums[s][i] = fma(number, all(input[i * w.inputs + k + s]), sums[s][i]);
    }
  for (; k < w.inputs; k++)
    UNROLLED for (int i = 0; i < ROWS; i++)
      sums[0][i] = fma(load_number(numbers + k * TILE), all(input[i * w.inputs + k]), sums[0][i]);
  UNROLLED for (int i = 0; i < ROWS; i++) {
    Floats sum = sums[0][i];
    UNROLLED for (int s = 1; s < SPLIT; s++) sum = add(sum, sums[s][i]);
    out.put(row + i, tile, sum);
  }
}

inline int32_t four(const int8_t* at) {
  int32_t x;
  __builtin_memcpy(&x, at, 4);
  return x;
}

template <int ROWS>
void nibble_tile(const Matrix& w, int64_t tile, const Rows& x, int64_t row, const Out& out) {
  const uint8_t* codes = (const uint8_t*)w.codes + tile * w.groups * TILE * GROUP / 2;
  const int64_t places = tile * w.groups * TILE;
  Floats sums[ROWS];
  UNROLLED for (auto& sum : sums) sum = all(0.0f);
  for (int64_t g = 0; g < w.groups; g++, codes += TILE * GROUP / 2) {
    Nibbles products[ROWS], others[ROWS];  // two sums that do not wait for each other
    UNROLLED for (int j = 0; j < 4; j++) {
      const Bytes both = load_bytes(codes + 64 * j);
      expect(codes + 64 * j);
      const Bytes first = low(both), second = high(both);
      UNROLLED for (int i = 0; i < ROWS; i++) {
        const int8_t* input = x.codes + ((row + i) * w.groups + g) * GROUP + 4 * j;
        products[i].add(first, four(input));
        others[i].add(second, four(input + GROUP / 2));
      }
    }
    const Floats scale = load_half(w.scales + places + g * TILE);
    const Floats least = load_half(w.minima + places + g * TILE);
    UNROLLED for (int i = 0; i < ROWS; i++) {
      const int64_t at = (row + i) * w.groups + g;
      const Ints whole = add(products[i].result(), others[i].result());
      sums[i] = fma(scale, mul(to_floats(whole), all(x.scales[at])), sums[i]);
      sums[i] = fma(least, all(x.weighed[at]), sums[i]);
    }
  }
  UNROLLED for (int i = 0; i < ROWS; i++) out.put(row + i, tile, sums[i]);
}

template <int ROWS>
void octet_tile(const Matrix& w, int64_t tile, const Rows& x, int64_t row, const Out& out) {
  const uint8_t* codes = (const uint8_t*)w.codes + tile * w.groups * TILE * GROUP;
  const int64_t places = tile * w.groups * TILE;
  Floats sums[ROWS];
  UNROLLED for (auto& sum : sums) sum = all(0.0f);
  for (int64_t g = 0; g < w.groups; g++, codes += TILE * GROUP) {
    Octets products[ROWS];
    UNROLLED for (int i = 0; i < ROWS; i++) products[i].begin(x.sums[(row + i) * w.groups + g]);
    UNROLLED for (int j = 0; j < 8; j++) {
      const Bytes code = load_bytes(codes + 64 * j);
      expect(codes + 64 * j);
      UNROLLED for (int i = 0; i < ROWS; i++)
        products[i].add(code, four(x.codes + ((row + i) * w.groups + g) * GROUP + 4 * j));
    }
    const Floats scale = load_half(w.scales + places + g * TILE);
    UNROLLED for (int i = 0; i < ROWS; i++) {
      const Floats inputs = all(x.scales[(row + i) * w.groups + g]);
      sums[i] = fma(scale, mul(to_floats(products[i].result()), inputs), sums[i]);
    }
  }
  UNROLLED for (int i = 0; i < ROWS; i++) out.put(row + i, tile, sums[i]);
}

template <int ROWS>
void some_rows(Stored stored, const Matrix& w, int64_t tile, const Rows& x, int64_t row,
               const Out& out) {
  switch (stored) {
    case FLOAT32: return plain_tile<ROWS, float>(w, tile, x, row, out);
    case BFLOAT16: return plain_tile<ROWS, uint16_t>(w, tile, x, row, out);
    case INT8: return octet_tile<ROWS>(w, tile, x, row, out);
    case INT4: return nibble_tile<ROWS>(w, tile, x, row, out);
  }
}

void all_rows(Stored stored, const Matrix& w, int64_t tile, const Rows& x, int64_t rows,
              const Out& out) {
  int64_t row = 0;
  for (; row + MOST <= rows; row += MOST) some_rows<MOST>(stored, w, tile, x, row, out);
  if constexpr (MOST > 4)
    for (; row + 4 <= rows; row += 4) some_rows<4>(stored, w, tile, x, row, out);
  for (; row + 2 <= rows; row += 2) some_rows<2>(stored, w, tile, x, row, out);
  for (; row < rows; row++) some_rows<1>(stored, w, tile, x, row, out);
}

// x / √(mean x² + eps) · (plus_one + weight)
void normed(const float* x, const float* weight, float eps, float plus_one, int64_t n, float* y) {
  Floats squares = all(0.0f);
  int64_t i = 0;
  for (; i + TILE <= n; i += TILE) squares = fma(load(x + i), load(x + i), squares);
  float sum = total(squares);
  for (; i < n; i++) sum += x[i] * x[i];
  const float inverse = 1.0f / std::sqrt(sum / n + eps);
  for (i = 0; i + TILE <= n; i += TILE)
    store(y + i, mul(mul(load(x + i), all(inverse)), add(load(weight + i), all(plus_one))));
  for (; i < n; i++) y[i] = x[i] * inverse * (weight[i] + plus_one);
}

// silu(gate) · up, with gate in the first n numbers of x and up in the next
void gated(const float* x, int64_t n, float* y) {
  int64_t i = 0;
  for (; i + TILE <= n; i += TILE) {
    const Floats gate = load(x + i);
    const Floats below = add(all(1.0f), exponential(sub(all(0.0f), gate)));
    store(y + i, mul(divided(gate, below), load(x + n + i)));
  }
  for (; i < n; i++) y[i] = x[i] / (1.0f + std::exp(-x[i])) * x[n + i];
}

// A row in bytes: in each group of 32 the largest number becomes 127.
void quantised(const float* x, int64_t inputs, int64_t groups, int8_t* codes, float* scales,
               float* weighed, int32_t* sums) {
  for (int64_t g = 0; g < groups; g++) {
    float last[GROUP] = {0};
    const float* from = x + g * GROUP;
    if ((g + 1) * GROUP > inputs) {
      std::copy(from, x + inputs, last);
      from = last;
    }
    const Floats a = load(from), b = load(from + TILE);
    const float most = largest(larger(size(a), size(b)));
    const Floats finer = all(most > 0.0f ? 127.0f / most : 0.0f);
    const Ints m = nearest(mul(a, finer)), n = nearest(mul(b, finer));
    store_narrow(codes + g * GROUP, m);
    store_narrow(codes + g * GROUP + TILE, n);
    scales[g] = most / 127.0f;
    sums[g] = total(m) + total(n);
    weighed[g] = scales[g] * sums[g];
  }
}

struct Room {  // what one product needs beside its result; kept from one to the next
  std::vector<float> plain, scales, weighed;
  std::vector<int8_t> codes;
  std::vector<int32_t> sums;

  static Room& of_this_thread() {
    static thread_local Room room;
    return room;
  }

  Rows made(bool whole, int64_t rows, int64_t inputs, int64_t groups) {
    if ((int64_t)plain.size() < rows * inputs) plain.resize(rows * inputs);
    if (!whole && (int64_t)codes.size() < rows * groups * GROUP) {
      codes.resize(rows * groups * GROUP);
      scales.resize(rows * groups);
      weighed.resize(rows * groups);
      sums.resize(rows * groups);
    }
    return {plain.data(), codes.data(), scales.data(), weighed.data(), sums.data()};
  }
};

}  // namespace

// x is [rows, inputs], twice as wide before GATE; y and added are [rows, outputs]. bias, added,
// minima and norm may be null.
extern "C" int32_t packed_linear(const float* x, const void* codes, const uint16_t* scales,
                                 const uint16_t* minima, const float* bias, const float* added,
                                 const float* norm, float* y, int64_t rows, int64_t inputs,
                                 int64_t outputs, int32_t stored, int32_t before, float eps,
                                 float plus_one, int32_t threads) {
  const int64_t groups = (inputs + GROUP - 1) / GROUP, tiles = (outputs + TILE - 1) / TILE;
  const Matrix w{codes, scales, minima, outputs, inputs, groups};
  const Out out{bias, added, y, outputs};
  const bool whole = stored == FLOAT32 || stored == BFLOAT16;
  Room& room = Room::of_this_thread();
  Rows read = room.made(whole, rows, inputs, groups);
  if (before == NOTHING) read.plain = x;
  if (rows * inputs * outputs < SMALL) threads = 1;
  const auto prepare = [&](int64_t row) {
    float* plain = room.plain.data() + row * inputs;
    if (before == NORM) normed(x + row * inputs, norm, eps, plus_one, inputs, plain);
    if (before == GATE) gated(x + row * 2 * inputs, inputs, plain);
    if (!whole)
      quantised(read.plain + row * inputs, inputs, groups, room.codes.data() + row * groups * GROUP,
                room.scales.data() + row * groups, room.weighed.data() + row * groups,
                room.sums.data() + row * groups);
  };
  const bool few = rows <= threads;  // done sooner than threads agree about it
  for (int64_t row = 0; few && row < rows; row++) prepare(row);
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    if (!few) {
#pragma omp for schedule(static)
      for (int64_t row = 0; row < rows; row++) prepare(row);
    }
#pragma omp for schedule(static) nowait
    for (int64_t tile = 0; tile < tiles; tile++)
      all_rows((Stored)stored, w, tile, read, rows, out);
  }
  return 0;
}
