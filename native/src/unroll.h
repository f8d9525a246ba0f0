// RONDO_APART keeps an inner loop a function of its own: inlined several times into one caller, GCC runs out of
// registers for it.
// RONDO_UNROLL asks the compiler to unroll the loop that follows, so that arrays of vectors become registers.
#pragma once

#define RONDO_APART __attribute__((noinline))

#if defined(__clang__)
#define RONDO_UNROLL _Pragma("unroll")
#else
#define RONDO_UNROLL _Pragma("GCC unroll 16")
#endif
