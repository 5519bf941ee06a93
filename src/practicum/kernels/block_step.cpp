// A decoder's blocks read for one new token per row; the equations stand in block_step.py.

#include <cstdint>
#include <vector>

extern "C" {

int32_t packed_linear(const float* x, const void* codes, const uint16_t* scales,
                      const uint16_t* minima, const float* bias, const float* added,
                      const float* norm, float* y, int64_t rows, int64_t inputs, int64_t outputs,
                      int32_t stored, int32_t before, float eps, float plus_one, int32_t threads);

int32_t paged_step(float* qkv, const float* turns, float* keys, float* values,
                   const int32_t* tables, const int32_t* lengths, float* out, int64_t rows,
                   int64_t heads, int64_t kv_heads, int64_t k, int64_t c, int64_t size,
                   int64_t table, int64_t half, int64_t alike, int64_t window, float scale,
                   int32_t threads);

struct Map {
  const void* codes;
  const uint16_t *scales, *minima;
  const float* bias;
  int64_t inputs, outputs, stored;
};

struct Norm {
  const float* weight;
  float eps, plus;
};

struct Block {
  Map qkv, out, up, down;
  Norm mixer_norm, ffn_norm;
  int64_t heads;
  float scale;
};

// x is [rows, width] and is changed in place, as are the keys and values of every block.
int32_t block_step(const Block* blocks, int64_t count, float* x, const float* turns,
                   float* const* keys, float* const* values, const int32_t* tables,
                   const int32_t* lengths, int64_t rows, int64_t kv_heads, int64_t k, int64_t c,
                   int64_t size, int64_t table, int64_t half, int64_t alike, int32_t threads) {
  static thread_local std::vector<float> qkv, mixed, hidden;  // kept from one step to the next
  const Norm nothing{nullptr, 0.0f, 0.0f};
  const auto read = [&](const float* from, const Map& by, int32_t before, const Norm& norm,
                        const float* added, float* to) {
    packed_linear(from, by.codes, by.scales, by.minima, by.bias, added, norm.weight, to, rows,
                  by.inputs, by.outputs, (int32_t)by.stored, before, norm.eps, norm.plus, threads);
  };
  for (int64_t i = 0; i < count; i++) {
    const Block& block = blocks[i];
    qkv.resize(rows * block.qkv.outputs);
    mixed.resize(rows * block.heads * c);
    hidden.resize(rows * block.up.outputs);
    read(x, block.qkv, 1, block.mixer_norm, nullptr, qkv.data());
    const int32_t failed =
        paged_step(qkv.data(), turns, keys[i], values[i], tables, lengths, mixed.data(), rows,
                   block.heads, kv_heads, k, c, size, table, half, alike, 0, block.scale, threads);
    if (failed) return failed;
    read(mixed.data(), block.out, 0, nothing, x, x);
    read(x, block.up, 1, block.ffn_norm, nullptr, hidden.data());
    read(hidden.data(), block.down, 2, nothing, x, x);
  }
  return 0;
}

}  // extern "C"
