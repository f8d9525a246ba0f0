// Vectors of 4 floats by the compiler's vector extensions: any processor. Included inside an unnamed
// namespace of one translation unit.

constexpr int kWidth = 4;
constexpr int kNarrowAccumulators = 12;
constexpr int kNarrowPairAccumulators = 6;
constexpr int kWideRows = 3;
constexpr int kWideVectors = 4;

typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));
typedef uint32_t Bits __attribute__((vector_size(16)));

inline Floats splat(float x) { return Floats{x, x, x, x}; }
inline Floats zero_floats() { return splat(0.0f); }
inline Floats load(const float* p) {
  Floats x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}
inline void store(float* p, Floats x) { __builtin_memcpy(p, &x, sizeof x); }

inline Floats select(Ints mask, Floats yes, Floats no) {
  return (Floats)(((Bits)mask & (Bits)yes) | (~(Bits)mask & (Bits)no));
}
inline Floats load_half(const uint16_t* p) {
  const Bits half = {p[0], p[1], p[2], p[3]};
  // The exponent is moved by a multiplication, which also normalises halves below the smallest normal one.
  const Floats finite = (Floats)((half & 0x7fffu) << 13) * splat(0x1p112f);
  const Floats other = (Floats)(((half & 0x7fffu) << 13) | 0x7f800000u);
  const Floats magnitude = select((Ints)((half & 0x7fffu) >= 0x7c00u), other, finite);
  return (Floats)((Bits)magnitude | ((half & 0x8000u) << 16));
}
// Round to nearest even, as the processors that convert in hardware do.
inline uint16_t half_from_float(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const uint16_t sign = (uint16_t)((bits >> 16) & 0x8000u);
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
  if (bits >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
  if (bits < 0x38800000u) {
    // Adding 0.5 leaves the half's subnormal bits, rounded, at the low end of the sum.
    float magnitude;
    __builtin_memcpy(&magnitude, &bits, sizeof magnitude);
    magnitude += 0.5f;
    __builtin_memcpy(&bits, &magnitude, sizeof bits);
    return (uint16_t)(sign | (bits - 0x3f000000u));
  }
  bits += 0xc8000fffu + ((bits >> 13) & 1u);
  return (uint16_t)(sign | (bits >> 13));
}
inline void store_half(uint16_t* p, Floats x) {
  for (int i = 0; i < kWidth; i++) p[i] = half_from_float(x[i]);
}
inline Floats add(Floats a, Floats b) { return a + b; }
inline Floats sub(Floats a, Floats b) { return a - b; }
inline Floats mul(Floats a, Floats b) { return a * b; }
inline Floats divide(Floats a, Floats b) { return a / b; }
inline Floats fma(Floats a, Floats b, Floats c) { return a * b + c; }
inline Floats max(Floats a, Floats b) { return select(a > b, a, b); }
inline Floats abs(Floats a) { return (Floats)((Bits)a & 0x7fffffffu); }
inline Floats copy_sign(Floats magnitude, Floats sign) {
  return (Floats)((Bits)magnitude | ((Bits)sign & 0x80000000u));
}
// x where lo <= index < hi, else fill.
inline Floats keep_between(Floats x, Floats index, Floats lo, Floats hi, Floats fill) {
  return select((index >= lo) & (index < hi), x, fill);
}
// x times 2^n, where n is held in the low bits of `shifted`.
inline Floats scale_by_power(Floats x, Floats shifted) { return (Floats)((Bits)x + ((Bits)shifted << 23)); }
inline float highest(Floats x) {
  float y = x[0];
  for (int i = 1; i < kWidth; i++) y = x[i] > y ? x[i] : y;
  return y;
}
inline float sum(Floats x) { return (x[0] + x[1]) + (x[2] + x[3]); }

// Pairs of int8, as two vectors. Floats hold their products exactly enough: 127 * 32767 needs 22 bits.
struct Pairs {
  Floats even, odd;
};
using PairSums = Floats;

inline Pairs load_pairs(const int8_t* p) {
  return {Floats{(float)p[0], (float)p[2], (float)p[4], (float)p[6]},
          Floats{(float)p[1], (float)p[3], (float)p[5], (float)p[7]}};
}
inline Pairs splat_pair(int32_t pair) { return {splat((float)(int16_t)pair), splat((float)(pair >> 16))}; }
inline PairSums zero_sums() { return zero_floats(); }
inline PairSums multiply_pairs(PairSums sums, Pairs a, Pairs b) {
  return sums + a.even * b.even + a.odd * b.odd;
}
inline Floats to_floats(PairSums sums) { return sums; }
// Rounds 2 * kWidth floats to int16.
inline void store_int16(int16_t* p, Floats a, Floats b) {
  for (int i = 0; i < kWidth; i++) {
    p[i] = (int16_t)__builtin_lrintf(a[i]);
    p[kWidth + i] = (int16_t)__builtin_lrintf(b[i]);
  }
}
