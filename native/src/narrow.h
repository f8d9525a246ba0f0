// Few queries (decode): up to 8 that share a KV head are held in registers, so that each key and each value
// is loaded and widened once for all of them. Included inside the unnamed namespace of a build.
//
// Scratch: scores [8][kTile], weights as int16 [8][kTile], queries [headDim][G], sums of values
// [8][valueDim], scales.

// Vectors that are summed at once beside G queries: enough to hide the latency of an addition, no more
// than there are registers for.
constexpr int kLineBytes = 64;
// Steps of an inner loop between two requests for memory ahead: f16 of kWidth * 4 elements are about a line.
constexpr int kAheadSteps = kLineBytes / 2 / kWidth < 1 ? 1 : kLineBytes / 2 / kWidth;

constexpr int vectors_for(int queries, int accumulators) {
  return queries * 8 <= accumulators ? 8 : queries * 4 <= accumulators ? 4 : queries * 2 <= accumulators ? 2 : 1;
}

// Memory that is read next, asked for line by line while other work is done: the processor's own prefetching
// stops at pages and does not see that values follow keys.
struct Ahead {
  const char* at;
  const char* end;

  inline void touch(int lines) {
    for (int i = 0; i < lines && at < end; i++, at += kLineBytes) __builtin_prefetch(at);
  }
};

// Queries that are gone through together: with more of them than leave room for two vectors each, it is
// faster to read the tile again from the first-level cache for the other half.
constexpr int queries_at_once(int queries, int accumulators) {
  return queries * 2 > accumulators ? (queries + 1) / 2 : queries;
}

struct Narrow {
  float* scores;
  int16_t* weights;
  float* queries;     // f32, or pairs of int16 for q8 keys: [headDim][queries_at_once], then the other half
  float* sums;
  float* query_scale; // of the int16 queries

  Narrow from(int query, int head_dim, int value_dim) const {
    return {scores + query * kTile, weights + query * kTile, queries + query * head_dim,
            sums + query * value_dim, query_scale + query};
  }
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

inline void pack_queries(const Unit& unit, int variant, float factor, int first, int count, float* packed) {
  const int dim = unit.attention->head_dim;
  for (int g = 0; g < count; g++) {
    const float* q = query_data(unit, variant, first + g);
    for (int d = 0; d < dim; d++) packed[d * count + g] = q[d] * factor;
  }
}

// Adds every product of G scalars and V vectors to sums. The fewer of the two are held in registers.
template <int G, int V, class Scalar, class Vector>
inline void multiply_add(Scalar scalar, Vector vector, Floats (&sums)[G][V]) {
  if constexpr (G < V) {
    Floats held[G];
    RONDO_UNROLL for (int g = 0; g < G; g++) held[g] = scalar(g);
    RONDO_UNROLL for (int v = 0; v < V; v++) {
      const Floats x = vector(v);
      RONDO_UNROLL for (int g = 0; g < G; g++) sums[g][v] = fma(x, held[g], sums[g][v]);
    }
  } else {
    Floats held[V];
    RONDO_UNROLL for (int v = 0; v < V; v++) held[v] = vector(v);
    RONDO_UNROLL for (int g = 0; g < G; g++) {
      const Floats x = scalar(g);
      RONDO_UNROLL for (int v = 0; v < V; v++) sums[g][v] = fma(held[v], x, sums[g][v]);
    }
  }
}

template <int G, int T>
RONDO_APART void score_halves(const float* queries, const uint16_t* keys, int dim, int token, float* scores,
                         Ahead* ahead) {
  Floats sums[G][T];
  const uint16_t* k[T];
  RONDO_UNROLL for (int t = 0; t < T; t++) {
    const int at = token + t * kWidth;
    k[t] = keys + (int64_t)(at / kBlock) * kBlock * dim + at % kBlock;
    RONDO_UNROLL for (int g = 0; g < G; g++) sums[g][t] = zero_floats();
  }
  for (int start = 0; start < dim; start += kAheadSteps) {
    ahead->touch(T);
    RONDO_UNROLL for (int step = 0; step < kAheadSteps; step++) {
      const int d = start + step;
      multiply_add<G, T>([&](int g) { return splat(queries[d * G + g]); },
                         [&](int t) { return load_half(k[t] + d * kBlock); }, sums);
    }
  }
  RONDO_UNROLL for (int g = 0; g < G; g++) {
    RONDO_UNROLL for (int t = 0; t < T; t++) store(scores + g * kTile + token + t * kWidth, sums[g][t]);
  }
}

template <int G, int C>
RONDO_APART void sum_halves(const float* weights, const uint16_t* values, int dim, int channel, int tokens,
                       float* out, Ahead* ahead) {
  Floats sums[G][C];
  RONDO_UNROLL for (int g = 0; g < G; g++) {
    RONDO_UNROLL for (int c = 0; c < C; c++) sums[g][c] = load(out + g * dim + channel + c * kWidth);
  }
  const uint16_t* v = values + channel;
  for (int t = 0; t < tokens; t++, v += dim) {
    if (t % kAheadSteps == 0) ahead->touch(C);
    multiply_add<G, C>([&](int g) { return splat(weights[g * kTile + t]); },
                       [&](int c) { return load_half(v + c * kWidth); }, sums);
  }
  RONDO_UNROLL for (int g = 0; g < G; g++) {
    RONDO_UNROLL for (int c = 0; c < C; c++) store(out + g * dim + channel + c * kWidth, sums[g][c]);
  }
}

struct Halves {
  template <int G>
  static void pack(const Unit& unit, int variant, float factor, const Narrow& n) {
    constexpr int half = queries_at_once(G, kNarrowAccumulators);
    pack_queries(unit, variant, factor, 0, half, n.queries);
    pack_queries(unit, variant, factor, half, G - half, n.queries + half * unit.attention->head_dim);
  }

  template <int G>
  static void score(const Narrow& n, const char* keys, int dim, int tokens, Ahead* ahead) {
    constexpr int half = queries_at_once(G, kNarrowAccumulators);
    score_from<half>(n, (const uint16_t*)keys, dim, tokens, ahead, 0);
    if constexpr (half < G) {
      score_from<G - half>(n.from(half, dim, 0), (const uint16_t*)keys, dim, tokens, ahead, 0);
    }
  }

  template <int G>
  static void sum_values(const Narrow& n, const char* values, int dim, int tokens, Ahead* ahead) {
    constexpr int half = queries_at_once(G, kNarrowAccumulators);
    sum_from<half>(n, (const uint16_t*)values, dim, tokens, ahead, 0);
    if constexpr (half < G) {
      sum_from<G - half>(n.from(half, 0, dim), (const uint16_t*)values, dim, tokens, ahead, 0);
    }
  }

 private:
  template <int G, int T = vectors_for(G, kNarrowAccumulators)>
  static void score_from(const Narrow& n, const uint16_t* keys, int dim, int tokens, Ahead* ahead, int token) {
    for (; token + T * kWidth <= tokens; token += T * kWidth) {
      score_halves<G, T>(n.queries, keys, dim, token, n.scores, ahead);
    }
    if constexpr (T > 1) {
      if (token < tokens) score_from<G, T / 2>(n, keys, dim, tokens, ahead, token);
    }
  }

  template <int G, int C = vectors_for(G, kNarrowAccumulators)>
  static void sum_from(const Narrow& n, const uint16_t* values, int dim, int tokens, Ahead* ahead,
                       int channel) {
    for (; channel + C * kWidth <= dim; channel += C * kWidth) {
      sum_halves<G, C>(n.scores, values, dim, channel, tokens, n.sums, ahead);
    }
    if constexpr (C > 1) {
      if (channel < dim) sum_from<G, C / 2>(n, values, dim, tokens, ahead, channel);
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
  Pieces pieces(unit);
  Piece piece, next = {};
  for (bool has = pieces.next(&piece); has; piece = next) {
    has = pieces.next(&next);
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
      const int64_t block = token / kBlock, blocks = blocks_of(tokens);
      const char* values = piece.values + block * value_bytes;
      Ahead value_ahead = {values, values + blocks * value_bytes};
      Kv::template score<G>(n, piece.keys + block * key_bytes, a.head_dim, (int)blocks * kBlock, &value_ahead);
      for (int g = 0; g < G; g++) {
        float* scores = n.scores + g * kTile;
        if (a.softcap > 0) cap_scores(scores, (int)blocks * kBlock, a.softcap);
        const float rescale = weigh(scores, sight[g].first - token, sight[g].end - token, tokens, &running[g]);
        if (rescale != 1.0f) scale_floats(n.sums + g * a.value_dim, a.value_dim, rescale);
      }
      const char* keys = token + tile < end ? piece.keys + (block + blocks) * key_bytes
                         : has              ? next.keys + next.first / kBlock * key_bytes
                                            : nullptr;
      Ahead key_ahead = {keys, keys == nullptr ? nullptr : keys + blocks * key_bytes};
      Kv::template sum_values<G>(n, values, a.value_dim, tokens, &key_ahead);
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
