// The running softmax of one query. Included inside the unnamed namespace of a build.

constexpr float kLog2E = 1.44269504088896340736f;

alignas(64) constexpr float kIota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// 2^x for x <= 0, within 2e-7; 2^-126 below -126.
inline Floats exp2_nonpositive(Floats x) {
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  const Floats magic = splat(12582912.0f);
  x = max(x, splat(-126.0f));
  const Floats shifted = add(x, magic);
  const Floats f = sub(x, sub(shifted, magic));
  Floats y = splat(1.3390863364616103e-3f);
  y = fma(y, f, splat(9.676031918324871e-3f));
  y = fma(y, f, splat(5.550357114219194e-2f));
  y = fma(y, f, splat(2.4022107485308267e-1f));
  y = fma(y, f, splat(6.931471880262287e-1f));
  y = fma(y, f, splat(1.0000000754548972f));
  return scale_by_power(y, shifted);
}

inline float exp2_nonpositive(float x) {
  float y[kWidth];
  store(y, exp2_nonpositive(splat(x)));
  return y[0];
}

// Scores without log2(e) to c * tanh(score / c) with it.
inline void cap_scores(float* scores, int count, float softcap) {
  const Floats inverse = splat(1.0f / softcap), cap = splat(softcap * kLog2E), one = splat(1.0f);
  for (int t = 0; t < count; t += kWidth) {
    const Floats x = mul(load(scores + t), inverse);
    const Floats e = exp2_nonpositive(mul(abs(x), splat(-2.0f * kLog2E)));
    store(scores + t, mul(cap, copy_sign(divide(sub(one, e), add(one, e)), x)));
  }
}

struct Running {
  float peak;  // highest score so far
  float total; // sum of weights relative to it
  float piece; // the share of the current piece in `total`, kept apart
};

// Turns the scores of the tokens [first, end) of a tile of `count` into weights, and those of all other
// tokens of its blocks into 0. Returns the factor that brings what was summed before to the new peak.
inline float weigh(float* scores, int first, int end, int count, Running* running) {
  const int padded = (count + kBlock - 1) / kBlock * kBlock;
  const bool masked = first > 0 || end < padded;
  if (masked) {
    const Floats lo = splat((float)first), hi = splat((float)end), fill = splat(kNothing);
    for (int t = 0; t < padded; t += kWidth) {
      const Floats index = add(load(kIota), splat((float)t));
      store(scores + t, keep_between(load(scores + t), index, lo, hi, fill));
    }
  }
  Floats high = load(scores);
  for (int t = kWidth; t < padded; t += kWidth) high = max(high, load(scores + t));
  const float peak = highest(high);
  float factor = 1.0f;
  if (peak > running->peak) {
    factor = exp2_nonpositive(running->peak - peak);
    running->peak = peak;
    running->total *= factor;
    running->piece *= factor;
  }
  const Floats shift = splat(running->peak);
  Floats total = zero_floats();
  if (masked) {
    const Floats lo = splat((float)first), hi = splat((float)end);
    for (int t = 0; t < padded; t += kWidth) {
      const Floats index = add(load(kIota), splat((float)t));
      const Floats weight = exp2_nonpositive(sub(load(scores + t), shift));
      const Floats kept = keep_between(weight, index, lo, hi, zero_floats());
      store(scores + t, kept);
      total = add(total, kept);
    }
  } else {
    for (int t = 0; t < padded; t += kWidth) {
      const Floats weight = exp2_nonpositive(sub(load(scores + t), shift));
      store(scores + t, weight);
      total = add(total, weight);
    }
  }
  running->piece += sum(total);
  return factor;
}

inline void scale_floats(float* x, int count, float factor) {
  const Floats f = splat(factor);
  for (int i = 0; i < count; i += kWidth) store(x + i, mul(load(x + i), f));
}

inline void clear_floats(float* x, int count) {
  for (int i = 0; i < count; i += kWidth) store(x + i, zero_floats());
}

inline void end_piece(Running* running, float* mass) {
  if (mass != nullptr) {
    mass[0] = running->peak;
    mass[1] = running->piece;
  }
  running->total += running->piece;
  running->piece = 0.0f;
}
