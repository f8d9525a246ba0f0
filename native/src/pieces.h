// Walks the parts of segments that lie in a unit's range, and tells what each query sees of them.
// Included inside the unnamed namespace of a build.

struct Pieces {
  const Unit& unit;
  int segment = 0;
  int64_t start = 0; // block of the entry at which `segment` starts

  explicit Pieces(const Unit& unit) : unit(unit) {}

  bool next(Piece* piece) {
    const rondo_attention& a = *unit.attention;
    for (; segment < unit.entry->num_segments && start < unit.end_block; segment++) {
      const rondo_segment& s = a.segments[unit.entry->first_segment + segment];
      const int64_t blocks = blocks_of(s.length);
      const int64_t first = unit.first_block > start ? unit.first_block - start : 0;
      const int64_t end = unit.end_block - start < blocks ? unit.end_block - start : blocks;
      start += blocks;
      if (first >= end) continue;
      piece->keys = (const char*)s.keys + a.layer * s.layer_stride + unit.kv_head * s.key_head_stride;
      piece->values = (const char*)s.values + a.layer * s.layer_stride + unit.kv_head * s.value_head_stride;
      piece->position = s.position;
      piece->index = segment + unit.range;
      piece->first = (int)(first * kBlock);
      piece->end = end * kBlock < s.length ? (int)(end * kBlock) : s.length;
      piece->causal = s.causal;
      piece->variant = s.query_variant;
      segment++;
      return true;
    }
    return false;
  }
};

// Tokens of a piece that a query sees: [first, end).
struct Sight {
  int first;
  int end;
};

inline int clamp_token(int64_t token, const Piece& piece) {
  return token < piece.first ? piece.first : token > piece.end ? piece.end : (int)token;
}

inline Sight sight_of(const Unit& unit, const Piece& piece, int query) {
  const int64_t row = unit.entry->position + (unit.first_query + query) / unit.group - piece.position;
  const int window = unit.attention->window;
  return {window > 0 ? clamp_token(row - window + 1, piece) : piece.first,
          piece.causal ? clamp_token(row + 1, piece) : piece.end};
}

inline const float* query_data(const Unit& unit, int variant, int query) {
  const rondo_attention& a = *unit.attention;
  const int number = unit.first_query + query;
  const int row = unit.entry->first_row + number / unit.group;
  const int head = unit.kv_head * unit.group + number % unit.group;
  return (const float*)((const char*)unit.queries + variant * a.query_variant_stride +
                        row * a.query_row_stride + head * a.query_head_stride);
}

// Where a query's share of a piece goes, or null where nobody asks for it.
inline float* mass_of(const Unit& unit, const Piece& piece, int query) {
  if (unit.masses == nullptr) return nullptr;
  const int number = unit.first_query + query;
  const int row = number / unit.group - unit.entry->first_scoring;
  if (row < 0 || row >= unit.entry->num_scoring) return nullptr;
  const int head = number % unit.group;
  return unit.masses + 2 * ((head * unit.num_pieces + piece.index) * unit.entry->num_scoring + row);
}
