// Random attentions: entries with past segments and an open page that the batch itself writes to.
#pragma once

#include "reference.h"

struct Options {
  Shape shape;
  int isa = RONDO_ISA_BEST;
  int num_threads = 1;
  int mass = RONDO_MASS_NONE;
  int window = 0;
  float softcap = 0;
  bool sinks = false;
  bool past_is_causal = false;
  int num_variants = 1;
  int layer = 0;
  float spread = 1.0f; // of queries and keys: large ones make the softmax sharp
  struct Entry {
    int num_rows;
    std::vector<int> past; // lengths of the segments before the open one
    int open;              // tokens of the open page before this batch
  };
  std::vector<Entry> entries;
};

struct Case {
  std::vector<std::unique_ptr<Page>> pages;
  std::vector<Written> written; // per segment
  std::unique_ptr<Batch> batch;
  int num_rows = 0;
};

// Stores `count` tokens of `written` from token `first` on, by the op under test.
inline void store_tokens(const Options& o, Page& page, const Written& written, int first, int count) {
  if (count == 0) return;
  Batch batch(o.shape);
  const size_t key_row = (size_t)o.shape.num_kv_heads * o.shape.head_dim;
  const size_t value_row = (size_t)o.shape.num_kv_heads * o.shape.value_dim;
  batch.key.data.assign(written.keys.begin() + (long)(first * key_row),
                        written.keys.begin() + (long)((first + count) * key_row));
  batch.value.data.assign(written.values.begin() + (long)(first * value_row),
                          written.values.begin() + (long)((first + count) * value_row));
  batch.writes.push_back(page.write(0, count, first));
  batch.attention.isa = o.isa;
  batch.attention.layer = o.layer;
  if (batch.prepare(0, 1) != RONDO_OK || run_batch(batch, 1) != RONDO_OK) std::abort();
}

inline Written random_tokens(std::mt19937& random, const Options& o, int length) {
  return {random_floats(random, (size_t)length * o.shape.num_kv_heads * o.shape.head_dim, o.spread),
          random_floats(random, (size_t)length * o.shape.num_kv_heads * o.shape.value_dim)};
}

inline void add_segment(Case& c, const Options& o, Written written, int stored, int capacity, int64_t position,
                        bool causal) {
  const int length = (int)(written.keys.size() / ((size_t)o.shape.num_kv_heads * o.shape.head_dim));
  auto page = std::make_unique<Page>(o.shape, capacity, o.layer + 1);
  store_tokens(o, *page, written, 0, stored);
  c.batch->segments.push_back(page->segment(position, length, causal));
  c.pages.push_back(std::move(page));
  c.written.push_back(std::move(written));
}

inline Case make_case(std::mt19937& random, const Options& o) {
  Case c;
  c.batch = std::make_unique<Batch>(o.shape);
  Batch& b = *c.batch;
  for (const Options::Entry& e : o.entries) {
    rondo_entry entry = {};
    entry.first_row = c.num_rows;
    entry.num_rows = e.num_rows;
    entry.first_segment = (int)b.segments.size();
    entry.num_segments = (int)e.past.size() + 1;
    // The scoring rows are the first half, so that rows before the end of the entry are left out too.
    entry.first_scoring = e.num_rows / 4;
    entry.num_scoring = (e.num_rows + 1) / 2;
    int64_t position = 0;
    for (const int length : e.past) {
      add_segment(c, o, random_tokens(random, o, length), length, length, position, o.past_is_causal);
      b.segments.back().query_variant = (int)(b.segments.size() % (size_t)o.num_variants);
      position += length;
    }
    entry.position = position + e.open;
    const Written open = random_tokens(random, o, e.open + e.num_rows);
    add_segment(c, o, open, e.open, e.open + e.num_rows + 40, position, true);
    b.writes.push_back(c.pages.back()->write(c.num_rows, e.num_rows, e.open));
    const size_t key_row = (size_t)o.shape.num_kv_heads * o.shape.head_dim;
    const size_t value_row = (size_t)o.shape.num_kv_heads * o.shape.value_dim;
    b.key.data.insert(b.key.data.end(), open.keys.begin() + (long)(e.open * key_row), open.keys.end());
    b.value.data.insert(b.value.data.end(), open.values.begin() + (long)(e.open * value_row), open.values.end());
    c.num_rows += e.num_rows;
    b.entries.push_back(entry);
  }
  b.query.data = random_floats(
      random, (size_t)o.num_variants * c.num_rows * o.shape.num_heads * o.shape.head_dim, o.spread);
  if (o.sinks) b.sinks.data = random_floats(random, (size_t)o.shape.num_heads, 2.0f);
  b.attention.isa = o.isa;
  b.attention.layer = o.layer;
  b.attention.mass = o.mass;
  b.attention.window = o.window;
  b.attention.softcap = o.softcap;
  if (b.prepare(c.num_rows, o.num_threads) != RONDO_OK) std::abort();
  return c;
}
