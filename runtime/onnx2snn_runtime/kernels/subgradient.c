// The scan of one population of the subgradient method over a chunk of time: for the formula, which this follows to the
// bit, see onnx2snn_runtime/dynamics/subgradient.py. The target is x, the input of the rectifier, or clip(x, low, high).
// Step t is etas[t] long. `momentum` is NULL where there is none.
#include "scan.h"

#define KERNEL(NAME, REAL)                                                                                             \
    typedef struct {                                                                                                   \
        REAL low, high, keep;                                                                                          \
        const REAL *etas;                                                                                              \
        int64_t nesterov;                                                                                              \
        REAL *momentum;                                                                                                \
    } NAME##_own;                                                                                                      \
    static inline int32_t NAME##_moved(const REAL *restrict x, REAL *restrict v, REAL *restrict y,                     \
                                       const REAL *restrict scales, REAL *restrict m, int count, REAL eta,             \
                                       const NAME##_own *own) {                                                        \
        const REAL low = own->low, high = own->high, keep = own->keep;                                                 \
        const int nesterov = own->nesterov != 0;                                                                       \
        int32_t fired = 0;                                                                                             \
        for (int i = 0; i < count; i++) {                                                                              \
            REAL f = x[i];                                                                                             \
            CLIP(f, low, high);                                                                                        \
            const REAL ahead = nesterov ? v[i] - keep * m[i] : v[i], s = f > ahead ? scales[i] : 0;                    \
            fired += s != 0;                                                                                           \
            m[i] = keep * m[i] + eta * (v[i] - s);                                                                     \
            v[i] -= m[i];                                                                                              \
            y[i] = v[i];                                                                                               \
        }                                                                                                              \
        return fired;                                                                                                  \
    }                                                                                                                  \
    static inline int32_t NAME##_step(const REAL *restrict x, REAL *restrict v, REAL *restrict y,                      \
                                      const REAL *restrict scales, int count, int64_t t, int64_t start,                \
                                      const NAME##_own *own) {                                                         \
        const REAL low = own->low, high = own->high, eta = own->etas[t];                                               \
        if (own->momentum) return NAME##_moved(x, v, y, scales, own->momentum + start, count, eta, own);               \
        int32_t fired = 0;                                                                                             \
        for (int i = 0; i < count; i++) {                                                                              \
            REAL f = x[i];                                                                                             \
            CLIP(f, low, high);                                                                                        \
            const REAL s = f > v[i] ? scales[i] : 0;                                                                   \
            fired += s != 0;                                                                                           \
            v[i] -= eta * (v[i] - s);                                                                                  \
            y[i] = v[i];                                                                                               \
        }                                                                                                              \
        return fired;                                                                                                  \
    }                                                                                                                  \
    SCAN(NAME, REAL, NAME##_own, NAME##_step)

KERNEL(subgradient_float32, float)
KERNEL(subgradient_float64, double)
