// What the kernels for the CPU share: a population's way through a chunk of time, block by block, in threads.
//
//   target  [rows, N]: what f(x) is, or x itself where the kernel computes f; the last row stands for all later steps
//   v       [N], the estimate before the chunk; after it, the last one
//   out     [T, N], the estimates: as many rows are written as the answer n says, at least one; the last stands for the
//           rest. Where n is 0 nothing moved, and nothing will while the target stands
//   counts  [threads, T], spikes that are not zero are added
//   kept    [blocks], scratch
//   scale   one number, or `period` numbers that repeat along N
//   done    the first step from which on a block that is silent will stay so; T where silence says nothing
//
// STEP(x, v, y, scales, count, t, start, own) makes step t for `count` neurons and returns how many of them fired; what
// comes before `count` is theirs; of arrays in `own` they have the places from `start` on.
#include <stdint.h>
#include <string.h>

#define BLOCK 1024
#define LEAST_OF(a, b) ((a) < (b) ? (a) : (b))
#define CLIP(f, low, high)                                                                                             \
    f = f < low ? low : f;                                                                                             \
    f = f > high ? high : f

#define SCAN(NAME, REAL, OWN, STEP)                                                                                    \
    int64_t NAME(const REAL *target, int64_t rows, REAL *v, REAL *out, int64_t *counts, int64_t *kept, int64_t steps,  \
                 int64_t size, const REAL *scale, int64_t period, int64_t done, int64_t threads, const OWN *own) {     \
        const int64_t blocks = (size + BLOCK - 1) / BLOCK;                                                             \
        int64_t most = 0;                                                                                              \
        _Pragma("omp parallel num_threads(threads) if(threads > 1)") {                                                 \
            REAL scales[BLOCK];                                                                                        \
            for (int i = 0; i < BLOCK; i++) scales[i] = scale[0];                                                      \
            _Pragma("omp for schedule(static, 1) reduction(max : most)")                                               \
            for (int64_t part = 0; part < threads; part++)                                                             \
                for (int64_t b = blocks * part / threads; b < blocks * (part + 1) / threads; b++) {                    \
                    const int64_t start = b * BLOCK;                                                                   \
                    const int count = (int)LEAST_OF(size - start, BLOCK);                                              \
                    for (int64_t i = 0, at = start % period; period > 1 && i < count; i++) {                           \
                        scales[i] = scale[at];                                                                         \
                        at = at + 1 < period ? at + 1 : 0;                                                             \
                    }                                                                                                  \
                    int64_t t = 0;                                                                                     \
                    for (; t < steps; t++) {                                                                           \
                        const REAL *x = target + LEAST_OF(t, rows - 1) * size + start;                                 \
                        REAL *y = out + t * size + start;                                                              \
                        const int32_t fired = STEP(x, v + start, y, scales, count, t, start, own);                     \
                        counts[part * steps + t] += fired;                                                             \
                        if (!fired && t >= done) break;                                                                \
                    }                                                                                                  \
                    kept[b] = t;                                                                                       \
                    most = most > t ? most : t;                                                                        \
                }                                                                                                      \
            _Pragma("omp for schedule(static)")                                                                        \
            for (int64_t b = 0; b < blocks; b++)                                                                       \
                for (int64_t t = kept[b], start = b * BLOCK; t < most; t++)                                            \
                    memcpy(out + t * size + start, v + start, (size_t)LEAST_OF(size - start, BLOCK) * sizeof(REAL));   \
        }                                                                                                              \
        return most;                                                                                                   \
    }
