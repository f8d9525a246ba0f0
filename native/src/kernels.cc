#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace rondo {

extern const Kernel kKernel_portable;
#if defined(__x86_64__)
extern const Kernel kKernel_avx2;
extern const Kernel kKernel_avx512;
#elif defined(__aarch64__)
extern const Kernel kKernel_neon;
#endif

namespace {

#if defined(__x86_64__)
bool has_f16c() {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 29)) != 0;
}

bool has_avx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

bool has_avx512() {
#ifdef RONDO_EMULATE_AVX512
  return true;
#else
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
#endif
}
#endif

int find_best_isa() {
#if defined(__x86_64__)
#ifndef RONDO_EMULATE_AVX512
  if (has_avx512()) return RONDO_ISA_AVX512;
#endif
  return has_avx2() ? RONDO_ISA_AVX2 : RONDO_ISA_PORTABLE;
#elif defined(__aarch64__)
  return RONDO_ISA_NEON;
#else
  return RONDO_ISA_PORTABLE;
#endif
}

const int kBestIsa = find_best_isa();

}  // namespace

const Kernel* find_kernel(int isa) {
  switch (isa == RONDO_ISA_BEST ? kBestIsa : isa) {
    case RONDO_ISA_PORTABLE: return &kKernel_portable;
#if defined(__x86_64__)
    case RONDO_ISA_AVX2: return has_avx2() ? &kKernel_avx2 : nullptr;
    case RONDO_ISA_AVX512: return has_avx512() ? &kKernel_avx512 : nullptr;
#elif defined(__aarch64__)
    case RONDO_ISA_NEON: return &kKernel_neon;
#endif
    default: return nullptr;
  }
}

}  // namespace rondo
