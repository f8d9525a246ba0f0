// Builds batches for the ops and runs them as ggml does: every thread runs every node, with a barrier between.
#pragma once

#include <pthread.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "../rondo_attention.h"

// Stands for a ggml tensor: the ops see it through get_data only.
struct Tensor {
  std::vector<float> data;
};

inline void* tensor_data(const void* tensor) { return ((Tensor*)tensor)->data.data(); }

struct Shape {
  int num_heads = 1;
  int num_kv_heads = 1;
  int head_dim = 16;
  int value_dim = 16;
  int kv_type = RONDO_KV_F16;
};

// A buffer of whole blocks [layer][kvHead][keys | values], as an open page or a packed round has it.
struct Page {
  int capacity = 0;
  int64_t key_bytes = 0, value_bytes = 0, head_bytes = 0, layer_bytes = 0;
  std::vector<unsigned char> bytes;

  // What is not written holds 0xff, which reads as a NaN or as the int8 -1.
  Page(const Shape& shape, int tokens, int num_layers = 1) {
    const int blocks = (tokens + RONDO_BLOCK_TOKENS - 1) / RONDO_BLOCK_TOKENS;
    capacity = blocks * RONDO_BLOCK_TOKENS;
    key_bytes = blocks * rondo_key_block_bytes(shape.kv_type, shape.head_dim);
    value_bytes = blocks * rondo_value_block_bytes(shape.kv_type, shape.value_dim);
    head_bytes = key_bytes + value_bytes;
    layer_bytes = head_bytes * shape.num_kv_heads;
    bytes.assign((size_t)(layer_bytes * num_layers), 0xff);
  }

  rondo_segment segment(int64_t position, int length, bool causal) {
    rondo_segment s = {};
    s.keys = bytes.data();
    s.values = bytes.data() + key_bytes;
    s.key_head_stride = s.value_head_stride = head_bytes;
    s.layer_stride = layer_bytes;
    s.position = position;
    s.length = length;
    s.causal = causal;
    return s;
  }

  rondo_write write(int first_row, int num_rows, int first_slot) {
    rondo_write w = {};
    w.keys = bytes.data();
    w.values = bytes.data() + key_bytes;
    w.key_head_stride = w.value_head_stride = head_bytes;
    w.layer_stride = layer_bytes;
    w.first_row = first_row;
    w.num_rows = num_rows;
    w.first_slot = first_slot;
    return w;
  }
};

// One call of the three ops.
struct Batch {
  Shape shape;
  Tensor query, key, value, sinks, partial, output;
  int num_variants = 1;
  std::vector<rondo_segment> segments;
  std::vector<rondo_entry> entries;
  std::vector<rondo_write> writes;
  rondo_attention attention = {};
  rondo_sizes sizes = {};

  explicit Batch(const Shape& shape) : shape(shape) {}

  // Fills in what follows from the shape; returns rondo_attention_sizes's verdict.
  int prepare(int num_rows, int num_threads) {
    rondo_attention& a = attention;
    a.abi_version = RONDO_ABI_VERSION;
    a.struct_bytes = sizeof a;
    a.get_data = tensor_data;
    a.query = &query;
    a.key = &key;
    a.value = &value;
    a.sinks = sinks.data.empty() ? nullptr : &sinks;
    a.partial = &partial;
    a.query_head_stride = shape.head_dim * 4;
    a.query_row_stride = a.query_head_stride * shape.num_heads;
    a.query_variant_stride = a.query_row_stride * num_rows;
    a.key_head_stride = shape.head_dim * 4;
    a.key_row_stride = a.key_head_stride * shape.num_kv_heads;
    a.value_head_stride = shape.value_dim * 4;
    a.value_row_stride = a.value_head_stride * shape.num_kv_heads;
    a.entries = entries.data();
    a.segments = segments.data();
    a.writes = writes.data();
    a.num_entries = (int)entries.size();
    a.num_segments = (int)segments.size();
    a.num_writes = (int)writes.size();
    a.num_heads = shape.num_heads;
    a.num_kv_heads = shape.num_kv_heads;
    a.head_dim = shape.head_dim;
    a.value_dim = shape.value_dim;
    a.kv_type = shape.kv_type;
    a.num_rows = num_rows;
    a.num_threads = num_threads;
    if (a.scale == 0) a.scale = 1.0f / std::sqrt((float)shape.head_dim);
    const int refused = rondo_attention_sizes(&a, &sizes);
    if (refused != RONDO_OK) return refused;
    a.partial_floats = sizes.partial_floats;
    a.output_floats = sizes.output_floats;
    partial.data.assign((size_t)sizes.partial_floats, NAN);
    output.data.assign((size_t)sizes.output_floats, NAN);
    return RONDO_OK;
  }

  const float* out(int row, int head) const {
    return &output.data[((size_t)row * shape.num_heads + head) * shape.value_dim];
  }
  float mass(int segment, int head) const {
    return output.data[(size_t)sizes.mass_offset + (size_t)segment * shape.num_heads + head];
  }
};

inline void run_thread(Batch& batch, int ith, int nth, pthread_barrier_t* barrier) {
  rondo_attention_write(nullptr, ith, nth, &batch.attention);
  if (barrier != nullptr) pthread_barrier_wait(barrier);
  rondo_attention_partial(&batch.partial, ith, nth, &batch.attention);
  if (barrier != nullptr) pthread_barrier_wait(barrier);
  rondo_attention_reduce(&batch.output, ith, nth, &batch.attention);
}

// Runs the three nodes `repeats` times over on `nth` threads; returns the status they left.
inline int run_batch(Batch& batch, int nth, int repeats = 1) {
  if (nth == 1) {
    for (int i = 0; i < repeats; i++) run_thread(batch, 0, 1, nullptr);
    return batch.attention.status;
  }
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, nullptr, (unsigned)nth);
  std::vector<std::thread> threads;
  for (int ith = 0; ith < nth; ith++) {
    threads.emplace_back([&, ith] {
      for (int i = 0; i < repeats; i++) {
        run_thread(batch, ith, nth, &barrier);
        pthread_barrier_wait(&barrier);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  pthread_barrier_destroy(&barrier);
  return batch.attention.status;
}

inline std::vector<float> random_floats(std::mt19937& random, size_t count, float spread = 1.0f) {
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> x(count);
  for (float& v : x) v = normal(random);
  return x;
}
