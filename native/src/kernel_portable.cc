#include "unit.h"
#include "unroll.h"

namespace rondo {
namespace {
#include "simd_portable.h"
#include "build.h"
}  // namespace

extern const Kernel kKernel_portable;
const Kernel kKernel_portable = {RONDO_ISA_PORTABLE, run_any_narrow, run_wide, halves_from_floats};
}  // namespace rondo
