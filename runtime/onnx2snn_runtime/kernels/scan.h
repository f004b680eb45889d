// The scan of one population in the type REAL, in threads, one block of neurons after the other. KERNEL defines
//
//   REAL step(REAL f, REAL unit, REAL number, PARAMETERS p, STATE *s)
//
// which makes one time step of one neuron: it updates the state `s` towards the target `f` and returns the spike, 0 for
// none. `unit` is the scale of the neuron, `number` the entry of the table for this step. The compiler vectorises the
// loop over neurons, so `step` should select values (?:) rather than branch.
#include KERNEL

#define ARGUMENT(name) , REAL *restrict name
#define POINTER(name) , p.name ? p.name + start : p.name
#define IS_GIVEN(name) &&p.name
#define LOAD(name) s.name = name[i];
#define STORE(name) name[i] = s.name;

// Makes one time step for `count` neurons and returns how many of them fired; `complete` is a constant where inlined.
static inline __attribute__((always_inline)) int32_t TYPED(block)(
    const REAL *restrict x, REAL *restrict v, REAL *restrict y, const REAL *restrict scales, const int count,
    const REAL number, const PARAMETERS p, const int complete STATES(ARGUMENT)) {
    int32_t fired = 0;
    for (int i = 0; i < count; i++) {
        REAL f = x[i];
        CLIP(f, p.low, p.high);
        STATE s = {.v = v[i], .complete = complete};
        if (complete) {
            STATES(LOAD)
        }
        const REAL spike = step(f, scales[i], number, p, &s);
        fired += spike != 0;
        v[i] = s.v;
        y[i] = s.v;
        if (complete) {
            STATES(STORE)
        }
    }
    return fired;
}

// target       [rows, N]; the last row is the target of all later steps
// v            [N], the estimate before the chunk; after it, the last one
// out          [T, N], the estimates. Returned is the number n of rows that were written, at least one; the last one
//              stands for the rest. n = 0: no neuron fired, and none will while the target does not change
// counts       [threads, T], the number of spikes is added
// kept         [blocks], scratch: the rows that were written of each block
// scale        one number, or `period` numbers that repeat along N
// silent_from  the first step from which on a block that is silent stays silent; T: none
int64_t TYPED(scan)(const REAL *target, int64_t rows, REAL *v, REAL *out, int64_t *counts, int64_t *kept, int64_t steps,
                    int64_t size, const REAL *scale, int64_t period, int64_t silent_from, int64_t threads,
                    const PARAMETERS *own) {
    const PARAMETERS p = *own;
    const int complete = 1 STATES(IS_GIVEN);
    const int64_t blocks = (size + BLOCK - 1) / BLOCK;
    int64_t most = 0;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        REAL scales[BLOCK];
        for (int i = 0; i < BLOCK; i++) scales[i] = scale[0];
#pragma omp for schedule(static, 1) reduction(max : most)
        for (int64_t part = 0; part < threads; part++)
            for (int64_t b = blocks * part / threads; b < blocks * (part + 1) / threads; b++) {
                const int64_t start = b * BLOCK;
                const int count = (int)LEAST_OF(size - start, BLOCK);
                for (int64_t i = 0, at = start % period; period > 1 && i < count; i++) {
                    scales[i] = scale[at];
                    at = at + 1 < period ? at + 1 : 0;
                }
                int64_t t = 0;
                for (; t < steps; t++) {
                    const REAL *x = target + LEAST_OF(t, rows - 1) * size + start;
                    REAL *y = out + t * size + start;
                    const int32_t fired =
                        complete
                            ? TYPED(block)(x, v + start, y, scales, count, p.table[t], p, 1 STATES(POINTER))
                            : TYPED(block)(x, v + start, y, scales, count, p.table[t], p, 0 STATES(POINTER));
                    counts[part * steps + t] += fired;
                    if (!fired && t >= silent_from) break;
                }
                kept[b] = t;
                most = most > t ? most : t;
            }
#pragma omp for schedule(static)
        for (int64_t b = 0; b < blocks; b++)
            for (int64_t t = kept[b], start = b * BLOCK; t < most; t++)
                memcpy(out + t * size + start, v + start, (size_t)LEAST_OF(size - start, BLOCK) * sizeof(REAL));
    }
    return most;
}
