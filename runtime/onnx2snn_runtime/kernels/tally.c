// What a population sent in a chunk of time, where a scan did not tally it: see tally_changes.h.
//
//   values  [rows, N], the estimates after each step; before [N], those before the first: a spike is the change; NULL:
//           values are the spikes themselves
//   fan     weights that an element meets: one number, or `period` of them that repeat along N
//   unit    what payloads are multiples of: one number or `period`, for each row if `rowwise`, else for all
//   drop    bits of a significand below those of a payload; < 0: payloads are real numbers, which have no digits
//   sums    [threads, rows, 5]: weights met, signed digits times weights met, spikes that are not +-unit, spikes, signed
//           digits; all are added to. Of sums of spikes they are others, see `tally_sum`, and one is not used
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "digits.h"

#define BLOCK 256       // so many spikes are added up in 32 bits
#define MOST 16         // bits of a significand that are looked at
#define FEW 4           // signed digits: at 45 nm a fp32 MAC costs five additions
#define TOLERANCE 1e-5  // of a unit: rounding on the way

#define REAL float
#define INT int32_t
#define MANTISSA 23
#define ABS fabsf
#define LARGEST FLT_MAX
#define TYPED(name) name##_float32
#include "tally_changes.h"

#undef REAL
#undef INT
#undef MANTISSA
#undef ABS
#undef LARGEST
#undef TYPED
#define REAL double
#define INT int64_t
#define MANTISSA 52
#define ABS fabs
#define LARGEST DBL_MAX
#define TYPED(name) name##_float64
#include "tally_changes.h"
