// A kernel for the CPU: the scan of one population over a chunk of time steps, for float32 and for float64.
// Compiled once for each dynamics, with KERNEL the file of the dynamics ("signgd.c"), which holds its arithmetic alone.
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 1024  // neurons that a thread processes at a time
#define LEAST_OF(a, b) ((a) < (b) ? (a) : (b))
#define CLIP(f, low, high)                                                                                             \
    f = f < low ? low : f;                                                                                             \
    f = f > high ? high : f

#define REAL float
#define INT int32_t
#define LARGEST FLT_MAX
#define ABS fabsf
#define COPYSIGN copysignf
#define TYPED(name) name##_float32
#include "scan.h"

#undef REAL
#undef INT
#undef LARGEST
#undef ABS
#undef COPYSIGN
#undef TYPED
#define REAL double
#define INT int64_t
#define LARGEST DBL_MAX
#define ABS fabs
#define COPYSIGN copysign
#define TYPED(name) name##_float64
#include "scan.h"
