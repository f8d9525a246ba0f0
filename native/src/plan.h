// How the work of the partial op is cut into units, and where their results lie in its tensor. Depends only
// on the entry itself, never on the batch or the threads, so that neither changes a rounding.
#pragma once

#include "unit.h"

namespace rondo {

struct EntryPlan {
  int group;                // query heads per KV head
  int num_queries;          // per KV head
  bool wide;
  int queries_per_unit;
  int64_t query_units;      // per KV head
  int64_t blocks_per_range;
  int64_t num_ranges;
  int64_t num_pieces;       // most (segment, range) pairs
  int64_t units;
  // Floats from the start of the partial tensor.
  int64_t sums;             // [numKvHeads][num_queries][num_ranges][valueDim]
  int64_t peaks;            // [numKvHeads][num_queries][num_ranges][2]
  int64_t masses;           // [numHeads][num_pieces][num_scoring][2], nothing where no masses are asked for
  int64_t end;
};

EntryPlan plan_entry(const rondo_attention& attention, const rondo_entry& entry, int64_t blocks,
                     int64_t first_float);

// Key blocks of an entry's segments, counting each segment's last one as whole.
int64_t blocks_of_entry(const rondo_attention& attention, const rondo_entry& entry);

// More blocks than any entry has: a plan for them takes the most memory that any plan for the entry takes.
constexpr int64_t kMostBlocks = (int64_t)1 << 40;

// Floats of scratch at the start of the partial tensor, per thread.
int64_t thread_floats(const rondo_attention& attention);

// Whether the numbers of an attention are ones the kernel was written for.
bool has_valid_shape(const rondo_attention& attention);

}  // namespace rondo
