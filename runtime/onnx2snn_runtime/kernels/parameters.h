// The types of a kernel in one floating-point type, from the lists of its dynamics:
//
//   REALS(X)   its real parameters, FLAGS(X) its integer parameters, in the order of the plan: X(keep) X(tie)
//   STATES(X)  its state besides the estimate v: X(membrane) X(charge)
#undef PARAMETERS
#undef STATE
#undef step
#define PARAMETERS TYPED(parameters)
#define STATE TYPED(state)
#define step TYPED(step)

#define REAL_FIELD(name) REAL name;
#define FLAG_FIELD(name) int64_t name;
#define POINTER_FIELD(name) REAL *name;

typedef struct {
    REAL low, high;  // the target is clipped to [low, high]
    REALS(REAL_FIELD)
    const REAL *table;  // a number for each time step
    FLAGS(FLAG_FIELD)
    STATES(POINTER_FIELD)  // [N] each, NULL where a dynamics runs without it
} PARAMETERS;

typedef struct {
    REAL v;  // the estimate
    REAL payload;  // set by a step: the magnitude of what is sent, in its unit
    int complete;  // whether the state besides v is there
    STATES(REAL_FIELD)
} STATE;
