// Pointwise functions of neurons, computed block by block while the block lies in the cache, for float32 and float64.
//
// A function is a tape: instructions of five numbers (operation, result, three operands), which name rows of `rows`.
// An instruction computes a whole row of `count` numbers; a result is no operand of its own instruction.
#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM, CLIP, NEG, ABS, SQRT, EXP, SIGMOID, TANH, ERF, RELU, GELU, GELU_TANH, SWISH,
    HARD_SWISH, LEAKY, PRELU, OPERATIONS
};

#define REAL float
#define TYPED(name) name##_float32
#define F(name) name##f
#define EXPONENTIAL exponential
#define HYPERBOLIC hyperbolic
#define GAUSSIAN gaussian

// e^x within 2 units in the last place: x = n ln 2 + r, e^r by a polynomial (Cephes), times 2^n in two factors.
static inline float exponential(float x) {
    const float bound = x > 90.0f ? 90.0f : x < -105.0f ? -105.0f : x;
    const float shifted = bound * 1.44269504088896341f + 12582912.0f, n = shifted - 12582912.0f;
    const float r = (bound - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const float y = (p * (r * r) + r) + 1.0f;
    uint32_t bits, half, rest;
    memcpy(&bits, &shifted, sizeof bits);
    const int32_t whole = (int32_t)(bits - 0x4b400000u), first = whole >> 1;
    half = (uint32_t)(first + 127) << 23;
    rest = ((uint32_t)whole - (uint32_t)first + 127u) << 23;
    float a, b;
    memcpy(&a, &half, sizeof a);
    memcpy(&b, &rest, sizeof b);
    return x != x ? x : y * a * b;
}

// tanh x: a polynomial near 0 (Cephes), else 1 - 2 / (e^2|x| + 1).
static inline float hyperbolic(float x) {
    const float a = fabsf(x), z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    const float near = x + x * z * p, far = copysignf(1.0f - 2.0f / (exponential(2.0f * a) + 1.0f), x);
    return x != x ? x : a < 0.625f ? near : far;
}

// erf x: a polynomial below 1, else 1 - e^-x^2 times one in 1 / x^2 (Cephes).
static inline float gaussian(float x) {
    const float a = fabsf(x), z = x * x, q = 1.0f / (a < 1.0f ? 1.0f : a), w = q * q;
    float t = 7.853861353153693e-5f;
    t = t * z - 8.010193625184903e-4f;
    t = t * z + 5.188327685732524e-3f;
    t = t * z - 2.685381193529856e-2f;
    t = t * z + 1.128358514861418e-1f;
    t = t * z - 3.761262582423300e-1f;
    t = t * z + 1.128379165726710f;
    float p = 2.326819970068386e-2f;
    p = p * w - 1.387039388740657e-1f;
    p = p * w + 3.687424674597105e-1f;
    p = p * w - 5.824733027278666e-1f;
    p = p * w + 6.210004621745983e-1f;
    p = p * w - 4.944515323274145e-1f;
    p = p * w + 3.404879937665872e-1f;
    p = p * w - 2.741127028184656e-1f;
    p = p * w + 5.638259427386472e-1f;
    float r = -1.047766399936249e+1f;
    r = r * w + 1.297719955372516e+1f;
    r = r * w - 7.495518717768503f;
    r = r * w + 2.921019019210786f;
    r = r * w - 1.015265279202700f;
    r = r * w + 4.218463358204948e-1f;
    r = r * w - 2.820767439740514e-1f;
    r = r * w + 5.641895067754075e-1f;
    const float far = 1.0f - exponential(-z) * q * (a < 2.0f ? p : r);
    return x != x ? x : a < 1.0f ? x * t : copysignf(far, x);
}
#include "functions.h"

#undef REAL
#undef TYPED
#undef F
#undef EXPONENTIAL
#undef HYPERBOLIC
#undef GAUSSIAN
#define REAL double
#define TYPED(name) name##_float64
#define F(name) name
#define EXPONENTIAL exp
#define HYPERBOLIC tanh
#define GAUSSIAN erf
#include "functions.h"
