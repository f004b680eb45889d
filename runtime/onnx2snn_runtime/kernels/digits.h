// Signed digits of the payloads of spikes: see onnx2snn_runtime/probing/digits.py.
#define SUMS 5   // numbers that are tallied of a population and step
#define SMALL 4  // mantissa bits up to which the digits of all significands fit 32 bits, two bits each

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

// The digits of 2^mantissa + k, two bits each at bit 2 k; 2^(mantissa + 1), to which a significand may be rounded, has
// one as 2^mantissa has.
static inline uint32_t small_digits(int64_t mantissa) {
    uint32_t found = 0;
    for (uint32_t k = 0; mantissa <= SMALL && k < 1u << mantissa; k++)
        found |= (uint32_t)digits_of((1u << mantissa) + k) << 2 * k;
    return found;
}
