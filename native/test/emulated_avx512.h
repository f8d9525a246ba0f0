// The AVX-512 intrinsics that src/simd_avx512.h uses, as pairs of AVX2 vectors: lets the tests run that build of
// the kernel on a processor without AVX-512. What each computes follows Intel's description of it.
#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace emulated {

struct F512 {
  __m256 low, high;
};
struct I512 {
  __m256i low, high;
};

inline F512 f(__m256 low, __m256 high) { return {low, high}; }
inline I512 i(__m256i low, __m256i high) { return {low, high}; }

inline F512 setzero_ps() { return f(_mm256_setzero_ps(), _mm256_setzero_ps()); }
inline I512 setzero_si512() { return i(_mm256_setzero_si256(), _mm256_setzero_si256()); }
inline F512 set1_ps(float x) { return f(_mm256_set1_ps(x), _mm256_set1_ps(x)); }
inline I512 set1_epi32(int x) { return i(_mm256_set1_epi32(x), _mm256_set1_epi32(x)); }
inline F512 loadu_ps(const float* p) { return f(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
inline void storeu_ps(float* p, F512 x) {
  _mm256_storeu_ps(p, x.low);
  _mm256_storeu_ps(p + 8, x.high);
}

inline F512 cvtph_ps(__m256i x) {
  return f(_mm256_cvtph_ps(_mm256_castsi256_si128(x)), _mm256_cvtph_ps(_mm256_extracti128_si256(x, 1)));
}
template <int Rounding>
inline __m256i cvtps_ph(F512 x) {
  return _mm256_set_m128i(_mm256_cvtps_ph(x.high, Rounding & 7), _mm256_cvtps_ph(x.low, Rounding & 7));
}
inline I512 cvtps_epi32(F512 x) { return i(_mm256_cvtps_epi32(x.low), _mm256_cvtps_epi32(x.high)); }
inline F512 cvtepi32_ps(I512 x) { return f(_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)); }
inline I512 cvtepi8_epi16(__m256i x) {
  return i(_mm256_cvtepi8_epi16(_mm256_castsi256_si128(x)), _mm256_cvtepi8_epi16(_mm256_extracti128_si256(x, 1)));
}
// Saturates each of 16 integers to 16 bits, in their order.
inline __m256i cvtsepi32_epi16(I512 x) {
  return _mm256_permute4x64_epi64(_mm256_packs_epi32(x.low, x.high), 0xd8);
}

inline F512 add_ps(F512 a, F512 b) { return f(_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)); }
inline F512 sub_ps(F512 a, F512 b) { return f(_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)); }
inline F512 mul_ps(F512 a, F512 b) { return f(_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)); }
inline F512 div_ps(F512 a, F512 b) { return f(_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)); }
inline F512 max_ps(F512 a, F512 b) { return f(_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)); }
inline F512 fmadd_ps(F512 a, F512 b, F512 c) {
  return f(_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high));
}
inline I512 add_epi32(I512 a, I512 b) {
  return i(_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high));
}
inline I512 madd_epi16(I512 a, I512 b) {
  return i(_mm256_madd_epi16(a.low, b.low), _mm256_madd_epi16(a.high, b.high));
}
inline I512 slli_epi32(I512 a, int n) { return i(_mm256_slli_epi32(a.low, n), _mm256_slli_epi32(a.high, n)); }
inline I512 and_si512(I512 a, I512 b) {
  return i(_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high));
}
inline I512 or_si512(I512 a, I512 b) {
  return i(_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high));
}
inline I512 castps_si512(F512 x) { return i(_mm256_castps_si256(x.low), _mm256_castps_si256(x.high)); }
inline F512 castsi512_ps(I512 x) { return f(_mm256_castsi256_ps(x.low), _mm256_castsi256_ps(x.high)); }

template <int Predicate>
inline uint16_t cmp_ps_mask(F512 a, F512 b) {
  const int low = _mm256_movemask_ps(_mm256_cmp_ps(a.low, b.low, Predicate));
  return (uint16_t)(low | _mm256_movemask_ps(_mm256_cmp_ps(a.high, b.high, Predicate)) << 8);
}
// Lane by lane, b where the mask has a bit, else a.
inline F512 mask_blend_ps(uint16_t mask, F512 a, F512 b) {
  float from[2][16], to[16];
  storeu_ps(from[0], a);
  storeu_ps(from[1], b);
  for (int lane = 0; lane < 16; lane++) to[lane] = from[mask >> lane & 1][lane];
  return loadu_ps(to);
}
inline float reduce_add_ps(F512 x) {
  float lanes[16], sum = 0;
  storeu_ps(lanes, x);
  for (const float lane : lanes) sum += lane;
  return sum;
}
inline float reduce_max_ps(F512 x) {
  float lanes[16];
  storeu_ps(lanes, x);
  float largest = lanes[0];
  for (const float lane : lanes) largest = lane > largest ? lane : largest;
  return largest;
}

}  // namespace emulated

#define __m512 emulated::F512
#define __m512i emulated::I512
#define __mmask16 uint16_t
#define _mm512_setzero_ps emulated::setzero_ps
#define _mm512_setzero_si512 emulated::setzero_si512
#define _mm512_set1_ps emulated::set1_ps
#define _mm512_set1_epi32 emulated::set1_epi32
#define _mm512_loadu_ps emulated::loadu_ps
#define _mm512_storeu_ps emulated::storeu_ps
#define _mm512_cvtph_ps emulated::cvtph_ps
#undef _mm512_cvtps_ph
#define _mm512_cvtps_ph(x, rounding) emulated::cvtps_ph<(rounding)>(x)
#define _mm512_cvtps_epi32 emulated::cvtps_epi32
#define _mm512_cvtepi32_ps emulated::cvtepi32_ps
#define _mm512_cvtepi8_epi16 emulated::cvtepi8_epi16
#define _mm512_cvtsepi32_epi16 emulated::cvtsepi32_epi16
#define _mm512_add_ps emulated::add_ps
#define _mm512_sub_ps emulated::sub_ps
#define _mm512_mul_ps emulated::mul_ps
#define _mm512_div_ps emulated::div_ps
#define _mm512_max_ps emulated::max_ps
#define _mm512_fmadd_ps emulated::fmadd_ps
#define _mm512_add_epi32 emulated::add_epi32
#define _mm512_madd_epi16 emulated::madd_epi16
#undef _mm512_slli_epi32
#define _mm512_slli_epi32 emulated::slli_epi32
#define _mm512_and_si512 emulated::and_si512
#define _mm512_or_si512 emulated::or_si512
#define _mm512_castps_si512 emulated::castps_si512
#define _mm512_castsi512_ps emulated::castsi512_ps
#undef _mm512_cmp_ps_mask
#define _mm512_cmp_ps_mask(a, b, predicate) emulated::cmp_ps_mask<(predicate)>(a, b)
#define _mm512_mask_blend_ps emulated::mask_blend_ps
#define _mm512_reduce_add_ps emulated::reduce_add_ps
#define _mm512_reduce_max_ps emulated::reduce_max_ps
