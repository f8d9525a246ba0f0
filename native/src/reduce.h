// The third op: the ranges of an entry become its attention, and its pieces the masses of its segments.
#pragma once

#include "plan.h"

namespace rondo {

// This thread's share of the output of `attention`.
void reduce_rows(const rondo_attention& attention, const float* partial, float* output, int ith, int nth);

}  // namespace rondo
