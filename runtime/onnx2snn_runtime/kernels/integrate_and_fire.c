// One step of the integrate-and-fire neuron, leaky or not: see onnx2snn_runtime/dynamics/integrate_and_fire.py. The
// target is x, the input of the rectifier; the scales are the thresholds. After step t the average of the spikes is
// their (leaky) sum times share(t), the number in the table.
#define REALS(X) X(keep) X(tie)  // the leak; a membrane fires from `tie` times its threshold on
#define FLAGS(X) X(hard)         // reset to 0 in place of subtracting the spike
#define STATES(X) X(membrane) X(charge) X(total)
#include "parameters.h"

static inline REAL step(REAL x, REAL theta, REAL share, PARAMETERS p, STATE *s) {
    const REAL charge = x / share;
    const REAL u = p.keep * s->membrane + (charge - p.keep * s->charge);
    const int fires = u >= theta * p.tie, hard = p.hard != 0;
    const REAL spike = theta * fires, left = u - spike;
    s->payload = spike != 0;
    s->charge = charge;
    s->membrane = hard & fires ? 0 : left;
    s->total = p.keep * s->total + spike;
    s->v = s->total * share;
    return spike;
}
