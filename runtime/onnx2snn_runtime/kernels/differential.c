// The scan of one population of graded corrections over a chunk of time: see onnx2snn_runtime/dynamics/differential.py
// for the formula, which this follows to the bit. One pass: target, error, quantiser, estimate, count.
//
//   target  [T, N], or [1, N] with stride 0: what f(x) is, or x itself where f is a clamp to [low, high] (without one: +-infinity)
//   v       [N], the estimate before the chunk; after it, the last one
//   out     [T, N], the estimates
//   counts  [T], spikes that are not zero are added
//   scale   one number, or `period` numbers that repeat along N
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 1024

#define SCAN(NAME, REAL, INT, BITS, LARGEST, FABS, COPYSIGN)                                                           \
    void NAME(const REAL *target, int64_t stride, REAL *v, REAL *out, int64_t *counts, int64_t steps, int64_t size,    \
              int64_t begin, int64_t end, const REAL *scale, int64_t period, REAL lo, REAL top, int32_t mantissa,      \
              REAL low, REAL high) {                                                                                   \
        const int shift = BITS - mantissa;                                                                             \
        const INT half = (INT)1 << (shift > 0 ? shift - 1 : 0);                                                        \
        const INT odd = mantissa > 0 && shift > 0 ? 1 : 0, bias = shift > 0 ? half - odd : 0;                          \
        const REAL silent = lo / 2;                                                                                    \
        REAL scales[BLOCK];                                                                                            \
        for (int64_t start = begin; start < end; start += BLOCK) {                                                     \
            const int count = (int)(end - start < BLOCK ? end - start : BLOCK);                                        \
            for (int i = 0; i < count; i++) scales[i] = scale[period > 1 ? (start + i) % period : 0];                  \
            for (int64_t t = 0; t < steps; t++) {                                                                      \
                const REAL *x = target + t * stride + start;                                                           \
                REAL *y = out + t * size + start, *state = v + start;                                                  \
                int32_t fired = 0;                                                                                     \
                for (int i = 0; i < count; i++) {                                                                      \
                    const REAL unit = scales[i];                                                                       \
                    REAL f = x[i];                                                                                     \
                    f = f < low ? low : f;                                                                             \
                    f = f > high ? high : f;                                                                           \
                    f = f != f ? 0 : f;                                                                                \
                    f = f > LARGEST ? unit : f;                                                                        \
                    f = f < -LARGEST ? -unit : f;                                                                      \
                    const REAL e = f - state[i];                                                                       \
                    const REAL a = FABS(e) / unit;                                                                     \
                    INT bits;                                                                                          \
                    memcpy(&bits, &a, sizeof bits);                                                                    \
                    const INT up = bias + ((bits >> shift) & odd);                                                     \
                    bits = ((bits + up) >> shift) << shift;                                                            \
                    REAL q;                                                                                            \
                    memcpy(&q, &bits, sizeof q);                                                                       \
                    q = q < lo ? lo : q;                                                                               \
                    q = q > top ? top : q;                                                                             \
                    const REAL s = a <= silent ? 0 : COPYSIGN(q * unit, e);                                             \
                    fired += s != 0;                                                                                   \
                    const REAL next = state[i] + s;                                                                    \
                    state[i] = next;                                                                                   \
                    y[i] = next;                                                                                       \
                }                                                                                                      \
                counts[t] += fired;                                                                                    \
            }                                                                                                          \
        }                                                                                                              \
    }

SCAN(differential_float32, float, int32_t, 23, FLT_MAX, fabsf, copysignf)
SCAN(differential_float64, double, int64_t, 52, DBL_MAX, fabs, copysign)
