// The scan of one population of sign gradient descent over a chunk of time: see onnx2snn_runtime/dynamics/signgd.py for
// the formula, which this follows to the bit. One pass: target, comparison, estimate, count.
//
//   target  [T, N], or [1, N] with stride 0: what f(x) is, or x itself where f is a clamp to [low, high] (without one: +-infinity)
//   v       [N], the estimate before the chunk; after it, the last one
//   out     [T, N], the estimates
//   counts  [T], spikes that are not zero are added
//   etas    [T], the step sizes
//   scale   one number, or `period` numbers that repeat along N
//   strict  compare v > f(x) in place of v >= f(x)
#include <stdint.h>

#define BLOCK 1024

#define SCAN(NAME, REAL)                                                                                               \
    void NAME(const REAL *target, int64_t stride, REAL *v, REAL *out, int64_t *counts, int64_t steps, int64_t size,    \
              int64_t begin, int64_t end, const REAL *scale, int64_t period, const REAL *etas, int32_t strict,         \
              REAL low, REAL high) {                                                                                   \
        REAL scales[BLOCK];                                                                                            \
        for (int64_t start = begin; start < end; start += BLOCK) {                                                     \
            const int count = (int)(end - start < BLOCK ? end - start : BLOCK);                                        \
            for (int i = 0; i < count; i++) scales[i] = scale[period > 1 ? (start + i) % period : 0];                  \
            for (int64_t t = 0; t < steps; t++) {                                                                      \
                const REAL *x = target + t * stride + start, eta = etas[t];                                            \
                REAL *y = out + t * size + start, *state = v + start;                                                  \
                int32_t fired = 0;                                                                                     \
                for (int i = 0; i < count; i++) {                                                                      \
                    REAL f = x[i];                                                                                     \
                    f = f < low ? low : f;                                                                             \
                    f = f > high ? high : f;                                                                           \
                    const REAL move = eta * scales[i], before = state[i];                                              \
                    const int above = strict ? before > f : before >= f;                                               \
                    fired += move != 0;                                                                                \
                    const REAL next = before + (above ? -move : move);                                                 \
                    state[i] = next;                                                                                   \
                    y[i] = next;                                                                                       \
                }                                                                                                      \
                counts[t] += fired;                                                                                    \
            }                                                                                                          \
        }                                                                                                              \
    }

SCAN(signgd_float32, float)
SCAN(signgd_float64, double)
