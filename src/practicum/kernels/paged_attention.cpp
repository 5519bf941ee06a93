// Attention of a few queries to keys and values in blocks; the equations stand in
// paged_attention.py. One task is a group of heads of one row that share keys, or one head where
// groups are too few for all threads.

#include <algorithm>
#include <cstring>
#include <vector>

#include "vectors.hpp"

namespace {

struct Pools {
  const float *keys, *values;   // [block, kv_head, place, width], contiguous
  const int32_t* tables;        // [row, width_of_table]
  int64_t table, heads, size, k, c;
};

float dot(const float* a, const float* b, int64_t n) {
  Floats sum = all(0.0f);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) sum = fma(load(a + i), load(b + i), sum);
  float rest = total(sum);
  for (; i < n; i++) rest += a[i] * b[i];
  return rest;
}

// scores ← e^(scores − max); returns 1 / sum. Behind the end there is room for 16.
float soften(float* scores, int64_t n) {
  for (int64_t i = n; i < n + 16; i++) scores[i] = -INFINITY;
  Floats mosts = load(scores);
  for (int64_t i = 16; i < n; i += 16) mosts = larger(mosts, load(scores + i));
  const float most = largest(mosts);
  Floats sum = all(0.0f);
  for (int64_t i = 0; i < n; i += 16) {
    store(scores + i, exponential(sub(load(scores + i), all(most))));
    if (i + 16 > n) std::memset(scores + n, 0, 16 * sizeof(float));
    sum = add(sum, load(scores + i));
  }
  return 1.0f / total(sum);
}

// Calls f(i, numbers of token first + i) for tokens first…end − 1 of a row and key-value head.
template <class Each>
void visit(const Pools& pools, const float* pool, int64_t width, int64_t row, int64_t head,
           int64_t first, int64_t end, const Each& f) {
  const int32_t* table = pools.tables + row * pools.table;
  for (int64_t at = first; at < end;) {
    const int64_t stop = std::min(end, (at / pools.size + 1) * pools.size);
    const int64_t block = table[at / pools.size] * pools.heads + head;
    const float* numbers = pool + (block * pools.size + at % pools.size) * width;
    for (; at < stop; at++, numbers += width) f(at - first, numbers);
  }
}

// `queries` query vectors that look at these tokens. Sums over values stay in registers, `WIDE` at
// a time; a rest of less than 16 columns is summed in memory.
void attend(const Pools& pools, int64_t row, int64_t head, const float* const* q, float* const* out,
            int64_t queries, int64_t first, int64_t end, float scale, std::vector<float>& room) {
  constexpr int WIDE = 4;
  const int64_t seen = end - first, stride = seen + 16;
  room.resize(queries * stride);
  visit(pools, pools.keys, pools.k, row, head, first, end, [&](int64_t at, const float* key) {
    for (int64_t i = 0; i < queries; i++) room[i * stride + at] = scale * dot(q[i], key, pools.k);
  });
  for (int64_t i = 0; i < queries; i++) {
    const float *weights = &room[i * stride], whole = soften(&room[i * stride], seen);
    const auto values = [&](const auto& f) {
      visit(pools, pools.values, pools.c, row, head, first, end, f);
    };
    int64_t column = 0;
    for (; column + 16 * WIDE <= pools.c; column += 16 * WIDE) {
      Floats sums[WIDE] = {all(0.0f), all(0.0f), all(0.0f), all(0.0f)};
      values([&](int64_t at, const float* value) {
        const Floats weight = all(weights[at]);
        UNROLLED for (int part = 0; part < WIDE; part++)
          sums[part] = fma(weight, load(value + column + 16 * part), sums[part]);
      });
      UNROLLED for (int part = 0; part < WIDE; part++)
        store(out[i] + column + 16 * part, mul(sums[part], all(whole)));
    }
    for (; column + 16 <= pools.c; column += 16) {
      Floats sum = all(0.0f);
      values([&](int64_t at, const float* value) {
        sum = fma(all(weights[at]), load(value + column), sum);
      });
      store(out[i] + column, mul(sum, all(whole)));
    }
    for (; column < pools.c; column++) {
      float sum = 0.0f;
      values([&](int64_t at, const float* value) { sum += weights[at] * value[column]; });
      out[i][column] = sum * whole;
    }
  }
}

// Whether every row has its new tokens, and a place in its table for all.
bool fit(const int32_t* lengths, int64_t rows, int64_t t, int64_t places) {
  return std::all_of(lengths, lengths + rows, [=](int64_t n) { return t <= n && n <= places; });
}

}  // namespace

// q and out are [row, head, query, width]; strides of q count numbers. window 0: no window.
extern "C" int32_t paged_attention(const float* q, int64_t q_row, int64_t q_head, int64_t q_query,
                                   float* keys, float* values, const int32_t* tables,
                                   const int32_t* lengths, float* out, int64_t rows, int64_t heads,
                                   int64_t kv_heads, int64_t t, int64_t k, int64_t c, int64_t size,
                                   int64_t table, int64_t window, float scale, int32_t threads) {
  if (!fit(lengths, rows, t, table * size)) return 1;
  const Pools pools{keys, values, tables, table, kv_heads, size, k, c};
  const int64_t group = heads / kv_heads;
  const bool alone = rows * kv_heads < 4 * threads;  // each head for itself
  const int64_t together = alone ? 1 : group, tasks = rows * heads / together;
  int64_t work = 0;  // multiplications; below some ten microseconds of them one thread is faster
  for (int64_t row = 0; row < rows; row++) work += heads * t * lengths[row] * (k + c);
#pragma omp parallel num_threads(threads) if (threads > 1 && work > 100000)
  {
    std::vector<float> room;
    std::vector<const float*> from(together);
    std::vector<float*> to(together);
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < tasks; task++) {
      const int64_t row = task * together / heads, first_head = task * together % heads;
      for (int64_t j = 0; j < t; j++) {
        const int64_t end = lengths[row] - t + j + 1;
        const int64_t first = window > 0 ? std::max<int64_t>(0, end - window) : 0;
        for (int64_t i = 0; i < together; i++) {
          from[i] = q + row * q_row + (first_head + i) * q_head + j * q_query;
          to[i] = out + ((row * heads + first_head + i) * t + j) * c;
        }
        attend(pools, row, first_head / group, from.data(), to.data(), together, first, end, scale,
               room);
      }
    }
  }
  return 0;
}

namespace {

// Pairs (i, i + half) of a head turned in place by cosines and sines, which follow each other.
void turn(float* head, const float* turns, int64_t half) {
  for (int64_t i = 0; i < half; i++) {
    const float a = head[i], b = head[half + i], cosine = turns[i], sine = turns[half + i];
    head[i] = a * cosine - b * sine;
    head[half + i] = b * cosine + a * sine;
  }
}

}  // namespace

// qkv is [row, heads · k + kv_heads · (k + c)]; turns is [alike, 2, half], alike 1 or rows.
extern "C" int32_t paged_step(float* qkv, const float* turns, float* keys, float* values,
                              const int32_t* tables, const int32_t* lengths, float* out,
                              int64_t rows, int64_t heads, int64_t kv_heads, int64_t k, int64_t c,
                              int64_t size, int64_t table, int64_t half, int64_t alike,
                              int64_t window, float scale, int32_t threads) {
  if (!fit(lengths, rows, 1, table * size)) return 1;
  const int64_t wide = heads * k + kv_heads * (k + c);
  for (int64_t row = 0; row < rows; row++) {
    float* made = qkv + row * wide;
    const float* by = turns + (alike > 1 ? row : 0) * 2 * half;
    for (int64_t head = 0; half && head < heads + kv_heads; head++) turn(made + head * k, by, half);
    const int64_t place = lengths[row] - 1, block = tables[row * table + place / size];
    for (int64_t head = 0; head < kv_heads; head++) {
      const int64_t at = (block * kv_heads + head) * size + place % size;
      std::memcpy(keys + at * k, made + (heads + head) * k, k * sizeof(float));
      std::memcpy(values + at * c, made + (heads + kv_heads) * k + head * c, c * sizeof(float));
    }
  }
  return paged_attention(qkv, wide, k, wide, keys, values, tables, lengths, out, rows, heads,
                         kv_heads, 1, k, c, size, table, window, scale, threads);
}
