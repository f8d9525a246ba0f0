// The kernel alone, one layer: decode against the machine's read bandwidth, prefill against its FMA peak.
// Usage: bench [threads [isa [name]]], a name choosing the cases that contain it. One thread is timed by its
// processor time, so that other programs cost only their share of caches and memory; more by the clock on the
// wall. Medians and, in parentheses, the fastest; the last line is JSON.
#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "../test/harness.h"

namespace {

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double thread_ms() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

// Milliseconds of `work(ith)` on `threads` threads that start together.
double time_threads(int threads, const std::function<void(int)>& work) {
  if (threads == 1) {
    const double start = thread_ms();
    work(0);
    return thread_ms() - start;
  }
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, nullptr, (unsigned)threads);
  std::vector<double> start((size_t)threads), end((size_t)threads);
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; i++) {
    pool.emplace_back([&, i] {
      pthread_barrier_wait(&barrier);
      start[(size_t)i] = now_ms();
      work(i);
      end[(size_t)i] = now_ms();
    });
  }
  for (std::thread& t : pool) t.join();
  pthread_barrier_destroy(&barrier);
  return *std::max_element(end.begin(), end.end()) - *std::min_element(start.begin(), start.end());
}

__attribute__((target("avx2"))) double read_gb_per_s(int threads, const std::vector<char>& buffer) {
  const size_t share = buffer.size() / (size_t)threads / 128 * 128;
  std::vector<long long> sums((size_t)threads);
  const double ms = time_threads(threads, [&](int i) __attribute__((target("avx2"))) {
    __m256i x = _mm256_setzero_si256(), y = x, z = x, w = x;
    const char* p = buffer.data() + share * (size_t)i;
    for (const char* e = p + share; p < e; p += 128) {
      x = _mm256_xor_si256(x, _mm256_loadu_si256((const __m256i*)p));
      y = _mm256_xor_si256(y, _mm256_loadu_si256((const __m256i*)(p + 32)));
      z = _mm256_xor_si256(z, _mm256_loadu_si256((const __m256i*)(p + 64)));
      w = _mm256_xor_si256(w, _mm256_loadu_si256((const __m256i*)(p + 96)));
    }
    sums[(size_t)i] = _mm256_extract_epi64(_mm256_xor_si256(_mm256_xor_si256(x, y), _mm256_xor_si256(z, w)), 0);
  });
  volatile long long keep = sums[0];
  (void)keep;
  return (double)share * threads / ms / 1e6;
}

__attribute__((target("avx2,fma"))) double fma_gflops() {
  float one = 1.0f;
  asm volatile("" : "+m"(one));
  __m256 a[12];
  for (__m256& x : a) x = _mm256_set1_ps(one);
  const __m256 b = _mm256_set1_ps(one * 0.999f), c = _mm256_set1_ps(one * 1e-3f);
  const int n = 2000000;
  const double t0 = thread_ms();
  for (int i = 0; i < n; i++) {
#pragma GCC unroll 12
    for (__m256& x : a) x = _mm256_fmadd_ps(x, b, c);
  }
  const double ms = thread_ms() - t0;
  __m256 s = a[0];
  for (int i = 1; i < 12; i++) s = _mm256_add_ps(s, a[i]);
  volatile float keep = _mm256_cvtss_f32(s);
  (void)keep;
  return 12.0 * 16 * n / ms / 1e6;
}

struct Layers {
  std::vector<std::unique_ptr<Page>> pages;
  std::vector<std::unique_ptr<Batch>> batches;
};

// Enough layers that none finds its keys in the cache.
Layers make_layers(const Shape& shape, int keys, int rows, int isa, int threads, int count, int segments) {
  std::mt19937 random(1);
  Layers layers;
  for (int l = 0; l < count; l++) {
    auto batch = std::make_unique<Batch>(shape);
    int position = 0;
    for (int s = 0; s < segments; s++) {
      const int length = (keys - position) / (segments - s);
      auto page = std::make_unique<Page>(shape, length);
      // Any finite halves will do; q8 scales are halves as well.
      uint16_t* halves = (uint16_t*)page->bytes.data();
      for (size_t i = 0; i < page->bytes.size() / 2; i++) {
        halves[i] = (uint16_t)(0x2c00 + (random() & 0x83ff));
      }
      batch->segments.push_back(page->segment(position, length, s == segments - 1));
      position += length;
      layers.pages.push_back(std::move(page));
    }
    rondo_entry entry = {};
    entry.position = keys - rows;
    entry.num_rows = rows;
    entry.num_segments = segments;
    batch->entries.push_back(entry);
    batch->query.data = random_floats(random, (size_t)rows * shape.num_heads * shape.head_dim);
    batch->attention.isa = isa;
    if (batch->prepare(rows, threads) != RONDO_OK) std::abort();
    layers.batches.push_back(std::move(batch));
  }
  return layers;
}

double run_layers(Layers& layers, int threads) {
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, nullptr, (unsigned)threads);
  const double ms = time_threads(threads, [&](int i) {
    for (auto& batch : layers.batches) {
      run_thread(*batch, i, threads, &barrier);
      pthread_barrier_wait(&barrier);
    }
  });
  pthread_barrier_destroy(&barrier);
  return ms / (double)layers.batches.size();
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? atoi(argv[1]) : 1;
  const int isa = argc > 2 ? atoi(argv[2]) : RONDO_ISA_BEST;
  const std::string only = argc > 3 ? argv[3] : "";
  std::vector<char> buffer((size_t)512 << 20, 1);
  std::vector<double> bandwidth, peak;
  for (int i = 0; i < 7; i++) bandwidth.push_back(read_gb_per_s(threads, buffer));
  for (int i = 0; i < 7; i++) peak.push_back(fma_gflops());
  printf("threads %d  read %.1f GB/s  FMA %.1f GFLOPS a thread\n", threads, median(bandwidth), median(peak));
  std::string json;
  struct Case {
    const char* name;
    Shape shape;
    int keys, rows, segments;
  };
  const Case cases[] = {
      {"decode 14/2x64 f16", {14, 2, 64, 64, RONDO_KV_F16}, 32768, 1, 1},
      {"decode 14/2x64 f16 300 segments", {14, 2, 64, 64, RONDO_KV_F16}, 32768, 1, 300},
      {"decode 14/2x64 q8", {14, 2, 64, 64, RONDO_KV_Q8}, 32768, 1, 1},
      {"decode 16/16x64 f16", {16, 16, 64, 64, RONDO_KV_F16}, 32768, 1, 1},
      {"decode 16/16x64 q8", {16, 16, 64, 64, RONDO_KV_Q8}, 32768, 1, 1},
      {"decode 32/8x64 f16", {32, 8, 64, 64, RONDO_KV_F16}, 32768, 1, 1},
      {"decode 8/1x128 f16", {8, 1, 128, 128, RONDO_KV_F16}, 32768, 1, 1},
      {"decode 14/2x64 f16 4096", {14, 2, 64, 64, RONDO_KV_F16}, 4096, 1, 1},
      {"2 rows 14/2x64 f16", {14, 2, 64, 64, RONDO_KV_F16}, 16384, 2, 1},
      {"prefill 512 rows 14/2x64 f16", {14, 2, 64, 64, RONDO_KV_F16}, 4096, 512, 1},
      {"prefill 512 rows 14/2x64 q8", {14, 2, 64, 64, RONDO_KV_Q8}, 4096, 512, 1},
      {"prefill 128 rows 8/2x128 f16", {8, 2, 128, 128, RONDO_KV_F16}, 8192, 128, 1},
  };
  for (const Case& c : cases) {
    if (std::string(c.name).find(only) == std::string::npos) continue;
    const bool prefill = c.rows > 8;
    Layers layers = make_layers(c.shape, c.keys, c.rows, isa, threads, prefill ? 1 : 6, c.segments);
    std::vector<double> ms, gb;
    for (int i = 0; i < (prefill ? 5 : 15); i++) {
      ms.push_back(run_layers(layers, threads));
      if (!prefill) gb.push_back(read_gb_per_s(threads, buffer));
    }
    const double t = median(ms);
    const double bytes = (double)(layers.pages[0]->layer_bytes) / layers.pages[0]->capacity * c.keys;
    const double flops = 2.0 * c.keys * c.rows * c.shape.num_heads * (c.shape.head_dim + c.shape.value_dim) *
                         (1.0 - (c.rows - 1) / 2.0 / c.keys);
    printf("%-34s %8.3f ms (%7.3f) %6.1f GB/s", c.name, t, *std::min_element(ms.begin(), ms.end()), bytes / t / 1e6);
    if (!prefill) printf(" (%3.0f %% of read)", bytes / t / 1e6 / median(gb) * 100);
    printf("  %6.1f GFLOPS (%3.0f %% of FMA)\n", flops / t / 1e6, flops / t / 1e6 / median(peak) / threads * 100);
    fflush(stdout);
    json += (json.empty() ? "" : ",") + std::string("\"") + c.name + "\":" + std::to_string(t);
  }
  printf("{\"threads\":%d,\"ms\":{%s}}\n", threads, json.c_str());
}
