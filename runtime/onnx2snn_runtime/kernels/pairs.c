// Products of two activations A [batch, I, K] and B [batch, K, J], each before and after a step: how many products of a
// change of one with what is not zero of the other there are, in *found. B may lie as [batch, J, K]: `transposed`.
#include <stdint.h>
#include <string.h>

#define MOST 4096

#define PAIRS(NAME, REAL)                                                                                              \
    static void NAME##_rows(const REAL *x, const REAL *before, int64_t rows, int count, int32_t *moved, int32_t *there) {\
        memset(moved, 0, (size_t)count * sizeof(int32_t));                                                             \
        memset(there, 0, (size_t)count * sizeof(int32_t));                                                             \
        for (int64_t i = 0; i < rows; i++, x += count, before += count)                                                \
            for (int k = 0; k < count; k++) {                                                                          \
                moved[k] += x[k] != before[k];                                                                         \
                there[k] += x[k] != 0;                                                                                 \
            }                                                                                                          \
    }                                                                                                                  \
    void NAME(const REAL *a, const REAL *a_before, const REAL *b, const REAL *b_before, int64_t batch, int64_t rows,   \
              int64_t inner, int64_t columns, int64_t transposed, int64_t *found) {                                    \
        int32_t moved[MOST], there[MOST], b_moved[MOST], b_there[MOST];                                                \
        int64_t total = 0;                                                                                             \
        for (int64_t m = 0; m < batch; m++, a += rows * inner, a_before += rows * inner) {                             \
            NAME##_rows(a, a_before, rows, (int)inner, moved, there);                                                  \
            if (transposed) NAME##_rows(b, b_before, columns, (int)inner, b_moved, b_there);                           \
            for (int64_t k = 0; k < inner; k++) {                                                                      \
                int32_t changed = 0, present = 0;                                                                      \
                if (transposed) {                                                                                      \
                    changed = b_moved[k], present = b_there[k];                                                        \
                } else                                                                                                 \
                    for (int64_t j = k * columns; j < (k + 1) * columns; j++) {                                        \
                        changed += b[j] != b_before[j];                                                                \
                        present += b[j] != 0;                                                                          \
                    }                                                                                                  \
                total += (int64_t)moved[k] * present + (int64_t)there[k] * changed;                                    \
            }                                                                                                          \
            b += inner * columns, b_before += inner * columns;                                                         \
        }                                                                                                              \
        *found = total;                                                                                                \
    }

PAIRS(pairs_float32, float)
PAIRS(pairs_float64, double)
