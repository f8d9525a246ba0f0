// RONDO_EMULATE_AVX512 lets the tests run this build on a processor without AVX-512.
#ifdef RONDO_EMULATE_AVX512
#include "../test/emulated_avx512.h"
#else
#include <immintrin.h>
#endif

#include "unit.h"
#include "unroll.h"

namespace rondo {
namespace {
#include "simd_avx512.h"
#include "build.h"
}  // namespace

extern const Kernel kKernel_avx512;
const Kernel kKernel_avx512 = {RONDO_ISA_AVX512, run_any_narrow, run_wide, halves_from_floats};
}  // namespace rondo
