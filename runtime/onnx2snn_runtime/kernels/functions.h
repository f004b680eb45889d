// The operations of functions.c in the type REAL, with the arithmetic of torch's.
#define EACH(result)                                                                                                   \
    for (int64_t i = 0; i < count; i++) {                                                                              \
        const REAL x = a[i];                                                                                           \
        y[i] = (result);                                                                                               \
    }                                                                                                                  \
    return;
#define C(value) ((REAL)(value))

static inline void TYPED(compute)(int64_t operation, REAL *restrict y, const REAL *a, const REAL *b, const REAL *c,
                                  int64_t count) {
    switch (operation) {
    case ADD: EACH(x + b[i])
    case SUB: EACH(x - b[i])
    case MUL: EACH(x * b[i])
    case DIV: EACH(x / b[i])
    case MAXIMUM: EACH((x > b[i]) | (x != x) ? x : b[i])
    case MINIMUM: EACH((x < b[i]) | (x != x) ? x : b[i])
    case CLIP:
        for (int64_t i = 0; i < count; i++) {
            REAL x = a[i];
            x = x < b[i] ? b[i] : x;
            y[i] = x > c[i] ? c[i] : x;
        }
        return;
    case NEG: EACH(-x)
    case ABS: EACH(F(fabs)(x))
    case SQRT: EACH(F(sqrt)(x))
    case EXP: EACH(EXPONENTIAL(x))
    case SIGMOID: EACH(1 / (1 + EXPONENTIAL(-x)))
    case TANH: EACH(HYPERBOLIC(x))
    case ERF: EACH(GAUSSIAN(x))
    case RELU: EACH(x < 0 ? 0 : x)
    case GELU: EACH(x * C(0.5) * (1 + GAUSSIAN(x * C(0.70710678118654752440))))
    case GELU_TANH: EACH(C(0.5) * x * (1 + HYPERBOLIC(C(0.79788456080286535588) * (x + C(0.044715) * (x * x * x)))))
    case SWISH: EACH(x / (1 + EXPONENTIAL(-x)))
    case HARD_SWISH:
        for (int64_t i = 0; i < count; i++) {
            REAL x = a[i] + 3;
            x = x < 0 ? 0 : x;
            y[i] = a[i] * (x > 6 ? 6 : x) / 6;
        }
        return;
    case LEAKY: EACH(x > 0 ? x : x * b[i])
    case PRELU: EACH(x >= 0 ? x : x * b[i])
    }
}

// Computes a tape of `length` instructions for `count` neurons on rows[...], the first of which hold what is given.
void TYPED(evaluate)(const int64_t *tape, int64_t length, REAL *const *rows, int64_t count) {
    for (const int64_t *now = tape; now < tape + 5 * length; now += 5)
        TYPED(compute)(now[0], rows[now[1]], rows[now[2]], rows[now[3]], rows[now[4]], count);
}
#undef EACH
#undef C
