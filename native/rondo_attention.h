/* Attention over a list of KV segments: the contract between the kernel and its caller.
 *
 * Plain C, fixed-width fields, 64-bit little-endian machines only. native/README.md draws the layout of
 * keys and values. Every struct is read by the three ops while a graph runs; the caller keeps the memory
 * they point to alive until the graph has been computed. Nothing here is checked again in the hot path:
 * a wrong table is refused by the caller before it gets here. */
#ifndef RONDO_ATTENTION_H
#define RONDO_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

#if defined(_WIN32)
#define RONDO_API __declspec(dllexport)
#else
#define RONDO_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Changes with any struct below, any exported signature, or the meaning of either. */
#define RONDO_ABI_VERSION 1
/* Changes with the bytes of keys and values: written beside them wherever they are stored. */
#define RONDO_LAYOUT_VERSION 1

/* Tokens of a block of keys or values; a segment starts at a block and occupies whole blocks. */
#define RONDO_BLOCK_TOKENS 16
/* Head dimensions that share one scale of a q8 key. */
#define RONDO_SCALE_DIMS 32
#define RONDO_MAX_HEAD_DIM 1024

enum rondo_kv_type { RONDO_KV_F16 = 0, RONDO_KV_Q8 = 1 };

enum rondo_mass { RONDO_MASS_NONE = 0, RONDO_MASS_MEAN = 1, RONDO_MASS_MAX = 2 };

/* Which build of the kernel to run; RONDO_ISA_BEST asks the processor. */
enum rondo_isa {
  RONDO_ISA_BEST = 0,
  RONDO_ISA_PORTABLE = 1,
  RONDO_ISA_AVX2 = 2,
  RONDO_ISA_AVX512 = 3,
  RONDO_ISA_NEON = 4
};

/* What the ops report through rondo_attention.status. */
enum rondo_status {
  RONDO_OK = 0,
  RONDO_ERROR_ABI = 1,
  RONDO_ERROR_ISA = 2,
  RONDO_ERROR_SHAPE = 3,
  RONDO_ERROR_SCRATCH = 4
};

/* A run of tokens of one round. One table serves all layers that lie layer_stride apart. 64 bytes. */
struct rondo_segment {
  const void *keys;          /* first block of KV head 0 of layer 0 */
  const void *values;        /* first block of KV head 0 of layer 0 */
  int64_t key_head_stride;   /* bytes from a KV head to the next */
  int64_t value_head_stride; /* bytes from a KV head to the next */
  int64_t layer_stride;      /* bytes from a layer to the next, for keys and values alike */
  int64_t position;          /* of the first token */
  int32_t length;            /* tokens, may be 0 */
  int32_t causal;            /* 1: a row sees only tokens at or before its own position; 0: all of them */
  int32_t query_variant;     /* which rotation of the queries reads this segment; 0 is the plain one */
  int32_t reserved;          /* 0 */
};

/* Rows of the batch that belong to one (sequence, round) and read the same segments. 48 bytes. */
struct rondo_entry {
  int64_t position;       /* of first_row; the rows that follow it are at consecutive positions */
  int32_t first_row;      /* in the query tensor */
  int32_t num_rows;
  int32_t first_segment;  /* in rondo_attention.segments */
  int32_t num_segments;
  int32_t first_scoring;  /* rows that count for the masses, relative to first_row */
  int32_t num_scoring;
  int64_t reserved[2];    /* 0 */
};

/* Rows of the batch whose keys and values go to consecutive slots of one page. 64 bytes. */
struct rondo_write {
  void *keys;                /* first block of KV head 0 of layer 0 of the page */
  void *values;
  int64_t key_head_stride;   /* bytes */
  int64_t value_head_stride; /* bytes */
  int64_t layer_stride;      /* bytes */
  int32_t first_row;         /* in the key and value tensors */
  int32_t num_rows;
  int32_t first_slot;        /* token slot of the page that first_row goes to */
  int32_t reserved;          /* 0 */
  int64_t reserved2;         /* 0 */
};

/* One layer's attention for one batch: user data of all three ops. 224 bytes. */
struct rondo_attention {
  uint32_t abi_version;  /* RONDO_ABI_VERSION */
  uint32_t struct_bytes; /* sizeof(struct rondo_attention) */

  /* ggml_get_data: the tensors below are ggml tensors, resolved when an op runs */
  void *(*get_data)(const void *tensor);
  const void *query;   /* f32 [headDim, numHeads, numRows, numVariants], strides below */
  const void *key;     /* f32 [headDim, numKvHeads, numRows], null when num_writes is 0 */
  const void *value;   /* f32 [valueDim, numKvHeads, numRows], null when num_writes is 0 */
  const void *sinks;   /* f32 [numHeads] or null */
  const void *partial; /* the tensor of rondo_attention_partial, source of the reduce op */

  int64_t query_head_stride; /* bytes */
  int64_t query_row_stride;
  int64_t query_variant_stride;
  int64_t key_head_stride;
  int64_t key_row_stride;
  int64_t value_head_stride;
  int64_t value_row_stride;

  const struct rondo_entry *entries;
  const struct rondo_segment *segments;
  const struct rondo_write *writes;
  int32_t num_entries;
  int32_t num_segments;
  int32_t num_writes;

  int32_t num_heads;
  int32_t num_kv_heads;
  int32_t head_dim;  /* multiple of 16, at most RONDO_MAX_HEAD_DIM */
  int32_t value_dim; /* multiple of 16, at most RONDO_MAX_HEAD_DIM */
  int32_t num_rows;  /* of the output */
  int32_t layer;     /* which layer of the segments' buffers */
  int32_t kv_type;   /* enum rondo_kv_type */
  int32_t mass;      /* enum rondo_mass */
  int32_t window;    /* 0, or a row sees only tokens less than this many positions behind it */
  int32_t isa;       /* enum rondo_isa */
  float scale;       /* of the dot product of a query and a key */
  float softcap;     /* 0, or c in c*tanh(s/c) */

  int32_t num_threads;      /* threads the partial tensor has scratch for; further ones stay idle */
  int32_t status;           /* set by the ops: enum rondo_status, RONDO_OK after a good run */
  int32_t next_unit;        /* owned by the ops */
  int64_t partial_floats;   /* size of the partial tensor */
  int64_t output_floats;    /* size of the output tensor */
};

/* Sizes of the two tensors of an attention. */
struct rondo_sizes {
  int64_t partial_floats; /* of the partial op's tensor */
  int64_t output_floats;  /* of the reduce op's tensor: attention, then masses */
  int64_t mass_offset;    /* float at which masses start: f32 [numHeads, numSegments] */
};

RONDO_API int32_t rondo_abi_version(void);
RONDO_API int32_t rondo_layout_version(void);
/* sizeof of a struct by index: 0 attention, 1 entry, 2 segment, 3 write, 4 sizes; -1 for others. */
RONDO_API int32_t rondo_struct_bytes(int32_t which);
/* The build that RONDO_ISA_BEST means here; whether this processor can run one of them. */
RONDO_API int32_t rondo_best_isa(void);
RONDO_API int32_t rondo_has_isa(int32_t isa);

/* Bytes of one block of RONDO_BLOCK_TOKENS keys or values of one head; -1 for a wrong type or width. */
RONDO_API int64_t rondo_key_block_bytes(int32_t kv_type, int32_t head_dim);
RONDO_API int64_t rondo_value_block_bytes(int32_t kv_type, int32_t value_dim);

/* Sizes of the tensors that `attention` needs. Depends on its shape, on rows and scoring rows of its
 * entries and, where masses are asked for, on the number of segments; not on the segments themselves, so
 * that one graph serves while they grow. Tensors and their strides are not looked at. */
RONDO_API int32_t rondo_attention_sizes(const struct rondo_attention *attention, struct rondo_sizes *sizes);

/* The three ops, in the order in which each must be a source of the next. */
RONDO_API void rondo_attention_write(void *dst, int ith, int nth, void *attention);
RONDO_API void rondo_attention_partial(void *dst, int ith, int nth, void *attention);
RONDO_API void rondo_attention_reduce(void *dst, int ith, int nth, void *attention);

/* Memory to be read once, from start to end, by all threads: what the machine's read bandwidth is measured by. */
struct rondo_read {
  const void *data;
  int64_t bytes; /* what lies past the last multiple of 256 a thread is left out */
  int64_t sum;   /* of all words, so that no compiler leaves the reading out */
};

/* An op over a struct rondo_read; its dst is not written. */
RONDO_API void rondo_read_bytes(void *dst, int ith, int nth, void *read);

/* ggml's abort callback over an int32 flag: true once the flag is not 0. */
RONDO_API bool rondo_should_abort(void *flag);

#ifdef __cplusplus
}
#endif

#endif
