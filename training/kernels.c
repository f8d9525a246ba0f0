/* The parts of a training step that PyTorch does slowly on one core: causal attention with rotary
 * positions, RMSNorm, SwiGLU and Adam. Built by kernels.py; gcc and clang understand the vector type.
 *
 * Attention works on one (sequence, KV head) at a time, eight query rows at a time, and never stores
 * scores: the backward pass recomputes them from the log-sum-exp of each row.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIM 32
#define ROWS 8
#define LANES 8

typedef float vec __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

static inline vec splat(float x) { return (vec){x, x, x, x, x, x, x, x}; }

/* exp for x <= 80 to 2e-7 relative: plain arithmetic, so that compilers make vectors of it. */
static inline float fast_exp(float x) {
  x = x > -87.0f ? x : -87.0f;
  float n = floorf(x * 1.44269504f + 0.5f);
  float f = x - n * 0.693359375f + n * 2.12194440e-4f;
  float y = 1.9875691500e-4f;
  y = y * f + 1.3981999507e-3f;
  y = y * f + 8.3334519073e-3f;
  y = y * f + 4.1665795894e-2f;
  y = y * f + 1.6666665459e-1f;
  y = y * f + 5.0000001201e-1f;
  y = y * f * f + f + 1.0f;
  union {
    int bits;
    float value;
  } power = {((int)n + 127) << 23};
  return y * power.value;
}

/* What one (sequence, KV head) needs, padded to a multiple of 16 keys. */
typedef struct {
  int time, padded;
  float *k, *kt, *v, *vt; /* [time][DIM] and [DIM][padded] */
  float *q, *dq, *dk, *dv; /* [time][DIM] */
  float *scores, *weights; /* [ROWS][padded] */
} Workspace;

static float *take(size_t count) { return aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64); }

static Workspace new_workspace(int time) {
  int padded = (time + 15) / 16 * 16;
  size_t n = (size_t)padded * DIM;
  Workspace w = {time, padded, take(n), take(n), take(n), take(n), take(n), take(n), take(n), take(n),
                 take((size_t)padded * ROWS), take((size_t)padded * ROWS)};
  return w;
}

static void free_workspace(Workspace *w) {
  float *all[] = {w->k, w->kt, w->v, w->vt, w->q, w->dq, w->dk, w->dv, w->scores, w->weights};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* to[t] = from[t] rotated by its position (direction 1) or back (-1), times scale. */
static void rotate(float *to, size_t to_stride, const float *from, size_t from_stride, const float *cosine,
                   const float *sine, int time, float direction, float scale) {
  for (int t = 0; t < time; t++) {
    const float *c = cosine + (size_t)t * (DIM / 2), *s = sine + (size_t)t * (DIM / 2);
    const float *x = from + t * from_stride;
    float *y = to + t * to_stride;
    for (int i = 0; i < DIM / 2; i++) {
      float even = x[2 * i], odd = x[2 * i + 1];
      y[2 * i] = scale * (even * c[i] - direction * odd * s[i]);
      y[2 * i + 1] = scale * (direction * even * s[i] + odd * c[i]);
    }
  }
}

static void transpose(float *to, const float *from, int time, int padded) {
  memset(to, 0, (size_t)padded * DIM * sizeof(float));
  for (int t = 0; t < time; t++)
    for (int d = 0; d < DIM; d++) to[(size_t)d * padded + t] = from[(size_t)t * DIM + d];
}

/* out[r][j] = rows[r] . columns[.][j] for ROWS rows and keys from..to, multiples of 16. */
static void dot_rows(float *out, const float *rows, const float *columns, int padded, int from, int to) {
  for (int half = 0; half < ROWS; half += 4) {
    const float *a = rows + half * DIM;
    for (int j = from; j < to; j += 16) {
      vec acc[4][2] = {{{0}}};
      for (int d = 0; d < DIM; d++) {
        const float *column = columns + (size_t)d * padded + j;
        vec x = *(const vec *)column, y = *(const vec *)(column + LANES);
        for (int r = 0; r < 4; r++) {
          vec b = splat(a[r * DIM + d]);
          acc[r][0] += b * x;
          acc[r][1] += b * y;
        }
      }
      for (int r = 0; r < 4; r++) {
        float *o = out + (size_t)(half + r) * padded + j;
        *(vec *)o = acc[r][0];
        *(vec *)(o + LANES) = acc[r][1];
      }
    }
  }
}

/* out[r] = sum over keys of weights[r][j] * values[j], for `rows` rows. */
static void mix_rows(float *out, const float *weights, const float *values, int padded, int from, int to) {
  for (int half = 0; half < ROWS; half += 2) {
    const float *w0 = weights + (size_t)half * padded, *w1 = w0 + padded;
    vec acc[2][4] = {{{0}}};
    for (int j = from; j < to; j++) {
      const vec *v = (const vec *)(values + (size_t)j * DIM);
      vec a = splat(w0[j]), b = splat(w1[j]);
      for (int c = 0; c < 4; c++) {
        acc[0][c] += a * v[c];
        acc[1][c] += b * v[c];
      }
    }
    for (int r = 0; r < 2; r++)
      for (int c = 0; c < 4; c++) ((vec *)(out + (size_t)(half + r) * DIM))[c] = acc[r][c];
  }
}

/* out[j] += sum over rows of weights[r][j] * rows[r]. */
static void scatter_rows(float *out, const float *weights, const float *rows, int padded, int from, int to) {
  for (int c = 0; c < 4; c += 2) {
    vec a[ROWS][2];
    for (int r = 0; r < ROWS; r++)
      for (int i = 0; i < 2; i++) a[r][i] = ((const vec *)(rows + (size_t)r * DIM))[c + i];
    for (int j = from; j < to; j++) {
      vec *o = (vec *)(out + (size_t)j * DIM) + c;
      vec x = o[0], y = o[1];
      for (int r = 0; r < ROWS; r++) {
        vec w = splat(weights[(size_t)r * padded + j]);
        x += w * a[r][0];
        y += w * a[r][1];
      }
      o[0] = x;
      o[1] = y;
    }
  }
}

typedef struct {
  int batch, time, heads, groups, window; /* a window of 0 sees everything */
} Geometry;

static void load_keys(Workspace *w, const float *qkv, size_t stride, const float *c, const float *s, int heads,
                      int groups, int g) {
  rotate(w->k, DIM, qkv + (size_t)(heads + g) * DIM, stride, c, s, w->time, 1, 1);
  transpose(w->kt, w->k, w->time, w->padded);
  for (int t = 0; t < w->time; t++)
    memcpy(w->v + (size_t)t * DIM, qkv + t * stride + (size_t)(heads + groups + g) * DIM, DIM * sizeof(float));
  size_t rest = (size_t)(w->padded - w->time) * DIM * sizeof(float);
  memset(w->v + (size_t)w->time * DIM, 0, rest);
  memset(w->k + (size_t)w->time * DIM, 0, rest);
}

static int first_key(int row, int window) {
  int first = window > 0 && row - window + 1 > 0 ? row - window + 1 : 0;
  return first / 16 * 16;
}

static int visible_from(int row, int window) { return window > 0 && row >= window ? row - window + 1 : 0; }

/* qkv [B][T][(H + 2G) * DIM], cosine and sine [B][T][DIM / 2], out [B][T][H * DIM], lse [B][H][T]. */
void attention_forward(const float *qkv, const float *cosine, const float *sine, float *out, float *lse, int batch,
                       int time, int heads, int groups, int window) {
  size_t stride = (size_t)(heads + 2 * groups) * DIM;
  Workspace w = new_workspace(time);
  float rows[ROWS * DIM] __attribute__((aligned(64)));
  for (int b = 0; b < batch; b++)
    for (int g = 0; g < groups; g++) {
      const float *base = qkv + (size_t)b * time * stride;
      const float *c = cosine + (size_t)b * time * (DIM / 2), *s = sine + (size_t)b * time * (DIM / 2);
      load_keys(&w, base, stride, c, s, heads, groups, g);
      for (int h = g * heads / groups; h < (g + 1) * heads / groups; h++) {
        rotate(w.q, DIM, base + (size_t)h * DIM, stride, c, s, time, 1, 1 / sqrtf(DIM));
        memset(w.q + (size_t)time * DIM, 0, (size_t)(w.padded - time) * DIM * sizeof(float));
        for (int t = 0; t < time; t += ROWS) {
          int from = first_key(t, window), to = (t + ROWS + 15) / 16 * 16;
          dot_rows(w.scores, w.q + (size_t)t * DIM, w.kt, w.padded, from, to);
          for (int r = 0; r < ROWS; r++) {
            float *x = w.scores + (size_t)r * w.padded;
            int row = t + r, low = visible_from(row, window);
            float top = -1e30f, sum = 0;
            for (int j = low; j <= row; j++) top = x[j] > top ? x[j] : top;
            for (int j = from; j < low; j++) x[j] = 0;
            for (int j = low; j <= row; j++) x[j] = fast_exp(x[j] - top);
            for (int j = low; j <= row; j++) sum += x[j];
            float scale = 1 / sum;
            for (int j = low; j <= row; j++) x[j] *= scale;
            for (int j = row + 1; j < to; j++) x[j] = 0;
            if (row < time) lse[((size_t)b * heads + h) * time + row] = top + logf(sum);
          }
          mix_rows(rows, w.scores, w.v, w.padded, from, to < w.padded ? to : w.padded);
          for (int r = 0; r < ROWS && t + r < time; r++)
            memcpy(out + ((size_t)(b * time + t + r) * heads + h) * DIM, rows + r * DIM, DIM * sizeof(float));
        }
      }
    }
  free_workspace(&w);
}

static void backward_block(Workspace *w, const float *grad_rows, const float *lse, const float *delta, int t,
                           int window, int num_rows) {
  int from = first_key(t, window), to = (t + ROWS + 15) / 16 * 16;
  const float *q = w->q + (size_t)t * DIM;
  dot_rows(w->weights, q, w->kt, w->padded, from, to);
  dot_rows(w->scores, grad_rows, w->vt, w->padded, from, to);
  for (int r = 0; r < ROWS; r++) {
    float *p = w->weights + (size_t)r * w->padded, *ds = w->scores + (size_t)r * w->padded;
    int row = t + r, low = visible_from(row, window), high = r < num_rows ? row : -1;
    for (int j = from; j < (low < to ? low : to); j++) p[j] = ds[j] = 0;
    for (int j = low; j <= high; j++) {
      float weight = fast_exp(p[j] - lse[r]);
      p[j] = weight;
      ds[j] = weight * (ds[j] - delta[r]);
    }
    for (int j = high < from ? from : high + 1; j < to; j++) p[j] = ds[j] = 0;
  }
  mix_rows(w->dq + (size_t)t * DIM, w->scores, w->k, w->padded, from, to);
  scatter_rows(w->dk, w->scores, q, w->padded, from, to);
  scatter_rows(w->dv, w->weights, grad_rows, w->padded, from, to);
}

/* grad_out as out; grad_qkv as qkv, written whole. */
void attention_backward(const float *qkv, const float *cosine, const float *sine, const float *out,
                        const float *lse, const float *grad_out, float *grad_qkv, int batch, int time, int heads,
                        int groups, int window) {
  size_t stride = (size_t)(heads + 2 * groups) * DIM;
  Workspace w = new_workspace(time);
  float grads[ROWS * DIM] __attribute__((aligned(64)));
  for (int b = 0; b < batch; b++)
    for (int g = 0; g < groups; g++) {
      const float *base = qkv + (size_t)b * time * stride;
      float *grad_base = grad_qkv + (size_t)b * time * stride;
      const float *c = cosine + (size_t)b * time * (DIM / 2), *s = sine + (size_t)b * time * (DIM / 2);
      load_keys(&w, base, stride, c, s, heads, groups, g);
      transpose(w.vt, w.v, time, w.padded);
      memset(w.dk, 0, (size_t)w.padded * DIM * sizeof(float));
      memset(w.dv, 0, (size_t)w.padded * DIM * sizeof(float));
      for (int h = g * heads / groups; h < (g + 1) * heads / groups; h++) {
        rotate(w.q, DIM, base + (size_t)h * DIM, stride, c, s, time, 1, 1 / sqrtf(DIM));
        memset(w.q + (size_t)time * DIM, 0, (size_t)(w.padded - time) * DIM * sizeof(float));
        for (int t = 0; t < time; t += ROWS) {
          int num_rows = time - t < ROWS ? time - t : ROWS;
          float delta[ROWS] = {0}, block_lse[ROWS] = {0};
          memset(grads, 0, sizeof grads);
          for (int r = 0; r < num_rows; r++) {
            size_t at = ((size_t)(b * time + t + r) * heads + h) * DIM;
            memcpy(grads + r * DIM, grad_out + at, DIM * sizeof(float));
            for (int d = 0; d < DIM; d++) delta[r] += grad_out[at + d] * out[at + d];
            block_lse[r] = lse[((size_t)b * heads + h) * time + t + r];
          }
          backward_block(&w, grads, block_lse, delta, t, window, num_rows);
        }
        rotate(grad_base + (size_t)h * DIM, stride, w.dq, DIM, c, s, time, -1, 1 / sqrtf(DIM));
      }
      rotate(grad_base + (size_t)(heads + g) * DIM, stride, w.dk, DIM, c, s, time, -1, 1);
      for (int t = 0; t < time; t++)
        memcpy(grad_base + t * stride + (size_t)(heads + groups + g) * DIM, w.dv + (size_t)t * DIM,
               DIM * sizeof(float));
    }
  free_workspace(&w);
}

/* y = x * rsqrt(mean(x^2) + epsilon) * weight; inverse [rows] is kept for the backward pass. */
void rms_forward(const float *x, const float *weight, float *y, float *inverse, int rows, int width, float epsilon) {
  for (int i = 0; i < rows; i++) {
    const float *a = x + (size_t)i * width;
    float sum = 0;
    for (int j = 0; j < width; j++) sum += a[j] * a[j];
    float scale = 1 / sqrtf(sum / width + epsilon);
    inverse[i] = scale;
    for (int j = 0; j < width; j++) y[(size_t)i * width + j] = a[j] * scale * weight[j];
  }
}

void rms_backward(const float *x, const float *weight, const float *inverse, const float *grad, float *grad_x,
                  float *grad_weight, int rows, int width) {
  memset(grad_weight, 0, width * sizeof(float));
  for (int i = 0; i < rows; i++) {
    const float *a = x + (size_t)i * width, *g = grad + (size_t)i * width;
    float scale = inverse[i], sum = 0;
    for (int j = 0; j < width; j++) sum += a[j] * g[j] * weight[j];
    float pull = sum * scale * scale * scale / width;
    for (int j = 0; j < width; j++) {
      grad_x[(size_t)i * width + j] = g[j] * weight[j] * scale - a[j] * pull;
      grad_weight[j] += g[j] * a[j] * scale;
    }
  }
}

/* y [rows][width] = silu(gate) * up, from gate_up [rows][2 * width]. */
void swiglu_forward(const float *gate_up, float *y, int rows, int width) {
  for (int i = 0; i < rows; i++) {
    const float *gate = gate_up + (size_t)i * 2 * width, *up = gate + width;
    float *o = y + (size_t)i * width;
    for (int j = 0; j < width; j++) o[j] = gate[j] / (1 + fast_exp(gate[j] < -80 ? 80 : -gate[j])) * up[j];
  }
}

void swiglu_backward(const float *gate_up, const float *grad, float *grad_gate_up, int rows, int width) {
  for (int i = 0; i < rows; i++) {
    const float *gate = gate_up + (size_t)i * 2 * width, *up = gate + width, *g = grad + (size_t)i * width;
    float *dg = grad_gate_up + (size_t)i * 2 * width, *du = dg + width;
    for (int j = 0; j < width; j++) {
      float sigmoid = 1 / (1 + fast_exp(gate[j] < -80 ? 80 : -gate[j]));
      du[j] = g[j] * gate[j] * sigmoid;
      dg[j] = g[j] * up[j] * sigmoid * (1 + gate[j] * (1 - sigmoid));
    }
  }
}

/* One AdamW step over `count` weights; gradients are scaled by `clip` first and cleared afterwards. */
void adam_step(float *weights, float *grads, float *mean, float *square, long count, float rate, float beta1,
               float beta2, float correction1, float correction2, float clip, float decay) {
  for (long i = 0; i < count; i++) {
    float g = grads[i] * clip;
    float m = mean[i] = beta1 * mean[i] + (1 - beta1) * g;
    float s = square[i] = beta2 * square[i] + (1 - beta2) * g * g;
    weights[i] -= rate * (m * correction1 / (sqrtf(s * correction2) + 1e-8f) + decay * weights[i]);
    grads[i] = 0;
  }
}
