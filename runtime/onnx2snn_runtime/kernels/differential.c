// The scan of one population of graded corrections over a chunk of time: see onnx2snn_runtime/dynamics/differential.py
// for the formula, which this follows to the bit. One pass: target, error, quantiser, estimate, count. The target is
// f(x), or x itself where f is a clamp to [low, high] (without one: +-infinity).
#include <float.h>
#include <math.h>

#include "scan.h"

#define KERNEL(NAME, REAL, INT, LARGEST, FABS, COPYSIGN)                                                               \
    typedef struct {                                                                                                   \
        REAL low, high, top;                                                                                           \
        const REAL *least;                                                                                             \
        int64_t shift, half, odd;                                                                                      \
    } NAME##_own;                                                                                                      \
    static inline int32_t NAME##_step(const REAL *restrict x, REAL *restrict v, REAL *restrict y,                      \
                                      const REAL *restrict scales, int count, int64_t t, int64_t start,                \
                                      const NAME##_own *own) {                                                         \
        const int shift = (int)own->shift;                                                                             \
        const INT odd = (INT)own->odd, bias = own->half ? ((INT)1 << (shift - 1)) - odd : 0;                           \
        const REAL low = own->low, high = own->high, lo = own->least[t], top = own->top, silent = lo / 2;              \
        int32_t fired = 0;                                                                                             \
        for (int i = 0; i < count; i++) {                                                                              \
            const REAL unit = scales[i];                                                                               \
            REAL f = x[i];                                                                                             \
            CLIP(f, low, high);                                                                                        \
            f = f != f ? 0 : f;                                                                                        \
            f = f > LARGEST ? unit : f;                                                                                \
            f = f < -LARGEST ? -unit : f;                                                                              \
            const REAL e = f - v[i];                                                                                   \
            const REAL a = FABS(e) / unit;                                                                             \
            INT bits;                                                                                                  \
            memcpy(&bits, &a, sizeof bits);                                                                            \
            bits = ((bits + bias + ((bits >> shift) & odd)) >> shift) << shift;                                        \
            REAL q;                                                                                                    \
            memcpy(&q, &bits, sizeof q);                                                                               \
            CLIP(q, lo, top);                                                                                          \
            const REAL s = a <= silent ? 0 : COPYSIGN(q * unit, e);                                                    \
            fired += s != 0;                                                                                           \
            v[i] += s;                                                                                                 \
            y[i] = v[i];                                                                                               \
        }                                                                                                              \
        return fired;                                                                                                  \
    }                                                                                                                  \
    SCAN(NAME, REAL, NAME##_own, NAME##_step)

KERNEL(differential_float32, float, int32_t, FLT_MAX, fabsf, copysignf)
KERNEL(differential_float64, double, int64_t, DBL_MAX, fabs, copysign)
