// What the scheduler hands to a build of the kernel: one unit of work of the partial op.
//
// Queries of an entry that share a KV head are numbered row * group + head within the group. A unit is one
// KV head, a run of its queries and a range of the entry's key blocks; its result is, for each query, a
// weighted sum of values (not yet divided), the highest score and the sum of weights.
#pragma once

#include "../rondo_attention.h"

namespace rondo {

constexpr int kBlock = RONDO_BLOCK_TOKENS;
// Keys that are scored together; their scores stay in the first-level cache.
constexpr int kTile = 64;
// Most queries that the narrow kernel holds in registers.
constexpr int kNarrowQueries = 8;
// Queries of a wide unit; a multiple of every build's kWideRows.
constexpr int kWideQueries = 48;
// Highest score of a query that has seen no key; finite, so that differences stay numbers.
constexpr float kNothing = -1e30f;

// Scores carry log2(e), so that weights are powers of two.
struct Unit {
  const rondo_attention* attention;
  const rondo_entry* entry;
  const float* queries; // data of the query tensor
  int kv_head;
  int group;         // query heads per KV head
  int first_query;
  int num_queries;
  int64_t first_block; // of the entry's blocks, counted over its segments
  int64_t end_block;
  int64_t range;     // which of the entry's ranges of blocks this is
  int64_t num_ranges;
  float* sums;       // [valueDim] of first_query; the next query is num_ranges * valueDim floats on
  float* peaks;      // highest score and sum of weights of first_query; the next query 2 * num_ranges on
  float* masses;     // the same pair by [head][piece][scoring row] of this KV head, or null
  int64_t num_pieces;
  float* scratch;
};

// A part of a segment that lies in a unit's range.
struct Piece {
  const char* keys;   // block 0 of the segment for this KV head and layer
  const char* values;
  int64_t position;   // of the segment's token 0
  int64_t index;      // segment + range: a number of its own along the staircase of both
  int first;          // tokens of the segment
  int end;
  int causal;
  int variant;
};

using RunUnit = void (*)(const Unit& unit);
using HalvesFromFloats = void (*)(const float* from, uint16_t* to, int count);

// One build of the kernel.
struct Kernel {
  int isa;
  RunUnit narrow;
  RunUnit wide;
  HalvesFromFloats halves_from_floats; // count is a multiple of 16
};

static constexpr int64_t blocks_of(int64_t tokens) { return (tokens + kBlock - 1) / kBlock; }

static constexpr int scale_groups(int head_dim) {
  return (head_dim + RONDO_SCALE_DIMS - 1) / RONDO_SCALE_DIMS;
}
static constexpr int64_t key_block_bytes(int kv_type, int head_dim) {
  return kv_type == RONDO_KV_F16 ? (int64_t)kBlock * head_dim * 2
                                 : (int64_t)kBlock * (head_dim + 2 * scale_groups(head_dim));
}
static constexpr int64_t value_block_bytes(int kv_type, int value_dim) {
  return kv_type == RONDO_KV_F16 ? (int64_t)kBlock * value_dim * 2 : (int64_t)kBlock * (value_dim + 2);
}

// Floats of scratch that a unit of either kernel needs; see narrow.h and wide.h for what they hold.
static constexpr int64_t scratch_floats(int head_dim, int value_dim) {
  const int64_t narrow = (int64_t)kNarrowQueries * (kTile + kTile / 2 + head_dim + value_dim + kBlock);
  const int64_t wide =
      (int64_t)kTile * (head_dim + value_dim) + (int64_t)kWideQueries * (kTile + head_dim + value_dim);
  return narrow > wide ? narrow : wide;
}

}  // namespace rondo
