// The narrow kernel over q8 keys and values, in integers: pairs of int8 are widened to int16 and multiplied
// by pairs of int16, which the queries and the weights of a tile are rounded to (1/32767 of the largest,
// far finer than the int8 they meet). Included inside the unnamed namespace of a build.

constexpr float kInt16 = 32767.0f;

template <int G, int T>
RONDO_APART void score_pairs(const int32_t* queries, const char* keys, int dim, int token, float* scores,
                        Ahead* ahead) {
  const int64_t block_bytes = key_block_bytes(RONDO_KV_Q8, dim);
  const int groups = scale_groups(dim);
  const uint16_t* scales[T];
  const int8_t* k[T];
  RONDO_UNROLL for (int t = 0; t < T; t++) {
    const int at = token + t * kWidth;
    const char* block = keys + at / kBlock * block_bytes;
    scales[t] = (const uint16_t*)block + at % kBlock;
    k[t] = (const int8_t*)block + 2 * kBlock * groups + 2 * (at % kBlock);
  }
  for (int group = 0; group < groups; group++) {
    PairSums sums[G][T];
    RONDO_UNROLL for (int g = 0; g < G; g++) {
      RONDO_UNROLL for (int t = 0; t < T; t++) sums[g][t] = zero_sums();
    }
    const int end = (group + 1) * RONDO_SCALE_DIMS < dim ? (group + 1) * RONDO_SCALE_DIMS : dim;
    for (int pair = group * RONDO_SCALE_DIMS / 2; pair < end / 2; pair++) {
      if (pair % kAheadSteps == 0) ahead->touch(T);
      Pairs key[T];
      RONDO_UNROLL for (int t = 0; t < T; t++) key[t] = load_pairs(k[t] + pair * 2 * kBlock);
      RONDO_UNROLL for (int g = 0; g < G; g++) {
        const Pairs q = splat_pair(queries[pair * G + g]);
        RONDO_UNROLL for (int t = 0; t < T; t++) sums[g][t] = multiply_pairs(sums[g][t], key[t], q);
      }
    }
    RONDO_UNROLL for (int t = 0; t < T; t++) {
      const Floats scale = load_half(scales[t] + group * kBlock);
      RONDO_UNROLL for (int g = 0; g < G; g++) {
        float* out = scores + g * kTile + token + t * kWidth;
        store(out, fma(to_floats(sums[g][t]), scale, group == 0 ? zero_floats() : load(out)));
      }
    }
  }
}

template <int G, int C>
RONDO_APART void sum_pairs(const int16_t* weights, const float* weight_scale, const char* values, int dim,
                      int channel, int blocks, float* out, Ahead* ahead) {
  PairSums sums[G][C];
  RONDO_UNROLL for (int g = 0; g < G; g++) {
    RONDO_UNROLL for (int c = 0; c < C; c++) sums[g][c] = zero_sums();
  }
  for (int block = 0; block < blocks; block++) {
    const int8_t* v =
        (const int8_t*)values + block * value_block_bytes(RONDO_KV_Q8, dim) + 2 * kBlock + 2 * channel;
    for (int pair = 0; pair < kBlock / 2; pair++, v += 2 * dim) {
      if (pair % kAheadSteps == 0) ahead->touch(C);
      Pairs value[C];
      RONDO_UNROLL for (int c = 0; c < C; c++) value[c] = load_pairs(v + 2 * c * kWidth);
      RONDO_UNROLL for (int g = 0; g < G; g++) {
        int32_t two;
        __builtin_memcpy(&two, weights + g * kTile + block * kBlock + 2 * pair, sizeof two);
        const Pairs w = splat_pair(two);
        RONDO_UNROLL for (int c = 0; c < C; c++) sums[g][c] = multiply_pairs(sums[g][c], value[c], w);
      }
    }
  }
  RONDO_UNROLL for (int g = 0; g < G; g++) {
    const Floats scale = splat(weight_scale[g]);
    RONDO_UNROLL for (int c = 0; c < C; c++) {
      float* to = out + g * dim + channel + c * kWidth;
      store(to, fma(to_floats(sums[g][c]), scale, load(to)));
    }
  }
}

// Rounds `count` floats to int16 with one scale, which is returned.
inline float round_to_int16(const float* from, int count, int16_t* to) {
  Floats high = zero_floats();
  for (int i = 0; i < count; i += kWidth) high = max(high, abs(load(from + i)));
  const float largest = highest(high);
  const Floats factor = splat(largest > 0 ? kInt16 / largest : 0.0f);
  for (int i = 0; i < count; i += 2 * kWidth) {
    store_int16(to + i, mul(load(from + i), factor), mul(load(from + i + kWidth), factor));
  }
  return largest / kInt16;
}

inline void pack_pairs(const Unit& unit, int variant, float factor, int first, int count, int16_t* packed,
                       float* scale) {
  const int dim = unit.attention->head_dim;
  int16_t rounded[RONDO_MAX_HEAD_DIM];
  for (int g = 0; g < count; g++) {
    scale[g] = factor * round_to_int16(query_data(unit, variant, first + g), dim, rounded);
    for (int d = 0; d < dim; d++) packed[(d / 2 * count + g) * 2 + d % 2] = rounded[d];
  }
}

// Multiplies the weights of `count` tokens by the scales of their values.
template <int G>
void scale_weights(const char* values, int dim, int count, float* weights) {
  for (int start = 0; start < count; start += kBlock) {
    const uint16_t* scales = (const uint16_t*)(values + start / kBlock * value_block_bytes(RONDO_KV_Q8, dim));
    for (int t = 0; t < kBlock; t += kWidth) {
      // Slots past the last token hold anything, so their scale may not be a number.
      const Floats index = add(load(kIota), splat((float)(start + t)));
      const Floats scale =
          keep_between(load_half(scales + t), index, zero_floats(), splat((float)count), zero_floats());
      for (int g = 0; g < G; g++) {
        float* w = weights + g * kTile + start + t;
        store(w, mul(load(w), scale));
      }
    }
  }
}

struct Q8 {
  template <int G>
  static void pack(const Unit& unit, int variant, float factor, const Narrow& n) {
    constexpr int half = queries_at_once(G, kNarrowPairAccumulators);
    const int dim = unit.attention->head_dim;
    pack_pairs(unit, variant, factor, 0, half, (int16_t*)n.queries, n.query_scale);
    pack_pairs(unit, variant, factor, half, G - half, (int16_t*)(n.queries + half * dim), n.query_scale + half);
  }

  template <int G>
  static void score(const Narrow& n, const char* keys, int dim, int tokens, Ahead* ahead) {
    constexpr int half = queries_at_once(G, kNarrowPairAccumulators);
    score_from<half>(n, keys, dim, tokens, ahead, 0);
    if constexpr (half < G) score_from<G - half>(n.from(half, dim, 0), keys, dim, tokens, ahead, 0);
    for (int g = 0; g < G; g++) scale_floats(n.scores + g * kTile, tokens, n.query_scale[g]);
  }

  template <int G>
  static void sum_values(const Narrow& n, const char* values, int dim, int tokens, Ahead* ahead) {
    constexpr int half = queries_at_once(G, kNarrowPairAccumulators);
    const int blocks = (int)blocks_of(tokens);
    float scale[G];
    scale_weights<G>(values, dim, tokens, n.scores);
    for (int g = 0; g < G; g++) {
      scale[g] = round_to_int16(n.scores + g * kTile, blocks * kBlock, n.weights + g * kTile);
    }
    sum_from<half>(n, scale, values, dim, blocks, ahead, 0);
    if constexpr (half < G) {
      sum_from<G - half>(n.from(half, 0, dim), scale + half, values, dim, blocks, ahead, 0);
    }
  }

 private:
  template <int G, int T = vectors_for(G, kNarrowPairAccumulators)>
  static void score_from(const Narrow& n, const char* keys, int dim, int tokens, Ahead* ahead, int token) {
    for (; token + T * kWidth <= tokens; token += T * kWidth) {
      score_pairs<G, T>((const int32_t*)n.queries, keys, dim, token, n.scores, ahead);
    }
    if constexpr (T > 1) {
      if (token < tokens) score_from<G, T / 2>(n, keys, dim, tokens, ahead, token);
    }
  }

  template <int G, int C = vectors_for(G, kNarrowPairAccumulators)>
  static void sum_from(const Narrow& n, const float* scale, const char* values, int dim, int blocks,
                       Ahead* ahead, int channel) {
    for (; channel + C * kWidth <= dim; channel += C * kWidth) {
      sum_pairs<G, C>(n.weights, scale, values, dim, channel, blocks, n.sums, ahead);
    }
    if constexpr (C > 1) {
      if (channel < dim) sum_from<G, C / 2>(n, scale, values, dim, blocks, ahead, channel);
    }
  }
};
