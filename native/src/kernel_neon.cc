#include <arm_neon.h>

#include "unit.h"
#include "unroll.h"

namespace rondo {
namespace {
#include "simd_neon.h"
#include "build.h"
}  // namespace

extern const Kernel kKernel_neon;
const Kernel kKernel_neon = {RONDO_ISA_NEON, run_any_narrow, run_wide, halves_from_floats};
}  // namespace rondo
