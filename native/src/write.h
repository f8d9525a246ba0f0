// The first op: keys and values of the batch's rows go to slots of their pages.
#pragma once

#include "unit.h"

namespace rondo {

// This thread's share of all writes of `attention`.
void write_rows(const rondo_attention& attention, const Kernel& kernel, int ith, int nth);

}  // namespace rondo
