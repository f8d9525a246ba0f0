// Asks the compiler to unroll the loop that follows, so that arrays of vectors become registers.
#pragma once

#if defined(__clang__)
#define RONDO_UNROLL _Pragma("unroll")
#else
#define RONDO_UNROLL _Pragma("GCC unroll 16")
#endif
