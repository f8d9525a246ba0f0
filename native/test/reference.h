// Attention in double precision, from the stored keys and values (read as native/README.md describes them)
// or from the floats that were written.
#pragma once

#include "harness.h"

inline double half_value(const unsigned char* p) {
  uint16_t h;
  std::memcpy(&h, p, 2);
  const int exponent = (h >> 10) & 31, fraction = h & 1023;
  const double sign = (h & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

inline double stored_key(const Shape& shape, const unsigned char* head, int token, int d) {
  const int slot = token % 16;
  const unsigned char* block = head + token / 16 * rondo_key_block_bytes(shape.kv_type, shape.head_dim);
  if (shape.kv_type == RONDO_KV_F16) return half_value(block + 2 * (d * 16 + slot));
  const int groups = (shape.head_dim + 31) / 32;
  const int8_t* pairs = (const int8_t*)block + 32 * groups;
  return half_value(block + 2 * (d / 32 * 16 + slot)) * pairs[(d / 2 * 16 + slot) * 2 + d % 2];
}

inline double stored_value(const Shape& shape, const unsigned char* head, int token, int c) {
  const int slot = token % 16;
  const unsigned char* block = head + token / 16 * rondo_value_block_bytes(shape.kv_type, shape.value_dim);
  if (shape.kv_type == RONDO_KV_F16) return half_value(block + 2 * (slot * shape.value_dim + c));
  const int8_t* pairs = (const int8_t*)block + 32;
  return half_value(block + 2 * slot) * pairs[(slot / 2 * shape.value_dim + c) * 2 + slot % 2];
}

// What was written to a segment, [token][kvHead][dim].
struct Written {
  std::vector<float> keys, values;
};

struct Reference {
  std::vector<double> out;    // as Batch::out
  std::vector<double> masses; // as Batch::mass
  std::vector<double> sinks;  // [entry][head], reduced as the masses are
};

// A segment's numbers, [token][kvHead][dim].
struct Plain {
  std::vector<double> keys, values;
};

inline Plain plain_segment(const Batch& b, const rondo_segment& s, const Written* raw) {
  Plain plain;
  if (raw != nullptr) {
    plain.keys.assign(raw->keys.begin(), raw->keys.end());
    plain.values.assign(raw->values.begin(), raw->values.end());
    return plain;
  }
  const int64_t layer = b.attention.layer * s.layer_stride;
  for (int t = 0; t < s.length; t++) {
    for (int h = 0; h < b.shape.num_kv_heads; h++) {
      const unsigned char* keys = (const unsigned char*)s.keys + layer + h * s.key_head_stride;
      const unsigned char* values = (const unsigned char*)s.values + layer + h * s.value_head_stride;
      for (int d = 0; d < b.shape.head_dim; d++) plain.keys.push_back(stored_key(b.shape, keys, t, d));
      for (int c = 0; c < b.shape.value_dim; c++) plain.values.push_back(stored_value(b.shape, values, t, c));
    }
  }
  return plain;
}

// Scores of one row and head against a segment; -infinity where it does not see the token.
inline std::vector<double> reference_scores(const Batch& b, const rondo_segment& segment, const Plain& plain,
                                            int64_t position, int row, int head) {
  const rondo_attention& a = b.attention;
  const int kv_head = head / (a.num_heads / a.num_kv_heads);
  const float* q = &b.query.data[(size_t)segment.query_variant * a.num_rows * a.num_heads * a.head_dim +
                                 ((size_t)row * a.num_heads + head) * a.head_dim];
  std::vector<double> scores;
  for (int t = 0; t < segment.length; t++) {
    const int64_t at = segment.position + t;
    const bool visible = (!segment.causal || at <= position) && (a.window == 0 || position - at < a.window);
    const double* key = &plain.keys[((size_t)t * a.num_kv_heads + kv_head) * a.head_dim];
    double score = 0;
    for (int d = 0; d < a.head_dim; d++) score += q[d] * key[d];
    score *= a.scale;
    if (a.softcap > 0) score = a.softcap * std::tanh(score / a.softcap);
    scores.push_back(visible ? score : -INFINITY);
  }
  return scores;
}

inline void reference_query(const Batch& b, const std::vector<Plain>& plain, int entry_index, int row, int head,
                            Reference* result) {
  const rondo_attention& a = b.attention;
  const rondo_entry& entry = b.entries[(size_t)entry_index];
  const int kv_head = head / (a.num_heads / a.num_kv_heads);
  double peak = a.sinks != nullptr ? b.sinks.data[(size_t)head] : -INFINITY;
  std::vector<std::vector<double>> scores;
  for (int s = 0; s < entry.num_segments; s++) {
    const size_t index = (size_t)(entry.first_segment + s);
    scores.push_back(
        reference_scores(b, b.segments[index], plain[index], entry.position + row, entry.first_row + row, head));
    for (const double score : scores.back()) peak = std::max(peak, score);
  }
  const double sink = a.sinks != nullptr ? std::exp(b.sinks.data[(size_t)head] - peak) : 0.0;
  double total = sink;
  std::vector<double> sums((size_t)entry.num_segments, 0.0), out((size_t)a.value_dim, 0.0);
  for (size_t s = 0; s < scores.size(); s++) {
    const Plain& segment = plain[(size_t)entry.first_segment + s];
    for (size_t t = 0; t < scores[s].size(); t++) {
      if (scores[s][t] == -INFINITY) continue;
      const double weight = std::exp(scores[s][t] - peak);
      const double* value = &segment.values[(t * a.num_kv_heads + kv_head) * a.value_dim];
      sums[s] += weight;
      for (int c = 0; c < a.value_dim; c++) out[(size_t)c] += weight * value[c];
    }
    total += sums[s];
  }
  double* to = &result->out[((size_t)(entry.first_row + row) * a.num_heads + head) * a.value_dim];
  for (int c = 0; c < a.value_dim; c++) to[c] = total > 0 ? out[(size_t)c] / total : 0.0;
  if (row < entry.first_scoring || row >= entry.first_scoring + entry.num_scoring || total == 0) return;
  const auto reduce = [&](double* mass, double x) {
    *mass = a.mass == RONDO_MASS_MAX ? std::max(*mass, x) : *mass + x / entry.num_scoring;
  };
  for (size_t s = 0; s < sums.size(); s++) {
    reduce(&result->masses[((size_t)entry.first_segment + s) * a.num_heads + head], sums[s] / total);
  }
  reduce(&result->sinks[(size_t)entry_index * a.num_heads + head], sink / total);
}

// `written` is per segment of the batch, or empty to read what is stored.
inline Reference reference(const Batch& b, const std::vector<Written>& written) {
  Reference result;
  result.out.assign((size_t)b.attention.num_rows * b.shape.num_heads * b.shape.value_dim, 0.0);
  result.masses.assign(b.segments.size() * b.shape.num_heads, 0.0);
  result.sinks.assign(b.entries.size() * b.shape.num_heads, 0.0);
  std::vector<Plain> plain;
  for (size_t s = 0; s < b.segments.size(); s++) {
    plain.push_back(plain_segment(b, b.segments[s], written.empty() ? nullptr : &written[s]));
  }
  for (size_t e = 0; e < b.entries.size(); e++) {
    for (int row = 0; row < b.entries[e].num_rows; row++) {
      for (int head = 0; head < b.shape.num_heads; head++) reference_query(b, plain, (int)e, row, head, &result);
    }
  }
  return result;
}
