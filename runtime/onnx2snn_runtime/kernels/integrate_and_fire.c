// The scan of one population of integrate-and-fire neurons, leaky or not, over a chunk of time: see
// onnx2snn_runtime/dynamics/integrate_and_fire.py for the formula, which this follows to the bit. The target is x, the
// input of the rectifier, or clip(x, low, high); `scales` are the thresholds; `keep` is the leak; after step t a sum of
// currents times shares[t] is their average. Nothing is chosen by && or by a spike, so that the loop has no branches.
#include "scan.h"

#define KERNEL(NAME, REAL)                                                                                             \
    typedef struct {                                                                                                   \
        REAL low, high, keep, tie;                                                                                     \
        const REAL *shares;                                                                                            \
        int64_t hard;                                                                                                  \
        REAL *membrane, *charge, *total;                                                                               \
    } NAME##_own;                                                                                                      \
    static inline int32_t NAME##_fire(const REAL *restrict x, REAL *restrict v, REAL *restrict y,                      \
                                      const REAL *restrict scales, REAL *restrict membrane, REAL *restrict charge,     \
                                      REAL *restrict total, int count, REAL share, const NAME##_own *own) {            \
        const REAL low = own->low, high = own->high, keep = own->keep, tie = own->tie;                                 \
        const int hard = own->hard != 0;                                                                               \
        int32_t fired = 0;                                                                                             \
        for (int i = 0; i < count; i++) {                                                                              \
            REAL f = x[i];                                                                                             \
            CLIP(f, low, high);                                                                                        \
            const REAL theta = scales[i], now = f / share;                                                             \
            const REAL u = keep * membrane[i] + (now - keep * charge[i]);                                              \
            const int fires = u >= theta * tie;                                                                        \
            const REAL s = theta * fires, left = u - s;                                                                \
            fired += s != 0;                                                                                           \
            charge[i] = now;                                                                                           \
            membrane[i] = hard & fires ? 0 : left;                                                                     \
            total[i] = keep * total[i] + s;                                                                            \
            v[i] = total[i] * share;                                                                                   \
            y[i] = v[i];                                                                                               \
        }                                                                                                              \
        return fired;                                                                                                  \
    }                                                                                                                  \
    static inline int32_t NAME##_step(const REAL *restrict x, REAL *restrict v, REAL *restrict y,                      \
                                      const REAL *restrict scales, int count, int64_t t, int64_t start,                \
                                      const NAME##_own *own) {                                                         \
        REAL *const membrane = own->membrane + start, *const charge = own->charge + start;                             \
        return NAME##_fire(x, v, y, scales, membrane, charge, own->total + start, count, own->shares[t], own);         \
    }                                                                                                                  \
    SCAN(NAME, REAL, NAME##_own, NAME##_step)

KERNEL(integrate_and_fire_float32, float)
KERNEL(integrate_and_fire_float64, double)
