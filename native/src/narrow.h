// Few queries (decode): up to 8 that share a KV head are held in registers, so that each key and each value
// is loaded and widened once for all of them. Included inside the unnamed namespace of a build.
//
// Scratch: scores [8][kTile], weights as int16 [8][kTile], queries [headDim][G], sums of values
// [8][valueDim], scales.

// Vectors that are summed at once beside G queries: enough to hide the latency of an addition, no more
// than there are registers for.
constexpr int vectors_for(int queries, int accumulators) {
  return queries * 8 <= accumulators ? 8 : queries * 4 <= accumulators ? 4 : queries * 2 <= accumulators ? 2 : 1;
}

struct Narrow {
  float* scores;
  int16_t* weights;
  float* queries;     // f32, or pairs of int16 for q8 keys
  float* sums;
  float* query_scale; // of the int16 queries
};

inline Narrow narrow_scratch(const Unit& unit) {
  Narrow n;
  n.scores = unit.scratch;
  n.weights = (int16_t*)(n.scores + kNarrowQueries * kTile);
  n.sums = n.scores + kNarrowQueries * (kTile + kTile / 2);
  n.query_scale = n.sums + kNarrowQueries * unit.attention->value_dim;
  n.queries = n.query_scale + kNarrowQueries * kBlock;
  return n;
}

// Values of one query should stay in the first-level cache while the channels of a tile are gone through.
inline int tile_tokens(int value_dim) { return value_dim <= 128 ? kTile : value_dim <= 256 ? kTile / 2 : kBlock; }

template <int G>
void pack_queries(const Unit& unit, int variant, float factor, float* packed) {
  const int dim = unit.attention->head_dim;
  for (int g = 0; g < G; g++) {
    const float* q = query_data(unit, variant, g);
    for (int d = 0; d < dim; d++) packed[d * G + g] = q[d] * factor;
  }
}

template <int G, int T>
inline void score_halves(const float* queries, const uint16_t* keys, int dim, int token, float* scores) {
  Floats sums[G][T];
  const uint16_t* k[T];
  RONDO_UNROLL for (int t = 0; t < T; t++) {
    const int at = token + t * kWidth;
    k[t] = keys + (int64_t)(at / kBlock) * kBlock * dim + at % kBlock;
    RONDO_UNROLL for (int g = 0; g < G; g++) sums[g][t] = zero_floats();
  }
  for (int d = 0; d < dim; d++) {
    Floats key[T];
    RONDO_UNROLL for (int t = 0; t < T; t++) key[t] = load_half(k[t] + d * kBlock);
    RONDO_UNROLL for (int g = 0; g < G; g++) {
      const Floats q = splat(queries[d * G + g]);
      RONDO_UNROLL for (int t = 0; t < T; t++) sums[g][t] = fma(key[t], q, sums[g][t]);
    }
  }
  RONDO_UNROLL for (int g = 0; g < G; g++) {
    RONDO_UNROLL for (int t = 0; t < T; t++) store(scores + g * kTile + token + t * kWidth, sums[g][t]);
  }
}

template <int G, int C>
inline void sum_halves(const float* weights, const uint16_t* values, int dim, int channel, int tokens,
                       float* out) {
  Floats sums[G][C];
  RONDO_UNROLL for (int g = 0; g < G; g++) {
    RONDO_UNROLL for (int c = 0; c < C; c++) sums[g][c] = load(out + g * dim + channel + c * kWidth);
  }
  const uint16_t* v = values + channel;
  for (int t = 0; t < tokens; t++, v += dim) {
    Floats value[C];
    RONDO_UNROLL for (int c = 0; c < C; c++) value[c] = load_half(v + c * kWidth);
    RONDO_UNROLL for (int g = 0; g < G; g++) {
      const Floats w = splat(weights[g * kTile + t]);
      RONDO_UNROLL for (int c = 0; c < C; c++) sums[g][c] = fma(value[c], w, sums[g][c]);
    }
  }
  RONDO_UNROLL for (int g = 0; g < G; g++) {
    RONDO_UNROLL for (int c = 0; c < C; c++) store(out + g * dim + channel + c * kWidth, sums[g][c]);
  }
}

struct Halves {
  template <int G>
  static void pack(const Unit& unit, int variant, float factor, const Narrow& n) {
    pack_queries<G>(unit, variant, factor, n.queries);
  }

  template <int G, int T = vectors_for(G, kNarrowAccumulators)>
  static void score(const Narrow& n, const char* keys, int dim, int tokens, int token = 0) {
    for (; token + T * kWidth <= tokens; token += T * kWidth) {
      score_halves<G, T>(n.queries, (const uint16_t*)keys, dim, token, n.scores);
    }
    if constexpr (T > 1) {
      if (token < tokens) score<G, T / 2>(n, keys, dim, tokens, token);
    }
  }

  template <int G, int C = vectors_for(G, kNarrowAccumulators)>
  static void sum_values(const Narrow& n, const char* values, int dim, int tokens, int channel = 0) {
    for (; channel + C * kWidth <= dim; channel += C * kWidth) {
      sum_halves<G, C>(n.scores, (const uint16_t*)values, dim, channel, tokens, n.sums);
    }
    if constexpr (C > 1) {
      if (channel < dim) sum_values<G, C / 2>(n, values, dim, tokens, channel);
    }
  }
};

template <int G, class Kv>
void run_narrow(const Unit& unit) {
  const rondo_attention& a = *unit.attention;
  const Narrow n = narrow_scratch(unit);
  const int64_t key_bytes = key_block_bytes(a.kv_type, a.head_dim);
  const int64_t value_bytes = value_block_bytes(a.kv_type, a.value_dim);
  const int tile = tile_tokens(a.value_dim);
  const float factor = a.softcap > 0 ? a.scale : a.scale * kLog2E;
  Running running[G];
  for (Running& r : running) r = {kNothing, 0.0f, 0.0f};
  clear_floats(n.sums, G * a.value_dim);
  int packed_variant = -1;
  Piece piece;
  for (Pieces pieces(unit); pieces.next(&piece);) {
    if (piece.variant != packed_variant) {
      Kv::template pack<G>(unit, piece.variant, factor, n);
      packed_variant = piece.variant;
    }
    Sight sight[G];
    int first = piece.end, end = piece.first;
    for (int g = 0; g < G; g++) {
      sight[g] = sight_of(unit, piece, g);
      if (sight[g].first >= sight[g].end) continue;
      if (sight[g].first < first) first = sight[g].first;
      if (sight[g].end > end) end = sight[g].end;
    }
    for (int token = first / kBlock * kBlock; token < end; token += tile) {
      const int tokens = end - token < tile ? end - token : tile;
      const int64_t block = token / kBlock;
      Kv::template score<G>(n, piece.keys + block * key_bytes, a.head_dim, (int)blocks_of(tokens) * kBlock);
      for (int g = 0; g < G; g++) {
        float* scores = n.scores + g * kTile;
        if (a.softcap > 0) cap_scores(scores, (int)blocks_of(tokens) * kBlock, a.softcap);
        const float rescale = weigh(scores, sight[g].first - token, sight[g].end - token, tokens, &running[g]);
        if (rescale != 1.0f) scale_floats(n.sums + g * a.value_dim, a.value_dim, rescale);
      }
      Kv::template sum_values<G>(n, piece.values + block * value_bytes, a.value_dim, tokens);
    }
    for (int g = 0; g < G; g++) end_piece(&running[g], mass_of(unit, piece, g));
  }
  for (int g = 0; g < G; g++) {
    float* out = unit.sums + g * unit.num_ranges * a.value_dim;
    for (int c = 0; c < a.value_dim; c += kWidth) store(out + c, load(n.sums + g * a.value_dim + c));
    unit.peaks[2 * g * unit.num_ranges] = running[g].peak;
    unit.peaks[2 * g * unit.num_ranges + 1] = running[g].total;
  }
}
