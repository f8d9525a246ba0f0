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

inline double reference_key(const Batch& b, int segment, int kv_head, int token, int d, const Written* raw) {
  const rondo_segment& s = b.segments[(size_t)segment];
  if (raw != nullptr) return raw->keys[((size_t)token * b.shape.num_kv_heads + kv_head) * b.shape.head_dim + d];
  return stored_key(b.shape,
                    (const unsigned char*)s.keys + b.attention.layer * s.layer_stride + kv_head * s.key_head_stride,
                    token, d);
}

inline double reference_value(const Batch& b, int segment, int kv_head, int token, int c, const Written* raw) {
  const rondo_segment& s = b.segments[(size_t)segment];
  if (raw != nullptr) return raw->values[((size_t)token * b.shape.num_kv_heads + kv_head) * b.shape.value_dim + c];
  return stored_value(
      b.shape,
      (const unsigned char*)s.values + b.attention.layer * s.layer_stride + kv_head * s.value_head_stride, token, c);
}

// One row and head of an entry; `written` is per segment of the batch, or empty to read what is stored.
inline void reference_query(const Batch& b, const rondo_entry& entry, int entry_index, int row, int head,
                            const std::vector<Written>& written, Reference* result) {
  const rondo_attention& a = b.attention;
  const int kv_head = head / (a.num_heads / a.num_kv_heads);
  const int64_t position = entry.position + row;
  std::vector<double> segment_sum((size_t)entry.num_segments, 0.0), out((size_t)a.value_dim, 0.0);
  double peak = a.sinks != nullptr ? b.sinks.data[(size_t)head] : -INFINITY, total = 0;
  std::vector<std::vector<double>> scores((size_t)entry.num_segments);
  for (int s = 0; s < entry.num_segments; s++) {
    const int index = entry.first_segment + s;
    const rondo_segment& segment = b.segments[(size_t)index];
    const float* q = &b.query.data[(size_t)segment.query_variant * a.num_rows * a.num_heads * a.head_dim +
                                   ((size_t)(entry.first_row + row) * a.num_heads + head) * a.head_dim];
    for (int t = 0; t < segment.length; t++) {
      const int64_t at = segment.position + t;
      const bool visible = (!segment.causal || at <= position) && (a.window == 0 || position - at < a.window);
      double score = -INFINITY;
      if (visible) {
        score = 0;
        for (int d = 0; d < a.head_dim; d++) {
          score += q[d] * reference_key(b, index, kv_head, t, d, written.empty() ? nullptr : &written[(size_t)index]);
        }
        score *= a.scale;
        if (a.softcap > 0) score = a.softcap * std::tanh(score / a.softcap);
      }
      scores[(size_t)s].push_back(score);
      peak = std::max(peak, score);
    }
  }
  for (int s = 0; s < entry.num_segments; s++) {
    const int index = entry.first_segment + s;
    for (int t = 0; t < (int)scores[(size_t)s].size(); t++) {
      if (scores[(size_t)s][(size_t)t] == -INFINITY) continue;
      const double weight = std::exp(scores[(size_t)s][(size_t)t] - peak);
      segment_sum[(size_t)s] += weight;
      for (int c = 0; c < a.value_dim; c++) {
        out[(size_t)c] +=
            weight * reference_value(b, index, kv_head, t, c, written.empty() ? nullptr : &written[(size_t)index]);
      }
    }
    total += segment_sum[(size_t)s];
  }
  const double sink = a.sinks != nullptr ? std::exp(b.sinks.data[(size_t)head] - peak) : 0.0;
  total += sink;
  double* to = &result->out[((size_t)(entry.first_row + row) * a.num_heads + head) * a.value_dim];
  for (int c = 0; c < a.value_dim; c++) to[c] = total > 0 ? out[(size_t)c] / total : 0.0;
  if (row < entry.first_scoring || row >= entry.first_scoring + entry.num_scoring || total == 0) return;
  const auto reduce = [&](double* mass, double x) {
    *mass = a.mass == RONDO_MASS_MAX ? std::max(*mass, x) : *mass + x / entry.num_scoring;
  };
  for (int s = 0; s < entry.num_segments; s++) {
    reduce(&result->masses[(size_t)(entry.first_segment + s) * a.num_heads + head], segment_sum[(size_t)s] / total);
  }
  reduce(&result->sinks[(size_t)entry_index * a.num_heads + head], sink / total);
}

inline Reference reference(const Batch& b, const std::vector<Written>& written) {
  Reference result;
  result.out.assign((size_t)b.attention.num_rows * b.shape.num_heads * b.shape.value_dim, 0.0);
  result.masses.assign(b.segments.size() * b.shape.num_heads, 0.0);
  result.sinks.assign(b.entries.size() * b.shape.num_heads, 0.0);
  for (size_t e = 0; e < b.entries.size(); e++) {
    for (int row = 0; row < b.entries[e].num_rows; row++) {
      for (int head = 0; head < b.shape.num_heads; head++) {
        reference_query(b, b.entries[e], (int)e, row, head, written, &result);
      }
    }
  }
  return result;
}
