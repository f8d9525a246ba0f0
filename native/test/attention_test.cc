// The kernel against a plain double-precision attention, for every build that this processor can run.
// Usage: attention_test [cases per build]; exits 1 on the first failure of a check, after printing it.
#include <algorithm>
#include <string>

#include "case.h"

namespace {

int num_checks = 0, num_failures = 0;

void check(bool ok, const std::string& what) {
  num_checks++;
  if (ok) return;
  num_failures++;
  printf("FAILED: %s\n", what.c_str());
}

int pick(std::mt19937& random, const std::vector<int>& from) { return from[random() % from.size()]; }

const char* isa_name(int isa) {
  const char* names[] = {"best", "portable", "avx2", "avx512", "neon"};
  return names[isa];
}

std::string describe(const Options& o) {
  std::string s = std::string(isa_name(o.isa)) + (o.shape.kv_type == RONDO_KV_Q8 ? " q8" : " f16") + " heads " +
                  std::to_string(o.shape.num_heads) + "/" + std::to_string(o.shape.num_kv_heads) + " dims " +
                  std::to_string(o.shape.head_dim) + "/" + std::to_string(o.shape.value_dim) + " threads " +
                  std::to_string(o.num_threads) + " window " + std::to_string(o.window) + " softcap " +
                  std::to_string(o.softcap) + " sinks " + std::to_string(o.sinks) + " mass " +
                  std::to_string(o.mass) + " variants " + std::to_string(o.num_variants) + " entries";
  for (const Options::Entry& e : o.entries) {
    s += " (" + std::to_string(e.num_rows) + " rows, " + std::to_string(e.past.size()) + " past, open " +
         std::to_string(e.open) + ")";
  }
  return s;
}

// Largest error of a row and head, relative to the largest number of that row and head.
double worst_error(const Batch& b, const std::vector<double>& want) {
  double worst = 0;
  const size_t dim = (size_t)b.shape.value_dim;
  for (size_t i = 0; i < want.size(); i += dim) {
    double size = 1e-6, error = 0;
    for (size_t c = i; c < i + dim; c++) {
      size = std::max(size, std::fabs(want[c]));
      const double e = std::fabs(b.output.data[c] - want[c]);
      error = std::isnan(e) ? INFINITY : std::max(error, e);
    }
    worst = std::max(worst, error / size);
  }
  return worst;
}

double worst_mass_error(const Batch& b, const Reference& want) {
  double worst = 0;
  for (size_t i = 0; i < want.masses.size(); i++) {
    const double e = std::fabs(b.output.data[(size_t)b.sizes.mass_offset + i] - want.masses[i]);
    worst = std::isnan(e) ? INFINITY : std::max(worst, e);
  }
  return worst;
}

void check_masses_sum_to_one(const Batch& b, const Reference& want, const std::string& what) {
  for (size_t e = 0; e < b.entries.size(); e++) {
    const rondo_entry& entry = b.entries[e];
    for (int head = 0; head < b.shape.num_heads; head++) {
      double sum = want.sinks[e * b.shape.num_heads + head];
      for (int s = 0; s < entry.num_segments; s++) sum += b.mass(entry.first_segment + s, head);
      check(std::fabs(sum - 1) < 1e-4, "masses sum to " + std::to_string(sum) + ": " + what);
    }
  }
}

struct Worst {
  double stored = 0, written = 0, mass = 0;
};

void check_case(std::mt19937& random, const Options& o, Worst* worst) {
  Case c = make_case(random, o);
  Batch& b = *c.batch;
  const int status = run_batch(b, o.num_threads);
  check(status == RONDO_OK, "status " + std::to_string(status) + ": " + describe(o));
  const Reference stored = reference(b, {});
  const double error = worst_error(b, stored.out);
  const bool q8 = o.shape.kv_type == RONDO_KV_Q8;
  // Queries and weights are rounded to int16 for q8; sharp softmaxes magnify the rounding of a score.
  const double limit = (q8 ? 1e-3 : 5e-5) * o.spread * o.spread;
  check(error < limit, "error " + std::to_string(error) + " against what is stored: " + describe(o));
  worst->stored = std::max(worst->stored, error / (o.spread * o.spread));
  if (!q8 && o.spread == 1.0f) {
    const double raw = worst_error(b, reference(b, c.written).out);
    check(raw < 2e-3, "error " + std::to_string(raw) + " against what was written: " + describe(o));
    worst->written = std::max(worst->written, raw);
  }
  if (o.mass != RONDO_MASS_NONE) {
    const double mass = worst_mass_error(b, stored);
    check(mass < limit, "mass error " + std::to_string(mass) + ": " + describe(o));
    worst->mass = std::max(worst->mass, mass / (o.spread * o.spread));
    if (o.mass == RONDO_MASS_MEAN) check_masses_sum_to_one(b, stored, describe(o));
  }
}

Options random_options(std::mt19937& random, int isa) {
  Options o;
  o.isa = isa;
  o.shape.num_kv_heads = pick(random, {1, 1, 2, 3});
  o.shape.num_heads = o.shape.num_kv_heads * pick(random, {1, 2, 3, 4, 5, 6, 7, 8, 9, 13});
  o.shape.head_dim = pick(random, {16, 32, 48, 64, 64, 80, 96, 128, 208});
  o.shape.value_dim = pick(random, {o.shape.head_dim, o.shape.head_dim, 16, 48, 64, 112, 272});
  o.shape.kv_type = pick(random, {RONDO_KV_F16, RONDO_KV_F16, RONDO_KV_Q8});
  o.num_threads = pick(random, {1, 2, 3});
  o.mass = pick(random, {RONDO_MASS_NONE, RONDO_MASS_MEAN, RONDO_MASS_MEAN, RONDO_MASS_MAX});
  o.softcap = random() % 4 == 0 ? 2.5f : 0.0f;
  o.sinks = random() % 4 == 0;
  o.past_is_causal = random() % 2 == 0;
  o.num_variants = pick(random, {1, 1, 1, 2, 3});
  o.layer = pick(random, {0, 0, 2});
  o.spread = random() % 8 == 0 ? 4.0f : 1.0f;
  const int num_entries = pick(random, {1, 1, 1, 2, 3, 8});
  const bool sees_past = random() % 4 != 0;
  for (int e = 0; e < num_entries; e++) {
    Options::Entry entry;
    entry.num_rows = pick(random, num_entries > 3 ? std::vector<int>{1, 2} : std::vector<int>{1, 1, 1, 2, 3, 5, 20, 61});
    entry.open = pick(random, {0, 0, 1, 15, 16, 17, 70});
    const int num_past = pick(random, {0, 1, 1, 2, 3, 9});
    for (int s = 0; s < num_past; s++) entry.past.push_back(pick(random, {0, 1, 15, 16, 17, 63, 64, 65, 130, 513}));
    o.entries.push_back(entry);
  }
  if (!sees_past) o.window = pick(random, {1, 15, 40, 200});
  return o;
}

void check_random_cases(int isa, int count) {
  std::mt19937 random(7 + (unsigned)isa);
  Worst worst;
  for (int i = 0; i < count; i++) check_case(random, random_options(random, isa), &worst);
  printf("%-9s %d random cases: worst error %.1e against stored, %.1e against written f16, %.1e of a mass\n",
         isa_name(isa), count, worst.stored, worst.written, worst.mass);
}

// The lengths and splits that the kernel is promised for.
void check_lengths_and_splits(int isa) {
  std::mt19937 random(11);
  Worst worst;
  for (const int type : {RONDO_KV_F16, RONDO_KV_Q8}) {
    for (const int length : {0, 1, 15, 16, 17, 4097}) {
      for (const int rows : {1, 9}) {
        Options o;
        o.isa = isa;
        o.shape = {4, 2, 32, 48, type};
        o.num_threads = 2;
        o.mass = RONDO_MASS_MEAN;
        o.entries = {{rows, {length}, 0}};
        check_case(random, o, &worst);
      }
    }
    Options many;
    many.isa = isa;
    many.shape = {14, 2, 64, 64, type};
    many.num_threads = 2;
    many.mass = RONDO_MASS_MEAN;
    many.entries = {{1, {}, 3}, {20, {}, 0}};
    for (int s = 0; s < 300; s++) {
      many.entries[0].past.push_back((int)(random() % 40));
      many.entries[1].past.push_back((int)(random() % 5));
    }
    check_case(random, many, &worst);
  }
}

// Runs one sequence cut into `lengths`, in the given order, and returns its output.
std::vector<float> run_split(const Options& o, const Written& all, const std::vector<float>& query,
                             const std::vector<int>& lengths, const std::vector<int>& order, int threads) {
  Case c;
  c.batch = std::make_unique<Batch>(o.shape);
  std::vector<int> starts = {0};
  for (const int length : lengths) starts.push_back(starts.back() + length);
  const size_t key_row = (size_t)o.shape.num_kv_heads * o.shape.head_dim;
  const size_t value_row = (size_t)o.shape.num_kv_heads * o.shape.value_dim;
  for (const int s : order) {
    const long first = starts[(size_t)s], end = starts[(size_t)s + 1];
    Written part = {{all.keys.begin() + first * (long)key_row, all.keys.begin() + end * (long)key_row},
                    {all.values.begin() + first * (long)value_row, all.values.begin() + end * (long)value_row}};
    add_segment(c, o, part, (int)(end - first), (int)(end - first), first, true);
  }
  rondo_entry entry = {};
  entry.num_rows = (int)(query.size() / ((size_t)o.shape.num_heads * o.shape.head_dim));
  entry.position = starts.back() - entry.num_rows;
  entry.num_segments = (int)lengths.size();
  c.batch->entries.push_back(entry);
  c.batch->query.data = query;
  c.batch->attention.isa = o.isa;
  if (c.batch->prepare(entry.num_rows, threads) != RONDO_OK) std::abort();
  check(run_batch(*c.batch, threads) == RONDO_OK, "a split sequence runs");
  return c.batch->output.data;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < a.size() && i < b.size(); i++) {
    worst = std::max(worst, (double)std::fabs(a[i] - b[i]));
  }
  return worst;
}

void check_invariance(int isa) {
  std::mt19937 random(13);
  for (const int type : {RONDO_KV_F16, RONDO_KV_Q8}) {
    for (const int rows : {1, 12}) {
      Options o;
      o.isa = isa;
      o.shape = {6, 2, 64, 64, type};
      const Written all = random_tokens(random, o, 1500);
      const std::vector<float> query = random_floats(random, (size_t)rows * 6 * 64);
      const std::vector<float> whole = run_split(o, all, query, {1500}, {0}, 1);
      std::vector<int> lengths(300, 5), order(300), shuffled(300);
      for (int i = 0; i < 300; i++) order[(size_t)i] = shuffled[(size_t)i] = i;
      std::shuffle(shuffled.begin(), shuffled.end(), random);
      const double limit = type == RONDO_KV_Q8 ? 1e-4 : 1e-5;
      const std::vector<float> split = run_split(o, all, query, lengths, order, 2);
      check(largest_difference(whole, split) < limit, "a split changes nothing beyond rounding");
      check(largest_difference(whole, run_split(o, all, query, lengths, shuffled, 2)) < limit,
            "the order of segments does not matter");
      check(largest_difference(whole, run_split(o, all, query, {1, 1499}, {1, 0}, 3)) < limit,
            "an uneven split changes nothing beyond rounding");
      check(whole == run_split(o, all, query, {1500}, {0}, 3), "threads change no bit");
    }
  }
}

// An entry gives the same bits alone and beside others.
void check_batch_invariance(int isa) {
  std::mt19937 random(17);
  Options o;
  o.isa = isa;
  o.shape = {8, 2, 64, 64, RONDO_KV_F16};
  o.mass = RONDO_MASS_MEAN;
  o.num_threads = 2;
  o.entries = {{1, {700, 33}, 5}, {30, {400}, 2}, {2, {17, 0, 900}, 0}};
  Case c = make_case(random, o);
  Batch& b = *c.batch;
  check(run_batch(b, 2) == RONDO_OK, "a batch runs");
  const std::vector<float> together = b.output.data;
  const std::vector<rondo_entry> entries = b.entries;
  bool same = true;
  for (const rondo_entry& entry : entries) {
    b.entries = {entry};
    if (b.prepare(c.num_rows, 2) != RONDO_OK || run_batch(b, 2) != RONDO_OK) std::abort();
    for (int row = entry.first_row; row < entry.first_row + entry.num_rows; row++) {
      const size_t from = (size_t)row * 8 * 64;
      same = same && std::memcmp(&together[from], &b.output.data[from], 8 * 64 * 4) == 0;
    }
  }
  check(same, "other entries of a batch change no bit");
}

// What is written reads back as rounded, and nothing but the slots is touched.
void check_written_bytes(int isa) {
  std::mt19937 random(19);
  for (const int type : {RONDO_KV_F16, RONDO_KV_Q8}) {
    Options o;
    o.isa = isa;
    o.shape = {3, 3, 80, 48, type};
    Written tokens = random_tokens(random, o, 21);
    for (size_t i = 0; i < 80; i++) tokens.keys[i] = 0; // a key of zeros has no scale
    Page page(o.shape, 40), before = page;
    store_tokens(o, page, tokens, 0, 21);
    double worst = 0;
    for (int t = 0; t < 21; t++) {
      for (int h = 0; h < 3; h++) {
        const unsigned char* keys = page.bytes.data() + h * page.head_bytes;
        for (int d = 0; d < 80; d++) {
          const float want = tokens.keys[((size_t)t * 3 + h) * 80 + d];
          worst = std::max(worst, std::fabs(stored_key(o.shape, keys, t, d) - want));
        }
        for (int c = 0; c < 48; c++) {
          const float want = tokens.values[((size_t)t * 3 + h) * 48 + c];
          worst = std::max(worst, std::fabs(stored_value(o.shape, keys + page.key_bytes, t, c) - want));
        }
      }
    }
    check(worst < (type == RONDO_KV_Q8 ? 0.03 : 0.0025), "what is stored reads back, off by " + std::to_string(worst));
    // Slot 21 and those after it, read through the layout, are still 0xff.
    bool untouched = true;
    for (int t = 21; t < 48; t++) {
      for (int h = 0; h < 3; h++) {
        const unsigned char* keys = page.bytes.data() + h * page.head_bytes;
        for (int d = 0; d < 80; d++) untouched = untouched && std::isnan(stored_key(o.shape, keys, t, d));
        for (int c = 0; c < 48; c++) {
          untouched = untouched && std::isnan(stored_value(o.shape, keys + page.key_bytes, t, c));
        }
      }
    }
    check(untouched, "slots past the last token are left alone");
  }
}

void check_refusals() {
  const auto status_of = [](void (*change)(rondo_attention*)) {
    Options o;
    o.shape = {2, 1, 32, 32, RONDO_KV_F16};
    o.entries = {{1, {20}, 0}};
    std::mt19937 random(23);
    Case c = make_case(random, o);
    change(&c.batch->attention);
    const int status = run_batch(*c.batch, 1);
    if (status != RONDO_OK) check(std::isnan(c.batch->output.data[0]), "a refused attention writes nothing");
    return status;
  };
  check(status_of([](rondo_attention*) {}) == RONDO_OK, "an unchanged attention runs");
  check(status_of([](rondo_attention* a) { a->abi_version++; }) == RONDO_ERROR_ABI, "a foreign version is refused");
  check(status_of([](rondo_attention* a) { a->struct_bytes--; }) == RONDO_ERROR_ABI, "a foreign size is refused");
  check(status_of([](rondo_attention* a) { a->isa = 99; }) == RONDO_ERROR_ISA, "an unknown build is refused");
  check(status_of([](rondo_attention* a) { a->head_dim = 24; }) == RONDO_ERROR_SHAPE, "an odd width is refused");
  check(status_of([](rondo_attention* a) { a->num_heads = 0; a->num_kv_heads = 0; }) == RONDO_ERROR_SHAPE,
        "no heads are refused");
  check(status_of([](rondo_attention* a) { a->partial_floats--; }) == RONDO_ERROR_SCRATCH,
        "too small a partial tensor is refused");
  check(status_of([](rondo_attention* a) { a->output_floats--; }) == RONDO_ERROR_SCRATCH,
        "too small an output tensor is refused");
}

void check_exports() {
  check(rondo_struct_bytes(0) == sizeof(rondo_attention) && rondo_struct_bytes(5) == -1, "struct sizes are told");
  check(rondo_key_block_bytes(RONDO_KV_F16, 64) == 2048 && rondo_key_block_bytes(RONDO_KV_Q8, 80) == 16 * 80 + 96 &&
            rondo_key_block_bytes(RONDO_KV_F16, 20) == -1 && rondo_key_block_bytes(7, 64) == -1,
        "key blocks have the bytes of the layout");
  check(rondo_value_block_bytes(RONDO_KV_F16, 48) == 1536 && rondo_value_block_bytes(RONDO_KV_Q8, 48) == 16 * 48 + 32,
        "value blocks have the bytes of the layout");
  std::vector<uint64_t> words(4096, 0);
  words[0] = 1, words[2048] = 2, words[4095] = 4;
  rondo_read whole = {words.data(), 4096 * 8, 0};
  for (int ith = 0; ith < 2; ith++) rondo_read_bytes(nullptr, ith, 2, &whole);
  check(whole.sum == 7, "every thread reads its share");
  int32_t flag = 0;
  check(!rondo_should_abort(&flag), "a flag of 0 does not abort");
  flag = 1;
  check(rondo_should_abort(&flag), "a flag of 1 aborts");
}

// Threads beyond those with scratch stay idle, and repeated runs start afresh.
void check_threads() {
  std::mt19937 random(29);
  Options o;
  o.shape = {7, 1, 64, 64, RONDO_KV_F16};
  o.num_threads = 2;
  o.mass = RONDO_MASS_MAX;
  o.entries = {{1, {3000}, 5}, {40, {900}, 1}};
  Case c = make_case(random, o);
  check(run_batch(*c.batch, 4, 3) == RONDO_OK, "more threads than scratch run");
  check(worst_error(*c.batch, reference(*c.batch, {}).out) < 5e-5, "more threads than scratch give the same");
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? atoi(argv[1]) : 150;
  check_exports();
  check_refusals();
  check_threads();
  int builds = 0;
  for (const int isa : {RONDO_ISA_PORTABLE, RONDO_ISA_AVX2, RONDO_ISA_AVX512, RONDO_ISA_NEON}) {
    if (!rondo_has_isa(isa)) {
      printf("%-9s skipped: this processor or library lacks it\n", isa_name(isa));
      continue;
    }
    builds++;
    check_written_bytes(isa);
    check_lengths_and_splits(isa);
    check_invariance(isa);
    check_batch_invariance(isa);
    check_random_cases(isa, count);
  }
  check(builds >= 1 && rondo_has_isa(RONDO_ISA_BEST), "at least one build runs here");
  printf("%d passed, %d failed\n", num_checks - num_failures, num_failures);
  return num_failures == 0 ? 0 : 1;
}
