// The scan of one population of sign gradient descent over a chunk of time: see onnx2snn_runtime/dynamics/signgd.py for
// the formula, which this follows to the bit. One pass: target, comparison, estimate, count. The target is f(x), or x
// itself where f is a clamp to [low, high] (without one: +-infinity); step t moves by etas[t] times the scale, and
// `strict` compares v > f(x) in place of v >= f(x).
#include "scan.h"

#define KERNEL(NAME, REAL)                                                                                             \
    typedef struct {                                                                                                   \
        REAL low, high;                                                                                                \
        const REAL *etas;                                                                                              \
        int64_t strict;                                                                                                \
    } NAME##_own;                                                                                                      \
    static inline int32_t NAME##_step(const REAL *restrict x, REAL *restrict v, REAL *restrict y,                      \
                                      const REAL *restrict scales, int count, int64_t t, int64_t start,                \
                                      const NAME##_own *own) {                                                         \
        const REAL low = own->low, high = own->high, eta = own->etas[t];                                               \
        const int strict = own->strict != 0;                                                                           \
        int32_t fired = 0;                                                                                             \
        for (int i = 0; i < count; i++) {                                                                              \
            REAL f = x[i];                                                                                             \
            CLIP(f, low, high);                                                                                        \
            const REAL move = eta * scales[i], before = v[i];                                                          \
            const int above = strict ? before > f : before >= f;                                                       \
            fired += move != 0;                                                                                        \
            v[i] = before + (above ? -move : move);                                                                    \
            y[i] = v[i];                                                                                               \
        }                                                                                                              \
        return fired;                                                                                                  \
    }                                                                                                                  \
    SCAN(NAME, REAL, NAME##_own, NAME##_step)

KERNEL(signgd_float32, float)
KERNEL(signgd_float64, double)
