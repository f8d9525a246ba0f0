// Vectors of 16 floats: AVX-512 F, BW and VL. Included inside an unnamed namespace of one translation unit.

constexpr int kWidth = 16;
constexpr int kNarrowAccumulators = 24;
constexpr int kNarrowPairAccumulators = 24;
constexpr int kWideRows = 12;
constexpr int kWideVectors = 2;

using Floats = __m512;

inline Floats zero_floats() { return _mm512_setzero_ps(); }
inline Floats splat(float x) { return _mm512_set1_ps(x); }
inline Floats load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, Floats x) { _mm512_storeu_ps(p, x); }
inline Floats load_half(const uint16_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p)); }
inline void store_half(uint16_t* p, Floats x) {
  _mm256_storeu_si256((__m256i*)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
inline Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
inline Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
inline Floats divide(Floats a, Floats b) { return _mm512_div_ps(a, b); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
// As the x86 instruction: b where either is not a number.
inline Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats abs(Floats a) {
  return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x7fffffff)));
}
inline Floats copy_sign(Floats magnitude, Floats sign) {
  const __m512i bit = _mm512_and_si512(_mm512_castps_si512(sign), _mm512_set1_epi32((int)0x80000000u));
  return _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(magnitude), bit));
}
// x where lo <= index < hi, else fill.
inline Floats keep_between(Floats x, Floats index, Floats lo, Floats hi, Floats fill) {
  const __mmask16 inside =
      _mm512_cmp_ps_mask(index, lo, _CMP_GE_OQ) & _mm512_cmp_ps_mask(index, hi, _CMP_LT_OQ);
  return _mm512_mask_blend_ps(inside, fill, x);
}
// x times 2^n, where n is held in the low bits of `shifted`.
inline Floats scale_by_power(Floats x, Floats shifted) {
  return _mm512_castsi512_ps(
      _mm512_add_epi32(_mm512_castps_si512(x), _mm512_slli_epi32(_mm512_castps_si512(shifted), 23)));
}
inline float highest(Floats x) { return _mm512_reduce_max_ps(x); }
inline float sum(Floats x) { return _mm512_reduce_add_ps(x); }

// Pairs of int8, widened to int16: kWidth pairs.
using Pairs = __m512i;
using PairSums = __m512i;

inline Pairs load_pairs(const int8_t* p) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)p));
}
inline Pairs splat_pair(int32_t pair) { return _mm512_set1_epi32(pair); }
inline PairSums zero_sums() { return _mm512_setzero_si512(); }
inline PairSums multiply_pairs(PairSums sums, Pairs a, Pairs b) {
  return _mm512_add_epi32(sums, _mm512_madd_epi16(a, b));
}
inline Floats to_floats(PairSums sums) { return _mm512_cvtepi32_ps(sums); }
// Rounds 2 * kWidth floats to int16.
inline void store_int16(int16_t* p, Floats a, Floats b) {
  _mm256_storeu_si256((__m256i*)p, _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(a)));
  _mm256_storeu_si256((__m256i*)(p + 16), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(b)));
}
