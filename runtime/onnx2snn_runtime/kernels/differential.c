// The scan of one population of graded corrections over a chunk of time: see onnx2snn_runtime/dynamics/differential.py
// for the formula, which this follows to the bit. One pass: target, error, quantiser, estimate, count. The target is
// f(x), or x itself where f is a clamp to [low, high] (without one: +-infinity).
#include <float.h>
#include <math.h>

#include "scan.h"

#define KERNEL(NAME, REAL, INT, BITS, LARGEST, FABS, COPYSIGN)                                                         \
    typedef struct {                                                                                                   \
        REAL low, high, lo, top;                                                                                       \
        int64_t mantissa;                                                                                              \
    } NAME##_own;                                                                                                      \
    static inline int32_t NAME##_step(const REAL *restrict x, REAL *restrict v, REAL *restrict y,                      \
                                      const REAL *restrict scales, int count, int64_t t, int64_t start, int64_t size,  \
                                      const NAME##_own *own) {                                                         \
        const int shift = BITS - (int)own->mantissa;                                                                   \
        const INT half = (INT)1 << (shift > 0 ? shift - 1 : 0);                                                        \
        const INT odd = own->mantissa > 0 && shift > 0 ? 1 : 0, bias = shift > 0 ? half - odd : 0;                     \
        const REAL low = own->low, high = own->high, lo = own->lo, top = own->top, silent = lo / 2;                    \
        int32_t fired = 0;                                                                                             \
        for (int i = 0; i < count; i++) {                                                                              \
            const REAL unit = scales[i];                                                                               \
            REAL f = x[i];                                                                                             \
            f = f < low ? low : f;                                                                                     \
            f = f > high ? high : f;                                                                                   \
            f = f != f ? 0 : f;                                                                                        \
            f = f > LARGEST ? unit : f;                                                                                \
            f = f < -LARGEST ? -unit : f;                                                                              \
            const REAL e = f - v[i];                                                                                   \
            const REAL a = FABS(e) / unit;                                                                             \
            INT bits;                                                                                                  \
            memcpy(&bits, &a, sizeof bits);                                                                            \
            const INT up = bias + ((bits >> shift) & odd);                                                             \
            bits = ((bits + up) >> shift) << shift;                                                                    \
            REAL q;                                                                                                    \
            memcpy(&q, &bits, sizeof q);                                                                               \
            q = q < lo ? lo : q;                                                                                       \
            q = q > top ? top : q;                                                                                     \
            const REAL s = a <= silent ? 0 : COPYSIGN(q * unit, e);                                                    \
            fired += s != 0;                                                                                           \
            v[i] += s;                                                                                                 \
            y[i] = v[i];                                                                                               \
        }                                                                                                              \
        return fired;                                                                                                  \
    }                                                                                                                  \
    SCAN(NAME, REAL, NAME##_own, NAME##_step, 1)

KERNEL(differential_float32, float, int32_t, 23, FLT_MAX, fabsf, copysignf)
KERNEL(differential_float64, double, int64_t, 52, DBL_MAX, fabs, copysign)
