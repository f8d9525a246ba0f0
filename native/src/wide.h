// Many queries (prefill): blocks of 48 queries against tiles of 64 keys, both as products of matrices whose
// register tile is kWideRows queries by kWideVectors vectors, so that arithmetic is the limit. A tile of
// keys and of values is widened to f32 once for all queries of the unit. Included inside the unnamed
// namespace of a build.
//
// Scratch: keys [kTile/16][headDim][16], values [kTile][valueDim], queries [48/kWideRows][headDim][kWideRows],
// scores [48][kTile], sums of values [48][valueDim].

static_assert(kWideQueries % kWideRows == 0, "a unit is whole register tiles");

struct Wide {
  float* keys;
  float* values;
  float* queries;
  float* scores;
  float* sums;
};

inline Wide wide_scratch(const Unit& unit) {
  const int head_dim = unit.attention->head_dim, value_dim = unit.attention->value_dim;
  Wide w;
  w.keys = unit.scratch;
  w.values = w.keys + kTile * head_dim;
  w.queries = w.values + kTile * value_dim;
  w.scores = w.queries + kWideQueries * head_dim;
  w.sums = w.scores + kWideQueries * kTile;
  return w;
}

inline void widen_halves(const uint16_t* from, float* to, int count) {
  for (int i = 0; i < count; i += kWidth) store(to + i, load_half(from + i));
}

// The first and the second of each pair of int8.
inline Floats evens(Pairs pairs) { return to_floats(multiply_pairs(zero_sums(), pairs, splat_pair(1))); }
inline Floats odds(Pairs pairs) { return to_floats(multiply_pairs(zero_sums(), pairs, splat_pair(1 << 16))); }

inline void widen_keys(int kv_type, const char* from, int dim, int blocks, float* to) {
  if (kv_type == RONDO_KV_F16) return widen_halves((const uint16_t*)from, to, blocks * kBlock * dim);
  const int groups = scale_groups(dim);
  for (int block = 0; block < blocks; block++, from += key_block_bytes(RONDO_KV_Q8, dim)) {
    const int8_t* pairs = (const int8_t*)from + 2 * kBlock * groups;
    for (int d = 0; d < dim; d += 2, pairs += 2 * kBlock, to += 2 * kBlock) {
      const uint16_t* scales = (const uint16_t*)from + d / RONDO_SCALE_DIMS * kBlock;
      for (int t = 0; t < kBlock; t += kWidth) {
        const Floats scale = load_half(scales + t);
        const Pairs pair = load_pairs(pairs + 2 * t);
        store(to + t, mul(evens(pair), scale));
        store(to + kBlock + t, mul(odds(pair), scale));
      }
    }
  }
}

// `to` has room for whole blocks of tokens.
inline void widen_values(int kv_type, const char* from, int dim, int tokens, float* to) {
  if (kv_type == RONDO_KV_F16) return widen_halves((const uint16_t*)from, to, tokens * dim);
  for (int token = 0; token < tokens; token += kBlock, from += value_block_bytes(RONDO_KV_Q8, dim)) {
    float scale[kBlock];
    widen_halves((const uint16_t*)from, scale, kBlock);
    const int8_t* pairs = (const int8_t*)from + 2 * kBlock;
    for (int t = 0; t < kBlock; t += 2, to += 2 * dim, pairs += 2 * dim) {
      const Floats even = splat(scale[t]), odd = splat(scale[t + 1]);
      for (int c = 0; c < dim; c += kWidth) {
        const Pairs pair = load_pairs(pairs + 2 * c);
        store(to + c, mul(evens(pair), even));
        store(to + dim + c, mul(odds(pair), odd));
      }
    }
  }
}

inline void pack_wide(const Unit& unit, int variant, float factor, float* packed) {
  const int dim = unit.attention->head_dim;
  for (int i = 0; i < unit.num_queries; i++) {
    const float* q = query_data(unit, variant, i);
    float* to = packed + i / kWideRows * kWideRows * dim + i % kWideRows;
    for (int d = 0; d < dim; d++) to[d * kWideRows] = q[d] * factor;
  }
  for (int i = unit.num_queries; i % kWideRows != 0; i++) {
    float* to = packed + i / kWideRows * kWideRows * dim + i % kWideRows;
    for (int d = 0; d < dim; d++) to[d * kWideRows] = 0.0f;
  }
}

template <int V>
inline void score_wide(const float* queries, const float* keys, int dim, int token, float* scores) {
  Floats sums[kWideRows][V];
  const float* k[V];
  RONDO_UNROLL for (int v = 0; v < V; v++) {
    const int at = token + v * kWidth;
    k[v] = keys + at / kBlock * kBlock * dim + at % kBlock;
    RONDO_UNROLL for (int r = 0; r < kWideRows; r++) sums[r][v] = zero_floats();
  }
  for (int d = 0; d < dim; d++) {
    Floats key[V];
    RONDO_UNROLL for (int v = 0; v < V; v++) key[v] = load(k[v] + d * kBlock);
    RONDO_UNROLL for (int r = 0; r < kWideRows; r++) {
      const Floats q = splat(queries[d * kWideRows + r]);
      RONDO_UNROLL for (int v = 0; v < V; v++) sums[r][v] = fma(key[v], q, sums[r][v]);
    }
  }
  RONDO_UNROLL for (int r = 0; r < kWideRows; r++) {
    RONDO_UNROLL for (int v = 0; v < V; v++) store(scores + r * kTile + token + v * kWidth, sums[r][v]);
  }
}

template <int V>
inline void sum_wide(const float* weights, const float* values, int dim, int channel, int tokens, float* out) {
  Floats sums[kWideRows][V];
  RONDO_UNROLL for (int r = 0; r < kWideRows; r++) {
    RONDO_UNROLL for (int v = 0; v < V; v++) sums[r][v] = load(out + r * dim + channel + v * kWidth);
  }
  const float* from = values + channel;
  for (int t = 0; t < tokens; t++, from += dim) {
    Floats value[V];
    RONDO_UNROLL for (int v = 0; v < V; v++) value[v] = load(from + v * kWidth);
    RONDO_UNROLL for (int r = 0; r < kWideRows; r++) {
      const Floats w = splat(weights[r * kTile + t]);
      RONDO_UNROLL for (int v = 0; v < V; v++) sums[r][v] = fma(value[v], w, sums[r][v]);
    }
  }
  RONDO_UNROLL for (int r = 0; r < kWideRows; r++) {
    RONDO_UNROLL for (int v = 0; v < V; v++) store(out + r * dim + channel + v * kWidth, sums[r][v]);
  }
}

template <int V = kWideVectors>
void score_tile(const Wide& w, int first, int end, int dim, int tokens) {
  int token = 0;
  for (; token + V * kWidth <= tokens; token += V * kWidth) {
    for (int i = first; i < end; i += kWideRows) {
      score_wide<V>(w.queries + i * dim, w.keys, dim, token, w.scores + i * kTile);
    }
  }
  if constexpr (V > 1) {
    for (; token < tokens; token += kWidth) {
      for (int i = first; i < end; i += kWideRows) {
        score_wide<1>(w.queries + i * dim, w.keys, dim, token, w.scores + i * kTile);
      }
    }
  }
}

template <int V = kWideVectors>
void sum_tile(const Wide& w, int first, int end, int dim, int tokens) {
  int channel = 0;
  for (; channel + V * kWidth <= dim; channel += V * kWidth) {
    for (int i = first; i < end; i += kWideRows) {
      sum_wide<V>(w.scores + i * kTile, w.values, dim, channel, tokens, w.sums + i * dim);
    }
  }
  if constexpr (V > 1) {
    for (; channel < dim; channel += kWidth) {
      for (int i = first; i < end; i += kWideRows) {
        sum_wide<1>(w.scores + i * kTile, w.values, dim, channel, tokens, w.sums + i * dim);
      }
    }
  }
}

struct WideState {
  Running running[kWideQueries];
  Sight sight[kWideQueries];
};

// One tile of a piece: `tokens` tokens from `token` on, for the queries [first, end).
inline void run_tile(const Unit& unit, const Wide& w, WideState* state, int first, int end, int token,
                     int tokens) {
  const rondo_attention& a = *unit.attention;
  const int padded = (int)blocks_of(tokens) * kBlock;
  const int from = first / kWideRows * kWideRows;
  score_tile(w, from, end, a.head_dim, padded);
  for (int i = from; i < end; i++) {
    float* scores = w.scores + i * kTile;
    if (a.softcap > 0) cap_scores(scores, padded, a.softcap);
    const Sight& s = state->sight[i];
    const float rescale = weigh(scores, s.first - token, s.end - token, tokens, &state->running[i]);
    if (rescale != 1.0f) scale_floats(w.sums + i * a.value_dim, a.value_dim, rescale);
  }
  sum_tile(w, from, end, a.value_dim, tokens);
}

void run_wide(const Unit& unit) {
  const rondo_attention& a = *unit.attention;
  const Wide w = wide_scratch(unit);
  const int64_t key_bytes = key_block_bytes(a.kv_type, a.head_dim);
  const int64_t value_bytes = value_block_bytes(a.kv_type, a.value_dim);
  const float factor = a.softcap > 0 ? a.scale : a.scale * kLog2E;
  WideState state;
  for (Running& r : state.running) r = {kNothing, 0.0f, 0.0f};
  clear_floats(w.sums, kWideQueries * a.value_dim);
  clear_floats(w.scores, kWideQueries * kTile);
  int packed_variant = -1;
  Piece piece;
  for (Pieces pieces(unit); pieces.next(&piece);) {
    if (piece.variant != packed_variant) {
      pack_wide(unit, piece.variant, factor, w.queries);
      packed_variant = piece.variant;
    }
    int first = piece.end, end = piece.first;
    for (int i = 0; i < unit.num_queries; i++) {
      const Sight s = state.sight[i] = sight_of(unit, piece, i);
      if (s.first < s.end && s.first < first) first = s.first;
      if (s.first < s.end && s.end > end) end = s.end;
    }
    for (int token = first / kBlock * kBlock; token < end; token += kTile) {
      const int tokens = end - token < kTile ? end - token : kTile;
      // Queries are in the order of their positions, so those that see nothing here are at the ends.
      int low = 0, high = unit.num_queries;
      while (low < high && state.sight[low].end <= token) low++;
      while (high > low && state.sight[high - 1].first >= token + tokens) high--;
      if (low == high) continue;
      // Whole register tiles: what is summed for a query must have been weighed for it first.
      high = (high + kWideRows - 1) / kWideRows * kWideRows;
      if (high > unit.num_queries) high = unit.num_queries;
      const int64_t block = token / kBlock;
      widen_keys(a.kv_type, piece.keys + block * key_bytes, a.head_dim, (int)blocks_of(tokens), w.keys);
      widen_values(a.kv_type, piece.values + block * value_bytes, a.value_dim, tokens, w.values);
      run_tile(unit, w, &state, low, high, token, tokens);
    }
    for (int i = 0; i < unit.num_queries; i++) end_piece(&state.running[i], mass_of(unit, piece, i));
  }
  for (int i = 0; i < unit.num_queries; i++) {
    float* out = unit.sums + i * unit.num_ranges * a.value_dim;
    for (int c = 0; c < a.value_dim; c += kWidth) store(out + c, load(w.sums + i * a.value_dim + c));
    unit.peaks[2 * i * unit.num_ranges] = state.running[i].peak;
    unit.peaks[2 * i * unit.num_ranges + 1] = state.running[i].total;
  }
}
