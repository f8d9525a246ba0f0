#include "reduce.h"

#include <cmath>

namespace rondo {

namespace {

constexpr float kLog2E = 1.44269504088896340736f;

// Scores of one query as the powers of two that they are: highest, and sum relative to it.
struct Total {
  float peak;
  float sum;
};

Total total_of(const float* peaks, int64_t num_ranges, const float* sink) {
  Total total = {kNothing, 0.0f};
  for (int64_t r = 0; r < num_ranges; r++) {
    if (peaks[2 * r + 1] > 0.0f && peaks[2 * r] > total.peak) total.peak = peaks[2 * r];
  }
  const float sink_score = sink == nullptr ? kNothing : *sink * kLog2E;
  if (sink_score > total.peak) total.peak = sink_score;
  for (int64_t r = 0; r < num_ranges; r++) {
    if (peaks[2 * r + 1] > 0.0f) total.sum += peaks[2 * r + 1] * std::exp2(peaks[2 * r] - total.peak);
  }
  if (sink != nullptr) total.sum += std::exp2(sink_score - total.peak);
  return total;
}

void reduce_query(const float* sums, const float* peaks, int64_t num_ranges, const float* sink, int dim,
                  float* out) {
  const Total total = total_of(peaks, num_ranges, sink);
  for (int c = 0; c < dim; c++) out[c] = 0.0f;
  for (int64_t r = 0; r < num_ranges; r++) {
    // A range in which the query saw nothing holds nothing.
    if (!(peaks[2 * r + 1] > 0.0f)) continue;
    const float weight = std::exp2(peaks[2 * r] - total.peak) / total.sum;
    const float* from = sums + r * dim;
    for (int c = 0; c < dim; c++) out[c] += weight * from[c];
  }
}

struct EntryPart {
  const rondo_attention& a;
  const rondo_entry& entry;
  const EntryPlan& plan;
  const float* partial;
  const float* sinks;

  int64_t query_index(int row, int head) const {
    return (int64_t)(head / plan.group) * plan.num_queries + row * plan.group + head % plan.group;
  }
  const float* peaks(int row, int head) const {
    return partial + plan.peaks + 2 * plan.num_ranges * query_index(row, head);
  }
  const float* sums(int row, int head) const {
    return partial + plan.sums + plan.num_ranges * a.value_dim * query_index(row, head);
  }
  const float* sink(int head) const { return sinks == nullptr ? nullptr : sinks + head; }
};

// Adds one scoring row to the masses of the entry's segments for one head.
void add_masses(const EntryPart& part, int head, int scoring, float* out) {
  const EntryPlan& plan = part.plan;
  const int num_scoring = part.entry.num_scoring;
  const float* shares = part.partial + plan.masses + 2 * head * plan.num_pieces * num_scoring;
  const int row = part.entry.first_scoring + scoring;
  const Total total = total_of(part.peaks(row, head), plan.num_ranges, part.sink(head));
  int64_t start = 0;
  for (int s = 0; s < part.entry.num_segments; s++) {
    const int64_t blocks = blocks_of(part.a.segments[part.entry.first_segment + s].length);
    float mass = 0.0f;
    if (blocks > 0) {
      const int64_t last = (start + blocks - 1) / plan.blocks_per_range;
      for (int64_t r = start / plan.blocks_per_range; r <= last; r++) {
        const float* share = shares + 2 * ((s + r) * num_scoring + scoring);
        if (share[1] > 0.0f) mass += share[1] * std::exp2(share[0] - total.peak) / total.sum;
      }
    }
    float* to = out + (int64_t)(part.entry.first_segment + s) * part.a.num_heads + head;
    if (part.a.mass == RONDO_MASS_MEAN) {
      *to += mass / (float)num_scoring;
    } else if (mass > *to) {
      *to = mass;
    }
    start += blocks;
  }
}

}  // namespace

void reduce_rows(const rondo_attention& a, const float* partial, float* output, int ith, int nth) {
  const float* sinks = a.sinks == nullptr ? nullptr : (const float*)a.get_data(a.sinks);
  float* masses = output + (int64_t)a.num_rows * a.num_heads * a.value_dim;
  int64_t share = 0; // of a thread: one row and head, or the masses of one entry and head
  int64_t first_float = thread_floats(a) * a.num_threads;
  for (int e = 0; e < a.num_entries; e++) {
    const rondo_entry& entry = a.entries[e];
    const EntryPlan plan = plan_entry(a, entry, blocks_of_entry(a, entry), first_float);
    first_float = plan.end;
    const EntryPart part = {a, entry, plan, partial, sinks};
    for (int row = 0; row < entry.num_rows; row++) {
      for (int head = 0; head < a.num_heads; head++, share++) {
        if (share % nth != ith) continue;
        float* out = output + ((int64_t)(entry.first_row + row) * a.num_heads + head) * a.value_dim;
        reduce_query(part.sums(row, head), part.peaks(row, head), plan.num_ranges, part.sink(head),
                     a.value_dim, out);
      }
    }
    if (a.mass == RONDO_MASS_NONE) continue;
    for (int head = 0; head < a.num_heads; head++, share++) {
      if (share % nth != ith) continue;
      for (int s = 0; s < entry.num_segments; s++) {
        masses[(int64_t)(entry.first_segment + s) * a.num_heads + head] = 0.0f;
      }
      for (int row = 0; row < entry.num_scoring; row++) add_masses(part, head, row, masses);
    }
  }
}

}  // namespace rondo
