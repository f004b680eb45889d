// A kernel for the CPU: the scan of one population over a chunk of time steps, for float32 and for float64.
// Compiled once for each dynamics, with KERNEL the file of the dynamics ("signgd.c"), which holds its arithmetic alone:
// a step of a neuron.
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "digits.h"

#define BLOCK 1024   // neurons that a thread processes at a time
#define PIECE 256    // spikes that are tallied in 32 bits
#define SOURCES 4    // the most sources of a function
#define ROWS 24      // the most rows of numbers that are given, or made by its instructions
#define PATTERNS 4   // the most patterns of weights that spikes are tallied by
#define LEAST_OF(a, b) ((a) < (b) ? (a) : (b))
#define CLIP(f, low, high)                                                                                             \
    f = f < low ? low : f;                                                                                             \
    f = f > high ? high : f

typedef struct {
    int64_t rows, stride, apart;  // a source: its rows, how far apart they are, and how far pieces of `inner` neurons
} SOURCE;

typedef struct {
    int64_t run, period;  // what is given: `period` numbers, each for `run` neurons, over and over
} GIVEN;

// The neurons lie in `outer` pieces of `inner`, in memory one piece after the other, but in the sources. Their targets
// are what a tape (see functions.c) makes of the sources and of what is given, or the first source (`length` 0).
typedef struct {
    int64_t steps, outer, inner, threads;
    int64_t silent_from;  // the first step from which on a block that is silent stays silent; `steps`: none
    int64_t most;         // the rows of the source that has most; the last row of each is that of all later steps
    int64_t sources, givens, length, result;  // `result` is the row of the target: sources, givens, then instructions
    SOURCE source[SOURCES];
    GIVEN given[ROWS];  // the scale first
    int64_t tape[5 * ROWS];
} LAYOUT;

typedef struct {
    const void *source[SOURCES];
    const void *given[ROWS];
    const void *before;  // [N], the estimates before the chunk, NULL: zero
    void *after;         // [N], the last estimates
    void *out;           // [steps, N], the estimates; may be a source that has as many rows
    int64_t *counts;     // [threads, steps], the numbers of spikes
    int64_t *kept;       // [blocks], scratch: the rows that were written of each block
    double *peak;        // the largest magnitude of the last estimates
    void (*evaluate)(const int64_t *tape, int64_t length, void *const *rows, int64_t count);
    void *sent;          // [steps, N], the spikes, or NULL: they are not asked for
    int64_t *sums;       // [threads, patterns, steps, 5], see below, where spikes are tallied
} MEMORY;

typedef struct {
    const int32_t *fan;  // the weights that neurons meet, given as GIVEN says
    GIVEN given;
} PATTERN;

// What is tallied of the spikes of a step, by patterns of weights that they meet: weights met, signed digits times weights
// met, whether some spike was not +-unit, spikes, signed digits. `drop` bits of a significand are below those of a
// payload.
typedef struct {
    int64_t drop, patterns;
    PATTERN pattern[PATTERNS];
} TALLIED;

#define REAL float
#define INT int32_t
#define MANTISSA 23
#define LARGEST FLT_MAX
#define ABS fabsf
#define COPYSIGN copysignf
#define TYPED(name) name##_float32
#include "scan.h"

#undef REAL
#undef INT
#undef MANTISSA
#undef LARGEST
#undef ABS
#undef COPYSIGN
#undef TYPED
#define REAL double
#define INT int64_t
#define MANTISSA 52
#define LARGEST DBL_MAX
#define ABS fabs
#define COPYSIGN copysign
#define TYPED(name) name##_float64
#include "scan.h"
