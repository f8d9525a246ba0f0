#include "write.h"

#include <cmath>
#include <cstring>

namespace rondo {

namespace {

float float_from_half(uint16_t half) {
  const uint32_t magnitude = half & 0x7fffu;
  uint32_t bits = magnitude >= 0x7c00u ? 0x7f800000u | (magnitude << 13) : magnitude << 13;
  float x;
  std::memcpy(&x, &bits, sizeof x);
  // Moving the exponent by a multiplication also normalises subnormal halves.
  if (magnitude < 0x7c00u) x *= 0x1p112f;
  return (half & 0x8000u) != 0 ? -x : x;
}

// Stores the f16 scale of `count` floats at `scale` and returns the factor that brings them to int8.
float store_scale(const Kernel& kernel, const float* from, int count, uint16_t* scale) {
  float largest = 0.0f;
  for (int i = 0; i < count; i++) largest = std::fabs(from[i]) > largest ? std::fabs(from[i]) : largest;
  const float exact[kBlock] = {largest / 127.0f};
  uint16_t halves[kBlock];
  kernel.halves_from_floats(exact, halves, kBlock);
  *scale = halves[0];
  const float stored = float_from_half(halves[0]);
  return stored > 0.0f ? 1.0f / stored : 0.0f;
}

int8_t to_int8(float x) {
  const float rounded = std::nearbyint(x);
  return (int8_t)(rounded > 127.0f ? 127.0f : rounded < -127.0f ? -127.0f : rounded);
}

// One head's key into slot `slot` of its block: halves as [headDim][16], or scales [groups][16] and then
// pairs of dimensions [headDim/2][16][2].
void write_key(const Kernel& kernel, int kv_type, const float* from, int dim, char* block, int slot) {
  if (kv_type == RONDO_KV_F16) {
    uint16_t halves[RONDO_MAX_HEAD_DIM];
    kernel.halves_from_floats(from, halves, dim);
    uint16_t* to = (uint16_t*)block + slot;
    for (int d = 0; d < dim; d++) to[d * kBlock] = halves[d];
    return;
  }
  uint16_t* scales = (uint16_t*)block + slot;
  int8_t* to = (int8_t*)block + 2 * kBlock * scale_groups(dim) + 2 * slot;
  for (int first = 0; first < dim; first += RONDO_SCALE_DIMS) {
    const int count = dim - first < RONDO_SCALE_DIMS ? dim - first : RONDO_SCALE_DIMS;
    const float factor =
        store_scale(kernel, from + first, count, scales + first / RONDO_SCALE_DIMS * kBlock);
    for (int d = first; d < first + count; d++) {
      to[d / 2 * 2 * kBlock + d % 2] = to_int8(from[d] * factor);
    }
  }
}

// One head's value: halves as [16][valueDim], or scales [16] and then pairs of tokens [8][valueDim][2].
void write_value(const Kernel& kernel, int kv_type, const float* from, int dim, char* block, int slot) {
  if (kv_type == RONDO_KV_F16) {
    kernel.halves_from_floats(from, (uint16_t*)block + (int64_t)slot * dim, dim);
    return;
  }
  const float factor = store_scale(kernel, from, dim, (uint16_t*)block + slot);
  int8_t* to = (int8_t*)block + 2 * kBlock + slot / 2 * 2 * dim + slot % 2;
  for (int c = 0; c < dim; c++) to[2 * c] = to_int8(from[c] * factor);
}

const float* row_data(const void* data, int64_t row, int64_t row_stride, int64_t head, int64_t head_stride) {
  return (const float*)((const char*)data + row * row_stride + head * head_stride);
}

}  // namespace

void write_rows(const rondo_attention& a, const Kernel& kernel, int ith, int nth) {
  if (a.num_writes == 0) return;
  const void* keys = a.get_data(a.key);
  const void* values = a.get_data(a.value);
  const int64_t key_bytes = key_block_bytes(a.kv_type, a.head_dim);
  const int64_t value_bytes = value_block_bytes(a.kv_type, a.value_dim);
  int64_t share = 0; // of a thread: the blocks of one head
  for (int i = 0; i < a.num_writes; i++) {
    const rondo_write& w = a.writes[i];
    const int end_slot = w.first_slot + w.num_rows;
    for (int head = 0; head < a.num_kv_heads; head++) {
      for (int block = w.first_slot / kBlock; block * kBlock < end_slot; block++, share++) {
        if (share % nth != ith) continue;
        char* key = (char*)w.keys + a.layer * w.layer_stride + head * w.key_head_stride + block * key_bytes;
        char* value =
            (char*)w.values + a.layer * w.layer_stride + head * w.value_head_stride + block * value_bytes;
        for (int slot = 0; slot < kBlock; slot++) {
          const int row = block * kBlock + slot - w.first_slot;
          if (row < 0 || row >= w.num_rows) continue;
          const int64_t from = w.first_row + row;
          write_key(kernel, a.kv_type, row_data(keys, from, a.key_row_stride, head, a.key_head_stride),
                    a.head_dim, key, slot);
          write_value(kernel, a.kv_type, row_data(values, from, a.value_row_stride, head, a.value_head_stride),
                      a.value_dim, value, slot);
        }
      }
    }
  }
}

}  // namespace rondo
