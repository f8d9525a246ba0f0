// Vectors of 8 floats: AVX2, FMA and F16C. Included inside an unnamed namespace of one translation unit.

constexpr int kWidth = 8;
// Accumulators of the narrow kernel that fit 16 registers beside what they are multiplied with.
constexpr int kNarrowAccumulators = 12;
constexpr int kNarrowPairAccumulators = 12;
// Register tile of the wide kernel: query rows by vectors.
constexpr int kWideRows = 6;
constexpr int kWideVectors = 2;

using Floats = __m256;

inline Floats zero_floats() { return _mm256_setzero_ps(); }
inline Floats splat(float x) { return _mm256_set1_ps(x); }
inline Floats load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, Floats x) { _mm256_storeu_ps(p, x); }
inline Floats load_half(const uint16_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)); }
inline void store_half(uint16_t* p, Floats x) {
  _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
inline Floats sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
inline Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
inline Floats divide(Floats a, Floats b) { return _mm256_div_ps(a, b); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
// As the x86 instruction: b where either is not a number.
inline Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats abs(Floats a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
inline Floats copy_sign(Floats magnitude, Floats sign) {
  return _mm256_or_ps(magnitude, _mm256_and_ps(sign, _mm256_set1_ps(-0.0f)));
}
// x where lo <= index < hi, else fill.
inline Floats keep_between(Floats x, Floats index, Floats lo, Floats hi, Floats fill) {
  const Floats inside =
      _mm256_and_ps(_mm256_cmp_ps(index, lo, _CMP_GE_OQ), _mm256_cmp_ps(index, hi, _CMP_LT_OQ));
  return _mm256_blendv_ps(fill, x, inside);
}
// x times 2^n, where n is held in the low bits of `shifted`.
inline Floats scale_by_power(Floats x, Floats shifted) {
  return _mm256_castsi256_ps(
      _mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(_mm256_castps_si256(shifted), 23)));
}
inline float highest(Floats x) {
  __m128 y = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  y = _mm_max_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_max_ss(y, _mm_shuffle_ps(y, y, 1)));
}
inline float sum(Floats x) {
  __m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  y = _mm_add_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_add_ss(y, _mm_shuffle_ps(y, y, 1)));
}

// Pairs of int8, widened to int16: kWidth pairs.
using Pairs = __m256i;
using PairSums = __m256i;

inline Pairs load_pairs(const int8_t* p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)p)); }
inline Pairs splat_pair(int32_t pair) { return _mm256_set1_epi32(pair); }
inline PairSums zero_sums() { return _mm256_setzero_si256(); }
inline PairSums multiply_pairs(PairSums sums, Pairs a, Pairs b) {
  PairSums result = _mm256_add_epi32(sums, _mm256_madd_epi16(a, b));
#if !defined(__clang__)
  // GCC would keep the old and the new sum in two registers and copy between them.
  asm("" : "+x"(result));
#endif
  return result;
}
inline Floats to_floats(PairSums sums) { return _mm256_cvtepi32_ps(sums); }
// Rounds 2 * kWidth floats to int16.
inline void store_int16(int16_t* p, Floats a, Floats b) {
  const __m256i packed = _mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));
  _mm256_storeu_si256((__m256i*)p, _mm256_permute4x64_epi64(packed, 0xd8));
}
