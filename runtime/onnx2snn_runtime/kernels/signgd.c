// One step of sign gradient descent: see onnx2snn_runtime/dynamics/signgd.py. The table holds the step sizes eta(t).
#define REALS(X)
#define FLAGS(X) X(strict)  // compare v > f(x) in place of v >= f(x)
#define STATES(X)
#include "parameters.h"

static inline REAL step(REAL f, REAL unit, REAL eta, PARAMETERS p, STATE *s) {
    const REAL move = eta * unit;
    const int above = p.strict ? s->v > f : s->v >= f;
    const REAL spike = above ? -move : move;
    s->payload = spike != 0;
    s->v += spike;
    return spike;
}
