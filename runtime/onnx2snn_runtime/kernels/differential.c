// One step of graded corrections: see onnx2snn_runtime/dynamics/differential.py. The table holds the least spike of each
// step in units of the scale. A mantissa is rounded by its bit pattern, half to even: `shift` bits are dropped. Below
// `reach` times the least spike what is sent is a multiple of it: a sum with least * grid has no bits for less.
#define REALS(X) X(top) X(zone) X(reach) X(grid)  // the largest spike and the dead zone in units of the scale; 0 reach: never
#define FLAGS(X) X(shift) X(half) X(odd)
#define STATES(X)
#include "parameters.h"

static inline REAL step(REAL f, REAL unit, REAL least, PARAMETERS p, STATE *s) {
    const int shift = (int)p.shift;
    const INT odd = (INT)p.odd, bias = p.half ? ((INT)1 << (shift - 1)) - odd : 0;
    f = f > LARGEST ? unit : f;
    f = f < -LARGEST ? -unit : f;
    const REAL error = f - s->v, e = error != error ? 0 : error, a = ABS(e) / unit;
    INT bits;
    memcpy(&bits, &a, sizeof bits);
    bits = ((bits + bias + ((bits >> shift) & odd)) >> shift) << shift;
    REAL q;
    memcpy(&q, &bits, sizeof q);
    const REAL grid = least * p.grid;
    q = a < least * p.reach ? (a + grid) - grid : q;
    CLIP(q, least, p.top);
    const int silent = (a <= least / 2) | (a < p.zone), lost = (f != f) & (s->v == s->v);  // NaN is sent once
    const REAL spike = lost ? f : silent ? 0 : COPYSIGN(q * unit, e);
    s->payload = lost ? f : silent ? 0 : q;
    s->v += spike;
    return spike;
}
