#include <immintrin.h>

#include "unit.h"
#include "unroll.h"

namespace rondo {
namespace {
#include "simd_avx2.h"
#include "build.h"
}  // namespace

extern const Kernel kKernel_avx2;
const Kernel kKernel_avx2 = {RONDO_ISA_AVX2, run_any_narrow, run_wide, halves_from_floats};
}  // namespace rondo
