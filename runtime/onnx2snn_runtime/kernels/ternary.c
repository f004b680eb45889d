// One step of ternary corrections: see onnx2snn_runtime/dynamics/ternary.py. The table holds the step sizes eta(t).
// Of an infinite target it is `bound` that counts; `zone` is the dead zone: both in units of the scale.
#define REALS(X) X(bound) X(zone)
#define FLAGS(X)
#define STATES(X)
#include "parameters.h"

static inline REAL step(REAL f, REAL unit, REAL eta, PARAMETERS p, STATE *s) {
    const REAL move = eta * unit, bound = p.bound * unit;
    f = f > LARGEST ? bound : f;
    f = f < -LARGEST ? -bound : f;
    const REAL error = f - s->v, e = error != error ? 0 : error;
    REAL spike = (ABS(e) <= move / 2) | (ABS(e) < p.zone * unit) ? 0 : COPYSIGN(move, e);
    spike = (f != f) & (s->v == s->v) ? f : spike;  // NaN is sent once
    s->payload = spike != 0;
    s->v += spike;
    return spike;
}
