// Sixteen numbers at once: one register of AVX-512, or two of AVX2.
//
// `Floats` and `Ints` are 16 lanes of 32 bits, `Bytes` 64 bytes: four for each lane. A `Nibbles` or
// an `Octets` adds up, in each lane, products of four bytes of a matrix with four of an input.
#pragma once

#include <immintrin.h>

#include <cmath>
#include <cstdint>

// For loops over few registers: what is indexed has to be in registers, not in memory.
#define UNROLLED _Pragma("GCC unroll 16")

#if defined(__AVX512F__) && defined(__AVX512BW__)

struct Floats { __m512 v; };
struct Ints { __m512i v; };
struct Bytes { __m512i v; };

inline Floats all(float x) { return {_mm512_set1_ps(x)}; }
inline Ints all(int32_t x) { return {_mm512_set1_epi32(x)}; }
inline Floats load(const float* at) { return {_mm512_loadu_ps(at)}; }
inline Bytes load_bytes(const uint8_t* at) { return {_mm512_loadu_si512(at)}; }
inline void store(float* at, Floats x) { _mm512_storeu_ps(at, x.v); }
inline Floats add(Floats a, Floats b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Ints add(Ints a, Ints b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline Floats sub(Floats a, Floats b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Floats mul(Floats a, Floats b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Floats divided(Floats a, Floats b) { return {_mm512_div_ps(a.v, b.v)}; }
inline Floats fma(Floats a, Floats b, Floats c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline Floats larger(Floats a, Floats b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Floats smaller(Floats a, Floats b) { return {_mm512_min_ps(a.v, b.v)}; }
inline Floats size(Floats a) { return {_mm512_abs_ps(a.v)}; }
inline float total(Floats a) { return _mm512_reduce_add_ps(a.v); }
inline float largest(Floats a) { return _mm512_reduce_max_ps(a.v); }
inline float smallest(Floats a) { return _mm512_reduce_min_ps(a.v); }
inline Floats to_floats(Ints a) { return {_mm512_cvtepi32_ps(a.v)}; }
inline Ints nearest(Floats a) { return {_mm512_cvtps_epi32(a.v)}; }  // halves to even
inline Floats power_of_two(Ints a) {
  const __m512i biased = _mm512_add_epi32(a.v, _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(biased, 23))};
}
inline Floats load_half(const uint16_t* at) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)at))};
}
inline Floats load_bfloat(const uint16_t* at) {
  __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)at));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
inline void store_narrow(int8_t* at, Ints a) {
  _mm_storeu_si128((__m128i*)at, _mm512_cvtsepi32_epi8(a.v));
}
inline int32_t total(Ints a) { return _mm512_reduce_add_epi32(a.v); }
inline Bytes low(Bytes a) { return {_mm512_and_si512(a.v, _mm512_set1_epi8(15))}; }
inline Bytes high(Bytes a) {
  return {_mm512_and_si512(_mm512_srli_epi16(a.v, 4), _mm512_set1_epi8(15))};
}

#if defined(__AVX512VNNI__)
struct Nibbles {
  __m512i sum = _mm512_setzero_si512();
  inline void add(Bytes w, int32_t x) {
    sum = _mm512_dpbusd_epi32(sum, w.v, _mm512_set1_epi32(x));
  }
  inline Ints result() { return {sum}; }
};
struct Octets {  // codes are 128 above what they mean, which is taken off at the beginning
  __m512i sum;
  inline void begin(int32_t input_total) { sum = _mm512_set1_epi32(-128 * input_total); }
  inline void add(Bytes w, int32_t x) {
    sum = _mm512_dpbusd_epi32(sum, w.v, _mm512_set1_epi32(x));
  }
  inline Ints result() { return {sum}; }
};
#else
struct Nibbles {  // eight sums of products of at most 2 · 15 · 127 fit into 16 bits
  __m512i sum = _mm512_setzero_si512();
  inline void add(Bytes w, int32_t x) {
    sum = _mm512_add_epi16(sum, _mm512_maddubs_epi16(w.v, _mm512_set1_epi32(x)));
  }
  inline Ints result() { return {_mm512_madd_epi16(sum, _mm512_set1_epi16(1))}; }
};
struct Octets {
  __m512i sum;
  inline void begin(int32_t) { sum = _mm512_setzero_si512(); }
  inline void add(Bytes w, int32_t x) {
    __m512i meant = _mm512_xor_si512(w.v, _mm512_set1_epi8(-128));
    __mmask64 negative = _mm512_movepi8_mask(meant);
    __m512i inputs = _mm512_set1_epi32(x);
    inputs = _mm512_mask_sub_epi8(inputs, negative, _mm512_setzero_si512(), inputs);
    __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(meant), inputs);
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }
  inline Ints result() { return {sum}; }
};
#endif

#else  // AVX2 and FMA

struct Floats { __m256 a, b; };
struct Ints { __m256i a, b; };
struct Bytes { __m256i a, b; };

#define BOTH(type, f, x, y) type{f(x.a, y.a), f(x.b, y.b)}
inline Floats all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline Ints all(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
inline Floats load(const float* at) { return {_mm256_loadu_ps(at), _mm256_loadu_ps(at + 8)}; }
inline Bytes load_bytes(const uint8_t* at) {
  return {_mm256_loadu_si256((const __m256i*)at), _mm256_loadu_si256((const __m256i*)(at + 32))};
}
inline void store(float* at, Floats x) {
  _mm256_storeu_ps(at, x.a);
  _mm256_storeu_ps(at + 8, x.b);
}
inline Floats add(Floats x, Floats y) { return BOTH(Floats, _mm256_add_ps, x, y); }
inline Ints add(Ints x, Ints y) { return BOTH(Ints, _mm256_add_epi32, x, y); }
inline Floats sub(Floats x, Floats y) { return BOTH(Floats, _mm256_sub_ps, x, y); }
inline Floats mul(Floats x, Floats y) { return BOTH(Floats, _mm256_mul_ps, x, y); }
inline Floats divided(Floats x, Floats y) { return BOTH(Floats, _mm256_div_ps, x, y); }
inline Floats larger(Floats x, Floats y) { return BOTH(Floats, _mm256_max_ps, x, y); }
inline Floats smaller(Floats x, Floats y) { return BOTH(Floats, _mm256_min_ps, x, y); }
inline Floats fma(Floats x, Floats y, Floats z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
inline Floats size(Floats x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
inline float total(Floats x) {
  __m256 s = _mm256_add_ps(x.a, x.b);
  __m128 t = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  t = _mm_add_ps(t, _mm_movehl_ps(t, t));
  return _mm_cvtss_f32(_mm_add_ss(t, _mm_shuffle_ps(t, t, 1)));
}
inline float largest(Floats x) {
  __m256 s = _mm256_max_ps(x.a, x.b);
  __m128 t = _mm_max_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  t = _mm_max_ps(t, _mm_movehl_ps(t, t));
  return _mm_cvtss_f32(_mm_max_ss(t, _mm_shuffle_ps(t, t, 1)));
}
inline float smallest(Floats x) {
  __m256 s = _mm256_min_ps(x.a, x.b);
  __m128 t = _mm_min_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  t = _mm_min_ps(t, _mm_movehl_ps(t, t));
  return _mm_cvtss_f32(_mm_min_ss(t, _mm_shuffle_ps(t, t, 1)));
}
inline Floats to_floats(Ints x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
inline Ints nearest(Floats x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
inline __m256 power_of_two(__m256i x) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(x, _mm256_set1_epi32(127)), 23));
}
inline Floats power_of_two(Ints x) { return {power_of_two(x.a), power_of_two(x.b)}; }
inline Floats load_half(const uint16_t* at) {
  return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)at)),
          _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(at + 8)))};
}
inline __m256 wider(const uint16_t* at) {
  __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)at));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
inline Floats load_bfloat(const uint16_t* at) { return {wider(at), wider(at + 8)}; }
inline void store_narrow(int8_t* at, Ints x) {
  __m256i pairs = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.a, x.b), 0xD8);
  const __m128i first = _mm256_castsi256_si128(pairs), second = _mm256_extracti128_si256(pairs, 1);
  _mm_storeu_si128((__m128i*)at, _mm_packs_epi16(first, second));
}
inline int32_t total(Ints x) {
  __m256i s = _mm256_add_epi32(x.a, x.b);
  __m128i t = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
  t = _mm_add_epi32(t, _mm_shuffle_epi32(t, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(t, _mm_shuffle_epi32(t, 0xB1)));
}
inline __m256i low(__m256i x) { return _mm256_and_si256(x, _mm256_set1_epi8(15)); }
inline Bytes low(Bytes x) { return {low(x.a), low(x.b)}; }
inline Bytes high(Bytes x) {
  return {low(_mm256_srli_epi16(x.a, 4)), low(_mm256_srli_epi16(x.b, 4))};
}

struct Nibbles {  // eight sums of products of at most 2 · 15 · 127 fit into 16 bits
  __m256i a = _mm256_setzero_si256(), b = _mm256_setzero_si256();
  inline void add(Bytes w, int32_t x) {
    const __m256i inputs = _mm256_set1_epi32(x);
    a = _mm256_add_epi16(a, _mm256_maddubs_epi16(w.a, inputs));
    b = _mm256_add_epi16(b, _mm256_maddubs_epi16(w.b, inputs));
  }
  inline Ints result() {
    const __m256i ones = _mm256_set1_epi16(1);
    return {_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones)};
  }
};
struct Octets {  // codes are 128 above what they mean
  __m256i a, b;
  inline void begin(int32_t) { a = b = _mm256_setzero_si256(); }
  static inline __m256i products(__m256i codes, __m256i inputs) {
    __m256i meant = _mm256_xor_si256(codes, _mm256_set1_epi8(-128));
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(meant), _mm256_sign_epi8(inputs, meant));
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  }
  inline void add(Bytes w, int32_t x) {
    const __m256i inputs = _mm256_set1_epi32(x);
    a = _mm256_add_epi32(a, products(w.a, inputs));
    b = _mm256_add_epi32(b, products(w.b, inputs));
  }
  inline Ints result() { return {a, b}; }
};
#undef BOTH

#endif

// e^x, to about one unit in the last place; below −87 it is e^−87, which is as good as nothing.
inline Floats exponential(Floats x) {
  x = smaller(larger(x, all(-87.0f)), all(88.0f));
  Ints n = nearest(mul(x, all(1.44269504f)));
  Floats whole = to_floats(n);
  Floats r = fma(whole, all(-0.693359375f), x);  // ln 2 in two parts
  r = fma(whole, all(2.12194440e-4f), r);
  Floats p = all(1.9875691500e-4f);
  p = fma(p, r, all(1.3981999507e-3f));
  p = fma(p, r, all(8.3334519073e-3f));
  p = fma(p, r, all(4.1665795894e-2f));
  p = fma(p, r, all(1.6666665459e-1f));
  p = fma(p, r, all(5.0000001201e-1f));
  p = fma(mul(p, r), r, add(r, all(1.0f)));
  return mul(p, power_of_two(n));
}
