/*
 * The arithmetic of the engine 'native': all kinds of kernels and the functions of single numbers
 * give the same bits, and elementary functions are right to two units in the last place.
 *
 * computes_functions                 a part of all floats, random doubles
 * computes_functions STRIDE [NAME]   errors only, every STRIDE-th float (odd; 1 for all of them),
 * of one function if it is named
 *
 * Prints the largest errors, against the C library in double and in long double.
 */
#include <float.h>
#include <math.h>
#include <stdint.h>

#include "check.h"
#include "engines/native/functions_scalar.h"
#include "engines/native/kernels.h"

enum { MANY = 4096, MOST_KINDS = 4, LONGEST = 70, MOST_UNITS = 2 };

typedef long double wide;

/* --- The functions, and what they should be --- */

static double sigmoid_of_double(double x) { return 1 / (1 + exp(-x)); }
static wide sigmoid_of_wide(wide x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }
static double softplus_of_double(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static wide softplus_of_wide(wide x) { return fmaxl(x, 0) + log1pl(expl(-fabsl(x))); }

struct function {
  const char *name;
  enum unary kernel;
  float (*of_float)(float);
  double (*of_double)(double);
  double (*exact_double)(double);
  wide (*exact_wide)(wide);
};

#define FUNCTION_OF(NAME, KERNEL, C)                                                               \
  { #NAME, KERNEL, NAME##_float, NAME##_double, C, C##l }

static const struct function functions[] = {
    FUNCTION_OF(floor, UNARY_FLOOR, floor),
    FUNCTION_OF(ceiling, UNARY_CEILING, ceil),
    FUNCTION_OF(nearest, UNARY_ROUND, nearbyint),
    FUNCTION_OF(exponential, UNARY_EXPONENTIAL, exp),
    FUNCTION_OF(logarithm, UNARY_LOGARITHM, log),
    {"sigmoid", UNARY_SIGMOID, sigmoid_float, sigmoid_double, sigmoid_of_double, sigmoid_of_wide},
    FUNCTION_OF(tanh, UNARY_TANH, tanh),
    {"softplus", UNARY_SOFTPLUS, softplus_float, softplus_double, softplus_of_double,
     softplus_of_wide},
    FUNCTION_OF(error_function, UNARY_ERROR_FUNCTION, erf),
    FUNCTION_OF(sine, UNARY_SINE, sin),
    FUNCTION_OF(cosine, UNARY_COSINE, cos),
    FUNCTION_OF(tangent, UNARY_TANGENT, tan),
    FUNCTION_OF(arc_sine, UNARY_ARC_SINE, asin),
    FUNCTION_OF(arc_cosine, UNARY_ARC_COSINE, acos),
    FUNCTION_OF(arc_tangent, UNARY_ARC_TANGENT, atan),
    FUNCTION_OF(hyperbolic_sine, UNARY_HYPERBOLIC_SINE, sinh),
    FUNCTION_OF(hyperbolic_cosine, UNARY_HYPERBOLIC_COSINE, cosh),
    FUNCTION_OF(area_sine, UNARY_AREA_SINE, asinh),
    FUNCTION_OF(area_cosine, UNARY_AREA_COSINE, acosh),
    FUNCTION_OF(area_tangent, UNARY_AREA_TANGENT, atanh),
};

enum { N_FUNCTIONS = sizeof functions / sizeof functions[0] };

static struct kernels kinds[MOST_KINDS];
static int n_kinds;
static const double parameters[2] = {0.75, 1.25};

static void find_kinds(void) {
  const char *const names[] = {"avx512", "avx2", "neon", "scalar"};
  for (int i = 0; i < MOST_KINDS; ++i) {
    setenv("PYEMU_NATIVE_KERNELS", names[i], 1);
    n_kinds += kernels_find(&kinds[n_kinds]);
  }
  unsetenv("PYEMU_NATIVE_KERNELS");
  CHECK(n_kinds >= 1 && strcmp(kinds[n_kinds - 1].name, "scalar") == 0);
  for (int i = 0; i < n_kinds; ++i)
    printf("%s%s", i ? ", " : "kernels: ", kinds[i].name);
  printf("\n");
}

/* --- Numbers --- */

static uint64_t state = 1;

static uint64_t random_bits(void) {
  state += 0x9E3779B97F4A7C15u;
  uint64_t z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static double double_of(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static const double special[] = {0.0,
                                 -0.0,
                                 1.0,
                                 -1.0,
                                 0.5,
                                 -0.5,
                                 1.5,
                                 2.0,
                                 -2.0,
                                 3.0,
                                 -3.0,
                                 1e-3,
                                 16777217.0,
                                 -16777217.0,
                                 0x1p23,
                                 0x1.8p22,
                                 8388609.0,
                                 9007199254740991.0,
                                 0x1p53,
                                 -0x1p52,
                                 INFINITY,
                                 -INFINITY,
                                 NAN,
                                 -NAN,
                                 FLT_MIN,
                                 -FLT_MIN,
                                 0x1p-149,
                                 -0x1p-149,
                                 0x1p-140,
                                 FLT_MAX,
                                 -FLT_MAX,
                                 DBL_MIN,
                                 -DBL_MIN,
                                 0x1p-1074,
                                 -0x1p-1074,
                                 0x1p-1030,
                                 DBL_MAX,
                                 -DBL_MAX,
                                 88.72284,
                                 -103.97208,
                                 709.782712893384,
                                 -745.1332191019412,
                                 710.4758600739439,
                                 0x1.fffffep-1,
                                 0x1.000002p+0,
                                 0x1.fffffffffffffp-1,
                                 0x1.0000000000001p+0,
                                 1.5707963267948966,
                                 3.141592653589793,
                                 0x1p30,
                                 0x1.921fb54442d18p+30,
                                 0x1p31,
                                 0x1p100,
                                 6381956970095103.0 * 0x1p797, /* close to a multiple of pi / 2 */
                                 0.625,
                                 0.9375,
                                 4.0,
                                 6.0,
                                 1e300,
                                 1e-300};

enum { N_SPECIAL = sizeof special / sizeof special[0] };

static double some_double(void) {
  const uint64_t bits = random_bits();
  if (bits % 3 == 0)
    return double_of(random_bits());
  if (bits % 3 == 1) /* of common size */
    return ldexp(double_of((random_bits() & 0x800FFFFFFFFFFFFF) | 0x3FF0000000000000),
                 (int)(bits >> 8 & 31) - 22);
  return special[(bits >> 8) % N_SPECIAL];
}

/* --- Errors --- */

struct error_found {
  double units;
  double at, exponent;
};

/* Distance in units of the last place of what is expected; negative if it is of another kind. */
static double units_between(wide found, wide expected, int digits, int least_exponent,
                            int most_exponent) {
  if (isnan(expected) || isnan(found))
    return isnan(expected) && isnan(found) ? 0 : -1;
  const wide beyond = ldexpl(1, most_exponent); /* what infinity stands for */
  if (isinf(found) && isinf(expected))
    return found == expected ? 0 : -1;
  if (isinf(found))
    found = copysignl(beyond, found);
  if (fabsl(expected) > beyond)
    expected = copysignl(beyond, expected);
  if (found == 0 && expected == 0)
    return signbit(found) == signbit(expected) ? 0 : -1;
  int exponent;
  frexpl(expected, &exponent);
  exponent -= digits;
  if (exponent < least_exponent)
    exponent = least_exponent;
  return (double)(fabsl(found - expected) / ldexpl(1, exponent));
}

static double float_units(float found, double expected) {
  const double a = fabs(expected);
  uint64_t bits;
  if (!(a >= FLT_MIN && a < 0x1p127 && isfinite(found)))
    return units_between(found, expected, FLT_MANT_DIG, -149, 128);
  memcpy(&bits, &a, sizeof bits); /* quickly: the power of two below, by 2^23 */
  return fabs(found - expected) / (double_of(bits >> 52 << 52) * 0x1p-23);
}

static double double_units(double found, wide expected) {
  return units_between(found, expected, DBL_MANT_DIG, -1074, 1024);
}

static void note(struct error_found *worst, double units, double at, double exponent) {
  if (units < 0 && check_failures++ < 10)
    printf("failed: another kind of number than expected at %a, %a\n", at, exponent);
  if (units > worst->units)
    *worst = (struct error_found){units, at, exponent};
}

static void report(const char *name, const struct error_found *of_float,
                   const struct error_found *of_double) {
  printf("%-18s %8.3f at %-15a %8.3f at %a\n", name, of_float->units, of_float->at,
         of_double->units, of_double->at);
  CHECK(of_float->units <= MOST_UNITS && of_double->units <= MOST_UNITS);
}

/* --- The same bits --- */

static int same_float(float a, float b) {
  return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static int same_double(double a, double b) {
  return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

/* Compare what two kernels made, and that nothing was written behind it. */
static int same_rows(const void *a, const void *b, int real, int n) {
  for (int i = 0; i <= n; ++i)
    if (!(real == REAL_FLOAT32 ? same_float(((const float *)a)[i], ((const float *)b)[i])
                               : same_double(((const double *)a)[i], ((const double *)b)[i])))
      return 0;
  return 1;
}

/* Numbers for the kernels: as float and as double. */
struct numbers {
  double doubles[MANY];
  float floats[MANY];
};

static struct numbers inputs[3], outputs[2];

static void *row(struct numbers *numbers, int real) {
  return real == REAL_FLOAT32 ? (void *)numbers->floats : numbers->doubles;
}

static void fill(struct numbers *numbers) {
  for (int i = 0; i < MANY; ++i) {
    numbers->doubles[i] = some_double();
    numbers->floats[i] =
        random_bits() % 2 ? (float)numbers->doubles[i] : float_of((uint32_t)random_bits());
  }
}

/* Two rows of numbers that no kernel makes. */
static void clear_outputs(void) {
  for (int i = 0; i < 2; ++i)
    for (int k = 0; k < MANY; ++k) {
      outputs[i].floats[k] = 12345;
      outputs[i].doubles[k] = 12345;
    }
}

static void compare_unary(int kind, int real, int function, int n, int step) {
  clear_outputs();
  kinds[0].unary[real][function](row(&outputs[0], real), row(&inputs[0], real), step, n,
                                 parameters);
  kinds[kind].unary[real][function](row(&outputs[1], real), row(&inputs[0], real), step, n,
                                    parameters);
  if (!same_rows(row(&outputs[0], real), row(&outputs[1], real), real, n) && check_failures++ < 10)
    printf("failed: unary %d of %d numbers of type %d, step %d, differs on %s\n", function, n, real,
           step, kinds[kind].name);
}

static void compare_binary(int kind, int real, int function, int n, int steps) {
  clear_outputs();
  for (int i = 0; i < 2; ++i)
    kinds[i ? kind : 0].binary[real][function](row(&outputs[i], real), row(&inputs[0], real),
                                               steps & 1, row(&inputs[1], real), steps >> 1, n);
  if (!same_rows(row(&outputs[0], real), row(&outputs[1], real), real, n) && check_failures++ < 10)
    printf("failed: binary %d of %d numbers of type %d, steps %d, differs on %s\n", function, n,
           real, steps, kinds[kind].name);
}

static void compare_select(int kind, int real, int n, int steps) {
  clear_outputs();
  for (int i = 0; i < 2; ++i)
    kinds[i ? kind : 0].select[real](row(&outputs[i], real), row(&inputs[0], real), steps & 1,
                                     row(&inputs[1], real), steps >> 1 & 1, row(&inputs[2], real),
                                     steps >> 2, n);
  CHECK(same_rows(row(&outputs[0], real), row(&outputs[1], real), real, n));
}

static void compare_reduction(int kind, int real, int function, int n) {
  const int64_t offsets[] = {0, 3, 1, 7, 2};
  clear_outputs();
  for (int i = 0; i < 2; ++i)
    kinds[i ? kind : 0].reduce[real][function](row(&outputs[i], real), row(&inputs[0], real),
                                               offsets, LONGEST, 5, n);
  CHECK(same_rows(row(&outputs[0], real), row(&outputs[1], real), real, n));
}

/* Weights, bias and inputs from the rows of numbers. */
static void compare_product(int kind, int real, int n_outputs, int lanes, int is_relu) {
  struct product_call call = {.out_stride = lanes,
                              .in = row(&inputs[0], real),
                              .in_stride = lanes,
                              .n_inputs = 5,
                              .n_outputs = n_outputs,
                              .lanes = lanes,
                              .weights = row(&inputs[1], real),
                              .single_weights = row(&inputs[1], real),
                              .bias = row(&inputs[2], real),
                              .is_relu = is_relu};
  clear_outputs();
  for (int i = 0; i < 2; ++i) {
    call.out = row(&outputs[i], real);
    kinds[i ? kind : 0].product[real](&call);
  }
  CHECK(same_rows(row(&outputs[0], real), row(&outputs[1], real), real, n_outputs * lanes));
}

static void compare_kinds(int kind, int real) {
  for (int n = 1; n <= LONGEST; ++n) {
    fill(&inputs[n % 3]);
    for (int function = 0; function < N_UNARY; ++function)
      for (int step = 0; step < 2; ++step)
        compare_unary(kind, real, function, n, step);
    for (int function = 0; function < N_BINARY; ++function)
      for (int steps = 0; steps < 4; ++steps)
        compare_binary(kind, real, function, n, steps);
    for (int steps = 0; steps < 8; ++steps)
      compare_select(kind, real, n, steps);
    for (int function = 0; function < N_REDUCTIONS; ++function)
      compare_reduction(kind, real, function, n);
    for (int lanes = 1; lanes <= 40; lanes += 3)
      compare_product(kind, real, n, lanes, n % 2);
  }
}

/* --- Functions of single numbers --- */

static void measure_floats(const struct function *function, uint32_t stride, int n_compared,
                           struct error_found *worst) {
  static float in[MANY], out[MANY], other[MANY];
  const uint64_t count = ((UINT64_C(1) << 32) + stride - 1) / stride;
  for (uint64_t first = 0; first < count; first += MANY) {
    const int n = (int)(count - first < MANY ? count - first : MANY);
    for (int i = 0; i < n; ++i)
      in[i] = float_of((uint32_t)((first + (uint64_t)i) * stride));
    kinds[0].unary[REAL_FLOAT32][function->kernel](out, in, 1, n, parameters);
    for (int i = 0; i < n; ++i)
      note(worst, float_units(out[i], function->exact_double(in[i])), in[i], 0);
    for (int kind = 1; kind < n_compared; ++kind) {
      kinds[kind].unary[REAL_FLOAT32][function->kernel](other, in, 1, n, parameters);
      CHECK(same_rows(out, other, REAL_FLOAT32, n - 1));
    }
    for (int i = 0; n_compared && i < n; ++i)
      if (!same_float(out[i], function->of_float(in[i])) && check_failures++ < 10)
        printf("failed: %s_float(%a) has other bits\n", function->name, in[i]);
  }
}

static void measure_doubles(const struct function *function, int n_rows, int n_compared,
                            struct error_found *worst) {
  static double in[MANY], out[MANY], other[MANY];
  for (int k = 0; k < n_rows; ++k) {
    for (int i = 0; i < MANY; ++i)
      in[i] = k == 0 && i < N_SPECIAL ? special[i] : some_double();
    kinds[0].unary[REAL_FLOAT64][function->kernel](out, in, 1, MANY, parameters);
    for (int i = 0; LDBL_MANT_DIG > DBL_MANT_DIG && i < MANY; ++i)
      note(worst, double_units(out[i], function->exact_wide(in[i])), in[i], 0);
    for (int kind = 1; kind < n_compared; ++kind) {
      kinds[kind].unary[REAL_FLOAT64][function->kernel](other, in, 1, MANY, parameters);
      CHECK(same_rows(out, other, REAL_FLOAT64, MANY - 1));
    }
    for (int i = 0; n_compared && i < MANY; ++i)
      if (!same_double(out[i], function->of_double(in[i])) && check_failures++ < 10)
        printf("failed: %s_double(%a) has other bits\n", function->name, in[i]);
  }
}

/* An exponent for which the power is a number, mostly. */
static double some_exponent(double base, double most) {
  const double l = log(fabs(base)), u = ldexp((double)(random_bits() >> 11), -52) - 1;
  if (random_bits() % 4 == 0 || !isnormal(l))
    return some_double();
  return random_bits() % 4 == 0 ? nearbyint(u * most / l) : u * most / l;
}

static void measure_powers(int n_rows, int n_compared) {
  struct error_found of_float = {0}, of_double = {0};
  struct numbers *x = &inputs[0], *y = &inputs[1];
  for (int k = 0; k < n_rows; ++k) {
    fill(x);
    for (int i = 0; i < MANY; ++i) {
      if (k == 0 && i < N_SPECIAL * N_SPECIAL) {
        x->doubles[i] = special[i / N_SPECIAL];
        x->floats[i] = (float)x->doubles[i];
        y->doubles[i] = special[i % N_SPECIAL];
        y->floats[i] = (float)y->doubles[i];
        continue;
      }
      y->doubles[i] = some_exponent(x->doubles[i], 750);
      y->floats[i] = (float)some_exponent(x->floats[i], 105);
    }
    for (int real = 0; real < N_REALS; ++real) {
      kinds[0].binary[real][BINARY_POWER](row(&outputs[0], real), row(x, real), 1, row(y, real), 1,
                                          MANY);
      for (int kind = 1; kind < n_compared; ++kind) {
        kinds[kind].binary[real][BINARY_POWER](row(&outputs[1], real), row(x, real), 1,
                                               row(y, real), 1, MANY);
        CHECK(same_rows(row(&outputs[0], real), row(&outputs[1], real), real, MANY - 1));
      }
    }
    for (int i = 0; i < MANY; ++i) {
      const float made = outputs[0].floats[i];
      note(&of_float, float_units(made, pow(x->floats[i], y->floats[i])), x->floats[i],
           y->floats[i]);
      CHECK(same_float(made, power_float(x->floats[i], y->floats[i])));
      CHECK(same_double(outputs[0].doubles[i], power_double(x->doubles[i], y->doubles[i])));
      if (LDBL_MANT_DIG > DBL_MANT_DIG)
        note(&of_double, double_units(outputs[0].doubles[i], powl(x->doubles[i], y->doubles[i])),
             x->doubles[i], y->doubles[i]);
    }
  }
  report("power", &of_float, &of_double);
  printf("%-18s %8s to %-15a %8s to %a\n", "", "", of_float.exponent, "", of_double.exponent);
}

/* For stride 0, quickly and with all kinds; else only errors, thoroughly. */
static void measure(uint32_t stride, const char *name) {
  const int n_compared = stride ? 0 : n_kinds, n_rows = stride ? 2000 : 12;
  printf("%-18s %8s %-18s %8s\n", "largest error", "float32", "", "float64");
  for (int i = 0; i < N_FUNCTIONS; ++i) {
    struct error_found of_float = {0}, of_double = {0};
    if (name && strcmp(name, functions[i].name) != 0)
      continue;
    measure_floats(&functions[i], stride ? stride : 32771, n_compared, &of_float);
    measure_doubles(&functions[i], n_rows, n_compared, &of_double);
    report(functions[i].name, &of_float, &of_double);
    fflush(stdout);
  }
  if (!name || strcmp(name, "power") == 0)
    measure_powers(n_rows, n_compared);
}

int main(int argc, char **argv) {
  const uint32_t stride = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
  if (argc > 3 || (argc > 1 && stride % 2 == 0)) {
    printf("usage: %s [STRIDE [NAME]], the stride an odd number\n", argv[0]);
    return EXIT_FAILURE;
  }
  find_kinds();
  for (int i = 0; i < 3; ++i)
    fill(&inputs[i]);
  for (int kind = 1; kind < n_kinds && !stride; ++kind)
    for (int real = 0; real < N_REALS; ++real)
      compare_kinds(kind, real);
  measure(stride, argc > 2 ? argv[2] : NULL);
  return check_result();
}
