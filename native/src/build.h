// The body of a build of the kernel: included inside the unnamed namespace of one translation unit per
// instruction set, after its vectors. Nothing of it may have external linkage, or the linker could pick a
// function that was compiled for another processor; so no template of the standard library is used either.
#include "pieces.h"
#include "softmax.h"
#include "narrow.h"
#include "narrow_q8.h"
#include "wide.h"

template <class Kv>
void run_narrow_of(const Unit& unit) {
  switch (unit.num_queries) {
    case 1: return run_narrow<1, Kv>(unit);
    case 2: return run_narrow<2, Kv>(unit);
    case 3: return run_narrow<3, Kv>(unit);
    case 4: return run_narrow<4, Kv>(unit);
    case 5: return run_narrow<5, Kv>(unit);
    case 6: return run_narrow<6, Kv>(unit);
    case 7: return run_narrow<7, Kv>(unit);
    default: return run_narrow<8, Kv>(unit);
  }
}

void run_any_narrow(const Unit& unit) {
  if (unit.attention->kv_type == RONDO_KV_F16) return run_narrow_of<Halves>(unit);
  return run_narrow_of<Q8>(unit);
}

void halves_from_floats(const float* from, uint16_t* to, int count) {
  for (int i = 0; i < count; i += kWidth) store_half(to + i, load(from + i));
}
