// Vectors of 4 floats: NEON of 64-bit ARM. Included inside an unnamed namespace of one translation unit.

constexpr int kWidth = 4;
constexpr int kNarrowAccumulators = 24;
// A sum of pairs takes two registers here.
constexpr int kNarrowPairAccumulators = 12;
constexpr int kWideRows = 6;
constexpr int kWideVectors = 4;

using Floats = float32x4_t;

inline Floats zero_floats() { return vdupq_n_f32(0.0f); }
inline Floats splat(float x) { return vdupq_n_f32(x); }
inline Floats load(const float* p) { return vld1q_f32(p); }
inline void store(float* p, Floats x) { vst1q_f32(p, x); }
inline Floats load_half(const uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
inline void store_half(uint16_t* p, Floats x) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x))); }
inline Floats add(Floats a, Floats b) { return vaddq_f32(a, b); }
inline Floats sub(Floats a, Floats b) { return vsubq_f32(a, b); }
inline Floats mul(Floats a, Floats b) { return vmulq_f32(a, b); }
inline Floats divide(Floats a, Floats b) { return vdivq_f32(a, b); }
inline Floats fma(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
inline Floats max(Floats a, Floats b) { return vmaxq_f32(a, b); }
inline Floats abs(Floats a) { return vabsq_f32(a); }
inline Floats copy_sign(Floats magnitude, Floats sign) {
  return vbslq_f32(vdupq_n_u32(0x80000000u), sign, magnitude);
}
// x where lo <= index < hi, else fill.
inline Floats keep_between(Floats x, Floats index, Floats lo, Floats hi, Floats fill) {
  return vbslq_f32(vandq_u32(vcgeq_f32(index, lo), vcltq_f32(index, hi)), x, fill);
}
// x times 2^n, where n is held in the low bits of `shifted`.
inline Floats scale_by_power(Floats x, Floats shifted) {
  return vreinterpretq_f32_s32(
      vaddq_s32(vreinterpretq_s32_f32(x), vshlq_n_s32(vreinterpretq_s32_f32(shifted), 23)));
}
inline float highest(Floats x) { return vmaxvq_f32(x); }
inline float sum(Floats x) { return vaddvq_f32(x); }

// Pairs of int8, widened to int16: kWidth pairs. Their products are added up only at the end.
using Pairs = int16x8_t;
struct PairSums {
  int32x4_t low, high;
};

inline Pairs load_pairs(const int8_t* p) { return vmovl_s8(vld1_s8(p)); }
inline Pairs splat_pair(int32_t pair) { return vreinterpretq_s16_s32(vdupq_n_s32(pair)); }
inline PairSums zero_sums() { return {vdupq_n_s32(0), vdupq_n_s32(0)}; }
inline PairSums multiply_pairs(PairSums sums, Pairs a, Pairs b) {
  return {vmlal_s16(sums.low, vget_low_s16(a), vget_low_s16(b)), vmlal_high_s16(sums.high, a, b)};
}
inline Floats to_floats(PairSums sums) { return vcvtq_f32_s32(vpaddq_s32(sums.low, sums.high)); }
// Rounds 2 * kWidth floats to int16.
inline void store_int16(int16_t* p, Floats a, Floats b) {
  vst1q_s16(p, vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(a)), vqmovn_s32(vcvtnq_s32_f32(b))));
}
