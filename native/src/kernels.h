// The builds of the kernel in this library, and which of them the processor can run.
#pragma once

#include "unit.h"

namespace rondo {

// The build for `isa`, or null where the library or the processor lacks it.
const Kernel* find_kernel(int isa);

}  // namespace rondo
