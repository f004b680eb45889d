// One step of the subgradient method: see onnx2snn_runtime/dynamics/subgradient.py. The target is x, the input of the
// rectifier; the table holds the step sizes eta(t).
#define REALS(X) X(keep)  // the factor of the momentum
#define FLAGS(X) X(nesterov)
#define STATES(X) X(momentum)  // not there without momentum
#include "parameters.h"

static inline REAL step(REAL x, REAL unit, REAL eta, PARAMETERS p, STATE *s) {
    const REAL ahead = s->complete && p.nesterov ? s->v - p.keep * s->momentum : s->v;
    const REAL spike = x > ahead ? unit : 0;
    s->payload = spike != 0;
    REAL move = eta * (s->v - spike);
    if (s->complete) move = s->momentum = p.keep * s->momentum + move;
    s->v -= move;
    return spike;
}
