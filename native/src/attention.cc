// The exported functions: ops that ggml's threads call, sizes, and what the library is.
#include "kernels.h"
#include "plan.h"
#include "reduce.h"
#include "write.h"

using namespace rondo;

static_assert(sizeof(void*) == 8, "the ABI is of 64-bit machines");
static_assert(sizeof(rondo_segment) == 64 && sizeof(rondo_entry) == 48 && sizeof(rondo_write) == 64 &&
                  sizeof(rondo_attention) == 224 && sizeof(rondo_sizes) == 24,
              "the structs are what the header says");

namespace {

// What keeps an attention from being run, as rondo_status.
int refusal(const rondo_attention& a) {
  if (a.abi_version != RONDO_ABI_VERSION || a.struct_bytes != sizeof a) return RONDO_ERROR_ABI;
  if (find_kernel(a.isa) == nullptr) return RONDO_ERROR_ISA;
  return has_valid_shape(a) ? RONDO_OK : RONDO_ERROR_SHAPE;
}

int measure(const rondo_attention& a, rondo_sizes* sizes) {
  const int refused = refusal(a);
  if (refused != RONDO_OK) return refused;
  sizes->partial_floats = thread_floats(a) * a.num_threads;
  for (int i = 0; i < a.num_entries; i++) {
    sizes->partial_floats = plan_entry(a, a.entries[i], kMostBlocks, sizes->partial_floats).end;
  }
  sizes->mass_offset = (int64_t)a.num_rows * a.num_heads * a.value_dim;
  sizes->output_floats =
      sizes->mass_offset + (a.mass == RONDO_MASS_NONE ? 0 : (int64_t)a.num_heads * a.num_segments);
  return RONDO_OK;
}

bool is_refused(const rondo_attention& a) { return __atomic_load_n(&a.status, __ATOMIC_RELAXED) != RONDO_OK; }

Unit unit_of(const rondo_attention& a, const rondo_entry& entry, const EntryPlan& plan, int64_t number,
             float* partial) {
  const int64_t query_unit = number % plan.query_units;
  const int64_t range = number / plan.query_units % plan.num_ranges;
  Unit unit;
  unit.attention = &a;
  unit.entry = &entry;
  unit.kv_head = (int)(number / plan.query_units / plan.num_ranges);
  unit.group = plan.group;
  unit.first_query = (int)query_unit * plan.queries_per_unit;
  const int left = plan.num_queries - unit.first_query;
  unit.num_queries = left < plan.queries_per_unit ? left : plan.queries_per_unit;
  unit.first_block = range * plan.blocks_per_range;
  unit.end_block = unit.first_block + plan.blocks_per_range;
  unit.range = range;
  unit.num_ranges = plan.num_ranges;
  const int64_t query = (int64_t)unit.kv_head * plan.num_queries + unit.first_query;
  unit.sums = partial + plan.sums + (query * plan.num_ranges + range) * a.value_dim;
  unit.peaks = partial + plan.peaks + 2 * (query * plan.num_ranges + range);
  unit.num_pieces = plan.num_pieces;
  unit.masses = a.mass == RONDO_MASS_NONE ? nullptr
                                          : partial + plan.masses +
                                                2 * (int64_t)unit.kv_head * plan.group * plan.num_pieces *
                                                    entry.num_scoring;
  return unit;
}

// Takes units until none is left; a unit does the same whoever takes it.
void run_units(rondo_attention& a, const Kernel& kernel, float* partial, int ith) {
  const float* queries = (const float*)a.get_data(a.query);
  float* scratch = partial + thread_floats(a) * ith;
  int64_t first_float = thread_floats(a) * a.num_threads, first_unit = 0;
  int64_t taken = __atomic_fetch_add(&a.next_unit, 1, __ATOMIC_RELAXED);
  for (int i = 0; i < a.num_entries; i++) {
    const rondo_entry& entry = a.entries[i];
    const EntryPlan plan = plan_entry(a, entry, blocks_of_entry(a, entry), first_float);
    while (taken < first_unit + plan.units) {
      Unit unit = unit_of(a, entry, plan, taken - first_unit, partial);
      unit.queries = queries;
      unit.scratch = scratch;
      (plan.wide ? kernel.wide : kernel.narrow)(unit);
      taken = __atomic_fetch_add(&a.next_unit, 1, __ATOMIC_RELAXED);
    }
    first_unit += plan.units;
    first_float = plan.end;
  }
}

}  // namespace

int32_t rondo_abi_version(void) { return RONDO_ABI_VERSION; }

int32_t rondo_layout_version(void) { return RONDO_LAYOUT_VERSION; }

int32_t rondo_struct_bytes(int32_t which) {
  switch (which) {
    case 0: return sizeof(rondo_attention);
    case 1: return sizeof(rondo_entry);
    case 2: return sizeof(rondo_segment);
    case 3: return sizeof(rondo_write);
    case 4: return sizeof(rondo_sizes);
    default: return -1;
  }
}

int32_t rondo_best_isa(void) { return find_kernel(RONDO_ISA_BEST)->isa; }

int32_t rondo_has_isa(int32_t isa) { return find_kernel(isa) != nullptr; }

int64_t rondo_key_block_bytes(int32_t kv_type, int32_t head_dim) {
  if ((kv_type != RONDO_KV_F16 && kv_type != RONDO_KV_Q8) || head_dim <= 0 || head_dim % 16 != 0) return -1;
  return key_block_bytes(kv_type, head_dim);
}

int64_t rondo_value_block_bytes(int32_t kv_type, int32_t value_dim) {
  if ((kv_type != RONDO_KV_F16 && kv_type != RONDO_KV_Q8) || value_dim <= 0 || value_dim % 16 != 0) return -1;
  return value_block_bytes(kv_type, value_dim);
}

int32_t rondo_attention_sizes(const rondo_attention* attention, rondo_sizes* sizes) {
  return measure(*attention, sizes);
}

void rondo_attention_write(void*, int ith, int nth, void* attention) {
  rondo_attention& a = *(rondo_attention*)attention;
  // All threads come to the same verdict; the first one reports it and opens the next op's counter.
  rondo_sizes sizes = {};
  int status = measure(a, &sizes);
  if (status == RONDO_OK &&
      (sizes.partial_floats > a.partial_floats || sizes.output_floats > a.output_floats)) {
    status = RONDO_ERROR_SCRATCH;
  }
  if (ith == 0) {
    __atomic_store_n(&a.status, status, __ATOMIC_RELAXED);
    __atomic_store_n(&a.next_unit, 0, __ATOMIC_RELAXED);
  }
  if (status == RONDO_OK) write_rows(a, *find_kernel(a.isa), ith, nth);
}

void rondo_attention_partial(void* dst, int ith, int, void* attention) {
  rondo_attention& a = *(rondo_attention*)attention;
  if (is_refused(a) || ith >= a.num_threads) return;
  run_units(a, *find_kernel(a.isa), (float*)a.get_data(dst), ith);
}

void rondo_attention_reduce(void* dst, int ith, int nth, void* attention) {
  const rondo_attention& a = *(const rondo_attention*)attention;
  if (is_refused(a)) return;
  reduce_rows(a, (const float*)a.get_data(a.partial), (float*)a.get_data(dst), ith, nth);
}

bool rondo_should_abort(void* flag) { return __atomic_load_n((const int32_t*)flag, __ATOMIC_RELAXED) != 0; }
