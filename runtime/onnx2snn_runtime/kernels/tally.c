// What a population sent in a chunk of time: spikes and their signed digits, weighted by how many weights they meet.
//
//   values  [rows, N], the estimates after each step; before [N], those before the first: a spike is the change
//   fan     weights that an element meets: one number, or `period` of them that repeat along N
//   unit    what payloads are multiples of: one number or `period`, for each row if `rowwise`, else for all
//   drop    bits of a significand below those of a payload; < 0: payloads are real numbers, which have no digits
//   sums    [threads, rows, 5]: weights met, signed digits times weights met, spikes that are not +-unit, spikes, signed
//           digits; all are added to
#include <math.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 256

// The non-zero digits of the non-adjacent form of n are the ones in n xor 3 n. They are summed without a multiplication:
// gcc takes that for a count of ones, which it does not vectorise where the processor has none for vectors.
static inline int32_t digits_of(uint32_t n) {
    uint32_t x = n ^ (3 * n);
    x -= (x >> 1) & 0x55555555u;
    x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0fu;
    x += x >> 8;
    return (int32_t)((x + (x >> 16)) & 0x3fu);
}

#define TALLY(NAME, REAL, BITS, MANTISSA, FABS)                                                                        \
    static inline void NAME##_row(const REAL *restrict now, const REAL *restrict last, const int32_t *restrict fans,   \
                                  const REAL *restrict units, int count, int64_t drop, int64_t *restrict sums) {       \
        int32_t met = 0, added = 0, graded = 0, fired = 0, digits = 0;                                                 \
        if (drop < 0 || drop == MANTISSA) {                                                                            \
            for (int i = 0; i < count; i++) {                                                                          \
                const REAL c = FABS(now[i] - last[i]), off = FABS(c - units[i]);                                       \
                met += c != 0 ? fans[i] : 0;                                                                           \
                fired += c != 0;                                                                                       \
                graded += (c != 0) & (off > units[i] * (REAL)0x1p-16);                                                 \
            }                                                                                                          \
            added = drop < 0 ? 0 : met;                                                                                \
            digits = drop < 0 ? 0 : fired;                                                                             \
        } else {                                                                                                       \
            const int shift = (int)drop;                                                                               \
            const BITS half = (BITS)1 << (shift - 1), one = (BITS)1 << MANTISSA;                                       \
            for (int i = 0; i < count; i++) {                                                                          \
                const REAL c = FABS(now[i] - last[i]), ratio = c / units[i];                                           \
                BITS bits;                                                                                             \
                memcpy(&bits, &ratio, sizeof bits);                                                                    \
                const int32_t fan = c != 0 ? fans[i] : 0;                                                              \
                const int32_t own = c != 0 ? digits_of((uint32_t)((((bits & (one - 1)) | one) + half) >> shift)) : 0;  \
                met += fan;                                                                                            \
                added += fan * own;                                                                                    \
                digits += own;                                                                                         \
                fired += c != 0;                                                                                       \
                graded += (c != 0) & (FABS(ratio - 1) > (REAL)0x1p-16);                                                \
            }                                                                                                          \
        }                                                                                                              \
        sums[0] += met;                                                                                                \
        sums[1] += added;                                                                                              \
        sums[2] += drop < 0 ? fired : graded;                                                                          \
        sums[3] += fired;                                                                                              \
        sums[4] += digits;                                                                                             \
    }                                                                                                                  \
    void NAME(const REAL *values, const REAL *before, int64_t rows, int64_t size, const int32_t *fan, int64_t fans,    \
              const REAL *unit, int64_t units, int64_t rowwise, int64_t period, int64_t drop, int64_t *sums,           \
              int64_t threads) {                                                                                       \
        const int64_t pieces = (period + BLOCK - 1) / BLOCK, blocks = size / period * pieces;                          \
        _Pragma("omp parallel for num_threads(threads) if(threads > 1) schedule(static, 1)")                           \
        for (int64_t part = 0; part < threads; part++) {                                                               \
            int32_t same_fan[BLOCK];                                                                                   \
            REAL same_unit[BLOCK];                                                                                     \
            for (int i = 0; i < BLOCK; i++) same_fan[i] = fan[0];                                                      \
            for (int64_t b = blocks * part / threads; b < blocks * (part + 1) / threads; b++) {                        \
                const int64_t at = b % pieces * BLOCK, start = b / pieces * period + at;                               \
                const int count = (int)(period - at < BLOCK ? period - at : BLOCK);                                    \
                for (int64_t t = 0; t < rows; t++) {                                                                   \
                    const REAL *own = unit + (rowwise ? t * units : 0);                                                \
                    if (units == 1 && (t == 0 || rowwise))                                                             \
                        for (int i = 0; i < BLOCK; i++) same_unit[i] = own[0];                                         \
                    NAME##_row(values + t * size + start, t ? values + (t - 1) * size + start : before + start,        \
                               fans > 1 ? fan + at : same_fan, units > 1 ? own + at : same_unit, count, drop,          \
                               sums + (part * rows + t) * 5);                                                          \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

TALLY(tally_float32, float, uint32_t, 23, fabsf)
TALLY(tally_float64, double, uint64_t, 52, fabs)
