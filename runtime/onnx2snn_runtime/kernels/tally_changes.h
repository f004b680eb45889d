// Tallies the changes of `values` in the type REAL; see tally.c.

// Adds to `sums` of `count` <= BLOCK spikes: weights met, signed digits times weights met, spikes that are not
// +-unit, spikes, signed digits. A spike is `now`, or what that differs from `last` by. `drop` bits of a significand
// are below those of a payload; < 0: payloads are real numbers, which have no digits.
static inline __attribute__((always_inline)) void TYPED(tally)(
    const REAL *restrict now, const REAL *restrict last, const int32_t *restrict fans, const REAL *restrict units,
    int count, int64_t drop, int64_t *restrict sums) {
    int32_t met = 0, added = 0, graded = 0, fired = 0, digits = 0;
    const int64_t mantissa = MANTISSA - drop;
    if (drop < 0 || !mantissa) {
        for (int i = 0; i < count; i++) {
            const REAL unit = units[i], c = ABS(last ? now[i] - last[i] : now[i]), off = ABS(c - unit);
            met += c != 0 ? fans[i] : 0;
            fired += c != 0;
            graded += (c != 0) & (off > unit * (REAL)0x1p-16);
        }
        added = drop < 0 ? 0 : met;
        digits = drop < 0 ? 0 : fired;
        graded = drop < 0 ? fired : graded;
    } else {
        const int shift = (int)drop;
        const INT half = (INT)1 << (shift - 1), one = (INT)1 << MANTISSA;
        for (int i = 0; i < count; i++) {
            const REAL c = ABS(last ? now[i] - last[i] : now[i]), ratio = c / units[i];
            INT bits;
            memcpy(&bits, &ratio, sizeof bits);
            const int32_t fan = c != 0 ? fans[i] : 0;
            const int32_t own = c != 0 ? digits_of((uint32_t)((((bits & (one - 1)) | one) + half) >> shift)) : 0;
            met += fan;
            added += fan * own;
            digits += own;
            fired += c != 0;
            graded += (c != 0) & (ABS(ratio - 1) > (REAL)0x1p-16);
        }
    }
    sums[0] += met;
    sums[1] += added;
    sums[2] += graded;
    sums[3] += fired;
    sums[4] += digits;
}

// Adds to `sums` of `count` <= BLOCK sums of spikes: weights met, signed digits times weights met of those that
// have FEW or fewer, weights met by the others, sums that are not one unit.
static inline __attribute__((always_inline)) void TYPED(tally_sum)(
    const REAL *restrict now, const REAL *restrict last, const int32_t *restrict fans, const REAL *restrict units,
    int count, int64_t *restrict sums) {
    const INT half = (INT)1 << (MANTISSA - MOST - 1), one = (INT)1 << MANTISSA;
    int32_t met = 0, added = 0, multiplied = 0, graded = 0;
    for (int i = 0; i < count; i++) {
        const REAL c = ABS(last ? now[i] - last[i] : now[i]), ratio = c / units[i];
        INT bits;
        memcpy(&bits, &ratio, sizeof bits);
        const int32_t fan = c != 0 ? fans[i] : 0, sent = ratio > 0;
        const int32_t any = digits_of((uint32_t)((((bits & (one - 1)) | one) + half) >> (MANTISSA - MOST)));
        const int32_t digits = sent & (ratio <= LARGEST) ? any : 0;
        met += fan;
        added += fan * (digits > FEW ? 0 : digits);
        multiplied += digits > FEW ? fan : 0;
        graded += sent & (ABS(ratio - 1) > (REAL)TOLERANCE);
    }
    sums[0] += met;
    sums[1] += added;
    sums[2] += multiplied;
    sums[3] += graded;
}

// Visits `values` in threads, blocks of neurons and steps: `row` tallies those of one block and step.
#define TALLY_ALL(NAME, ROW)                                                                                           \
    void NAME(const REAL *values, const REAL *before, int64_t rows, int64_t size, const int32_t *fan, int64_t fans,    \
              const REAL *unit, int64_t units, int64_t rowwise, int64_t period, int64_t drop, int64_t *sums,           \
              int64_t threads) {                                                                                       \
        const int64_t pieces = (period + BLOCK - 1) / BLOCK, blocks = size / period * pieces;              \
        _Pragma("omp parallel for num_threads(threads) if(threads > 1) schedule(static, 1)")                           \
        for (int64_t part = 0; part < threads; part++) {                                                               \
            int32_t same_fan[BLOCK];                                                                             \
            REAL same_unit[BLOCK];                                                                               \
            for (int i = 0; i < BLOCK; i++) same_fan[i] = fan[0];                                                \
            for (int64_t b = blocks * part / threads; b < blocks * (part + 1) / threads; b++) {                        \
                const int64_t at = b % pieces * BLOCK, start = b / pieces * period + at;                         \
                const int count = (int)(period - at < BLOCK ? period - at : BLOCK);                        \
                for (int64_t t = 0; t < rows; t++) {                                                                   \
                    const REAL *own = unit + (rowwise ? t * units : 0), *now = values + t * size + start;              \
                    const REAL *last = !before ? NULL : t ? now - size : before + start;                               \
                    if (units == 1 && (t == 0 || rowwise))                                                             \
                        for (int i = 0; i < BLOCK; i++) same_unit[i] = own[0];                                   \
                    const int32_t *own_fan = fans > 1 ? fan + at : same_fan;                                           \
                    const REAL *own_unit = units > 1 ? own + at : same_unit;                                           \
                    int64_t *found = sums + (part * rows + t) * SUMS;                                            \
                    if (last)                                                                                          \
                        ROW(last);                                                                                     \
                    else                                                                                               \
                        ROW(NULL);                                                                                     \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

#define SPIKES(last) TYPED(tally)(now, last, own_fan, own_unit, count, drop, found)
#define ADDED(last) TYPED(tally_sum)(now, last, own_fan, own_unit, count, found)
TALLY_ALL(TYPED(tally_changes), SPIKES)
TALLY_ALL(TYPED(tally_sums), ADDED)
#undef TALLY_ALL
#undef SPIKES
#undef ADDED
