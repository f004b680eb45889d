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

// Makes one time step for `count` neurons and returns how many of them fired; `complete`, and whether there are places
// for what is `sent` and its `payloads`, are constants where inlined. `y` may be `x`: a step reads and writes the same
// place.
static inline __attribute__((always_inline)) int32_t TYPED(block)(
    const REAL *x, REAL *restrict v, REAL *y, const REAL *restrict scales, REAL *restrict sent,
    REAL *restrict payloads, const int count, const REAL number, const PARAMETERS p, const int complete STATES(ARGUMENT)) {
    int32_t fired = 0;
#pragma omp simd reduction(+ : fired)
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
        if (sent) sent[i] = spike;
        if (payloads) payloads[i] = s.payload;
        if (complete) {
            STATES(STORE)
        }
    }
    return fired;
}

// Fills a row with what is given for the neurons from `start` on: element e has the number e / run % period.
#define FILL(NAME, TYPE)                                                                                              \
    static void NAME(TYPE *row, const TYPE *given, int64_t run, int64_t period, int64_t start, int64_t count) {       \
        int64_t at = start / run % period, left = run - start % run;                                                  \
        for (int64_t i = 0; i < count;) {                                                                             \
            const int64_t many = LEAST_OF(run == 1 ? period - at : left, count - i);                                  \
            if (run == 1)                                                                                             \
                memcpy(row + i, given + at, (size_t)many * sizeof(TYPE));                                             \
            else                                                                                                      \
                for (int64_t j = 0; j < many; j++) row[i + j] = given[at];                                            \
            i += many;                                                                                                \
            at = run == 1 ? 0 : at + 1 < period ? at + 1 : 0;                                                         \
            left = run;                                                                                               \
        }                                                                                                             \
    }
FILL(TYPED(fill), REAL)
FILL(TYPED(fill_fans), int32_t)

// Adds to `sums` what `count` <= PIECE spikes were, by their payloads; `fans` may be NULL: all meet `fan` weights. Whether
// there was one that is not +-unit is asked until there is. `small` are the digits of few mantissa bits, see digits.h.
static inline __attribute__((always_inline)) void TYPED(tally)(const REAL *restrict payloads, const int32_t *fans,
                                                               int32_t fan, int count, int shift, uint32_t small,
                                                               int64_t *restrict sums) {
    const INT one = (INT)1 << MANTISSA, low = one - 1, half = (INT)1 << (shift - 1);
    const int mantissa = MANTISSA - shift;
    const INT table = (INT)small, mask = mantissa ? (((INT)1 << mantissa) - 1) << 1 : 0;
    int32_t met = 0, added = 0, fired = 0, digits = 0, graded = 0;
#define EACH(OWN)                                                                                                      \
    for (int i = 0; i < count; i++) {                                                                                  \
        const REAL c = payloads[i];                                                                                    \
        INT bits;                                                                                                      \
        memcpy(&bits, &c, sizeof bits);                                                                                \
        const int32_t own = c != 0 ? (int32_t)(OWN) : 0;                                                               \
        fired += c != 0;                                                                                               \
        digits += own;                                                                                                 \
        if (fans) {                                                                                                    \
            met += c != 0 ? fans[i] : 0;                                                                               \
            added += fans[i] * own;                                                                                    \
        }                                                                                                              \
    }
    if (!mantissa) {
        EACH(1)
    } else if (mantissa <= SMALL) {
        EACH((table >> ((bits >> (shift - 1)) & mask)) & 3)
    } else {
        EACH(digits_of((uint32_t)((((bits & low) | one) + half) >> shift)))
    }
#undef EACH
    if (!sums[2])
        for (int i = 0; i < count; i++) graded |= (payloads[i] != 0) & (payloads[i] != 1);
    sums[0] += fans ? met : (int64_t)fired * fan;
    sums[1] += fans ? added : (int64_t)digits * fan;
    sums[2] += graded;
    sums[3] += fired;
    sums[4] += digits;
}

// Adds what `count` spikes were, by each pattern of weights, to `sums`; those of the patterns are `apart`.
static void TYPED(add)(const TALLIED *a, int32_t (*fans)[BLOCK], const REAL *payloads, int count, uint32_t small,
                       int64_t *sums, int64_t apart) {
    for (int64_t k = 0; k < a->patterns; k++)
        for (int from = 0; from < count; from += PIECE) {
            const int many = LEAST_OF(count - from, PIECE), shift = (int)a->drop;
            if (a->pattern[k].given.period == 1)
                TYPED(tally)(payloads + from, NULL, a->pattern[k].fan[0], many, shift, small, sums + k * apart);
            else
                TYPED(tally)(payloads + from, fans[k] + from, 0, many, shift, small, sums + k * apart);
        }
}

// Returns the largest |v|; NaN does not count.
static REAL TYPED(peak)(const REAL *v, int count) {
    REAL most = 0;
    for (int i = 0; i < count; i++) most = ABS(v[i]) > most ? ABS(v[i]) : most;
    return most;
}

// Makes the steps of one block, `start` its first neuron. Returns the first step in which none fired and none will.
static int64_t TYPED(steps)(const LAYOUT *l, const MEMORY *m, const PARAMETERS p, const TALLIED *a,
                            int32_t (*fans)[BLOCK], REAL **rows, REAL *v, int64_t start, int64_t lead, int count,
                            int64_t part) {
    REAL payloads[BLOCK];
    int64_t *counts = m->counts + part * l->steps;
    const uint32_t small = a ? small_digits(MANTISSA - a->drop) : 0;
    const int complete = 1 STATES(IS_GIVEN);
    const int64_t size = l->outer * l->inner;
    const REAL *units = rows[l->sources];
    int64_t t = 0;
    for (; t < l->steps; t++) {
        if (t < l->most) {
            for (int64_t k = 0; k < l->sources; k++) {
                const SOURCE *s = l->source + k;
                const int64_t place = LEAST_OF(t, s->rows - 1) * s->stride + start / l->inner * s->apart + lead;
                rows[k] = (REAL *)m->source[k] + place;
            }
            if (l->length) m->evaluate(l->tape, l->length, (void *const *)rows, count);
        }
        REAL *x = rows[l->result], *y = (REAL *)m->out + t * size + start;
        const REAL number = p.table[t];
        REAL *sent = m->sent ? (REAL *)m->sent + t * size + start : NULL;
#define STEP(SENT, PAYLOADS)                                                                                           \
    (complete ? TYPED(block)(x, v, y, units, SENT, PAYLOADS, count, number, p, 1 STATES(POINTER))                      \
              : TYPED(block)(x, v, y, units, SENT, PAYLOADS, count, number, p, 0 STATES(POINTER)))
        const int32_t fired = m->sent ? STEP(sent, payloads) : a ? STEP(NULL, payloads) : STEP(NULL, NULL);
#undef STEP
        counts[t] += fired;
        if (a && fired) {
            int64_t *sums = m->sums + (part * a->patterns * l->steps + t) * SUMS;
            TYPED(add)(a, fans, payloads, count, small, sums, l->steps * SUMS);
        }
        if (!fired && t >= l->silent_from) break;
    }
    for (int64_t i = t + 1; m->sent && i < l->steps; i++)
        memset((REAL *)m->sent + i * size + start, 0, (size_t)count * sizeof(REAL));
    return t;
}

// Runs the population; see `LAYOUT` and `MEMORY` in scan.c. Returned is the number n of rows that were written, at least
// one; the last one stands for the rest. n = 0: no neuron fired, and none will while the target does not change.
int64_t TYPED(scan)(const LAYOUT *l, const MEMORY *m, const PARAMETERS *own, const TALLIED *a) {
    const PARAMETERS p = *own;
    const int64_t size = l->outer * l->inner, pieces = (l->inner + BLOCK - 1) / BLOCK, blocks = l->outer * pieces;
    const int64_t threads = l->threads;
    int64_t most = 0;
    double peak = 0;
    const int64_t patterns = a ? a->patterns : 0;
    memset(m->counts, 0, (size_t)(threads * l->steps) * sizeof(int64_t));
    if (a) memset(m->sums, 0, (size_t)(threads * patterns * l->steps) * SUMS * sizeof(int64_t));
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        REAL held[ROWS][BLOCK + 16], v[BLOCK], *rows[SOURCES + ROWS];  // rows apart by a power of two would collide
        int32_t fans[PATTERNS][BLOCK];
        for (int64_t k = 0; k < ROWS; k++) rows[l->sources + k] = held[k];
        for (int64_t k = 0; k < l->givens; k++)
            if (l->given[k].period == 1) TYPED(fill)(held[k], m->given[k], 1 << 30, 1, 0, BLOCK);
#pragma omp for schedule(static, 1) reduction(max : most, peak)
        for (int64_t part = 0; part < threads; part++)
            for (int64_t b = blocks * part / threads; b < blocks * (part + 1) / threads; b++) {
                const int64_t lead = b % pieces * BLOCK, start = b / pieces * l->inner + lead;
                const int count = (int)LEAST_OF(l->inner - lead, BLOCK);
                for (int64_t k = 0; k < l->givens; k++)
                    if (l->given[k].period > 1)
                        TYPED(fill)(held[k], m->given[k], l->given[k].run, l->given[k].period, start, count);
                for (int64_t k = 0; k < patterns; k++) {
                    const PATTERN *own_fans = a->pattern + k;
                    const GIVEN g = own_fans->given;
                    if (g.period > 1) TYPED(fill_fans)(fans[k], own_fans->fan, g.run, g.period, start, count);
                }
                if (m->before)
                    memcpy(v, (const REAL *)m->before + start, (size_t)count * sizeof(REAL));
                else
                    memset(v, 0, (size_t)count * sizeof(REAL));
                const int64_t t = TYPED(steps)(l, m, p, a, fans, rows, v, start, lead, count, part);
                m->kept[b] = t;
                most = most > t ? most : t;
                memcpy((REAL *)m->after + start, v, (size_t)count * sizeof(REAL));
                const double own_peak = TYPED(peak)(v, count);
                peak = peak > own_peak ? peak : own_peak;
            }
#pragma omp for schedule(static)
        for (int64_t b = 0; b < blocks; b++) {
            const int64_t lead = b % pieces * BLOCK, start = b / pieces * l->inner + lead;
            const size_t bytes = (size_t)LEAST_OF(l->inner - lead, BLOCK) * sizeof(REAL);
            REAL *out = (REAL *)m->out + start;
            for (int64_t t = m->kept[b] + 1; t < most; t++) memcpy(out + t * size, out + m->kept[b] * size, bytes);
        }
    }
    *m->peak = peak;
    return most;
}
