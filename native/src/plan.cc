#include "plan.h"

namespace rondo {

namespace {

// Units of one entry that keep the threads of a large machine busy.
constexpr int64_t kWantedUnits = 64;
// Fewest key blocks that are worth a unit of their own.
constexpr int64_t kNarrowBlocks = 16;
constexpr int64_t kWideBlocks = 32;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t align(int64_t floats) { return divide_up(floats, 16) * 16; }

}  // namespace

int64_t blocks_of_entry(const rondo_attention& a, const rondo_entry& entry) {
  int64_t blocks = 0;
  for (int i = 0; i < entry.num_segments; i++) {
    blocks += blocks_of(a.segments[entry.first_segment + i].length);
  }
  return blocks;
}

EntryPlan plan_entry(const rondo_attention& a, const rondo_entry& entry, int64_t blocks, int64_t first_float) {
  EntryPlan plan;
  plan.group = a.num_heads / a.num_kv_heads;
  plan.num_queries = entry.num_rows * plan.group;
  // Up to twice what the registers hold, reading the keys a second time costs less than widening them for few.
  plan.wide = plan.num_queries > 2 * kNarrowQueries;
  const int halves = plan.num_queries > kNarrowQueries ? 2 : 1;
  plan.queries_per_unit = plan.wide ? kWideQueries : (plan.num_queries + halves - 1) / halves;
  plan.query_units = plan.num_queries > 0 ? divide_up(plan.num_queries, plan.queries_per_unit) : 0;
  const int64_t fewest = plan.wide ? kWideBlocks : kNarrowBlocks;
  const int64_t wanted = plan.query_units == 0 ? 1 : divide_up(kWantedUnits, plan.query_units * a.num_kv_heads);
  const int64_t possible = blocks / fewest > 0 ? blocks / fewest : 1;
  plan.blocks_per_range = divide_up(blocks > 0 ? blocks : 1, wanted < possible ? wanted : possible);
  plan.num_ranges = divide_up(blocks > 0 ? blocks : 1, plan.blocks_per_range);
  plan.num_pieces = entry.num_segments + plan.num_ranges - 1;
  plan.units = a.num_kv_heads * plan.query_units * plan.num_ranges;
  const int64_t results = (int64_t)a.num_kv_heads * plan.num_queries * plan.num_ranges;
  plan.sums = first_float;
  plan.peaks = align(plan.sums + results * a.value_dim);
  plan.masses = align(plan.peaks + 2 * results);
  const int64_t shares =
      a.mass == RONDO_MASS_NONE ? 0 : 2 * a.num_heads * plan.num_pieces * (int64_t)entry.num_scoring;
  plan.end = align(plan.masses + shares);
  return plan;
}

int64_t thread_floats(const rondo_attention& a) { return align(scratch_floats(a.head_dim, a.value_dim)); }

bool has_valid_shape(const rondo_attention& a) {
  const auto is_width = [](int dim) { return dim > 0 && dim % 16 == 0 && dim <= RONDO_MAX_HEAD_DIM; };
  return is_width(a.head_dim) && is_width(a.value_dim) && a.num_kv_heads > 0 && a.num_heads > 0 &&
         a.num_heads % a.num_kv_heads == 0 && a.num_threads > 0 && a.num_entries >= 0 &&
         (a.kv_type == RONDO_KV_F16 || a.kv_type == RONDO_KV_Q8) && a.mass >= RONDO_MASS_NONE &&
         a.mass <= RONDO_MASS_MAX;
}

}  // namespace rondo
