/*
 * The emulator 'longwave', version 1, as C: written by 'pyemu compile' of pyemu 0.1.0
 * from the file with SHA-256 4320d6716838dbf905e4be2f72e66e7e9f4ed635d46d5328ebcc78af83c547f5.
 *
 * longwave computes one column, longwave_columns many; each column needs 512 bytes on the stack.
 * A call allocates nothing, keeps nothing and writes nothing but its outputs. The bits are
 * those of pyemu's engine 'native' if the compiler fuses and reorders nothing: no -ffast-math,
 * no -Ofast; Intel's compilers need -fp-model=precise, NVIDIA's -Kieee -Mnofma. Without
 * instructions for fma (x86-64: -mfma or -march=native) it is slow, with the same bits.
 */
/* clang-format off */
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined __FAST_MATH__ || defined __ASSOCIATIVE_MATH__ || defined __RECIPROCAL_MATH__ || \
    (defined __FINITE_MATH_ONLY__ && __FINITE_MATH_ONLY__ > 0)
#error "compile this file without -ffast-math and its parts"
#endif
#if defined __FLT_EVAL_METHOD__ && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "float and double must be computed as such: on x86 with -mfpmath=sse"
#endif
#if defined __GNUC__ && !defined __clang__
#pragma GCC optimize("fp-contract=off")
#else
#pragma STDC FP_CONTRACT OFF
#endif
#ifdef _OPENMP
#pragma omp declare target
#endif

static const double constant_16[11] = {
    0x1.97db0ccceb0afp-5, 0x1.13461675400c4p-4, 0x1.7394ab289bfc4p-4, 0x1.f594df2881233p-4,
    0x1.52883937d0a34p-3, 0x1.c8f87724b5c1dp-3, 0x1.346c4167a12dep-2, 0x1.a053cc0086e1fp-2,
    0x1.18fdd6b9604e4p-1, 0x1.7b4c869c37c05p-1, 1,
};

static const double weights_5[110] = {
    0x1.0966f2c7907f6p-2, -0x1.0966f2c7907f6p-2, -0x1.893abf8b5dc86p-3, -0x1.234fc2e473752p-3,
    -0x1.af9e2a6396dp-4, -0x1.3fc017551933ep-4, -0x1.d9c0f7b3947a8p-5, -0x1.5ef7268e40467p-5,
    -0x1.040067ffca4ep-5, -0x1.813a52cd6fc03p-6, -0x1.1d62403b2a1aep-6, 0x1.893abf8b5dc86p-3,
    0x1.0966f2c7907f6p-2, -0x1.0966f2c7907f6p-2, -0x1.893abf8b5dc86p-3, -0x1.234fc2e473752p-3,
    -0x1.af9e2a6396dp-4, -0x1.3fc017551933ep-4, -0x1.d9c0f7b3947a8p-5, -0x1.5ef7268e40467p-5,
    -0x1.040067ffca4ep-5, -0x1.813a52cd6fc03p-6, 0x1.234fc2e473752p-3, 0x1.893abf8b5dc86p-3,
    0x1.0966f2c7907f6p-2, -0x1.0966f2c7907f6p-2, -0x1.893abf8b5dc86p-3, -0x1.234fc2e473752p-3,
    -0x1.af9e2a6396dp-4, -0x1.3fc017551933ep-4, -0x1.d9c0f7b3947a8p-5, -0x1.5ef7268e40467p-5,
    -0x1.040067ffca4ep-5, 0x1.af9e2a6396dp-4, 0x1.234fc2e473752p-3, 0x1.893abf8b5dc86p-3,
    0x1.0966f2c7907f6p-2, -0x1.0966f2c7907f6p-2, -0x1.893abf8b5dc86p-3, -0x1.234fc2e473752p-3,
    -0x1.af9e2a6396dp-4, -0x1.3fc017551933ep-4, -0x1.d9c0f7b3947a8p-5, -0x1.5ef7268e40467p-5,
    0x1.3fc017551933ep-4, 0x1.af9e2a6396dp-4, 0x1.234fc2e473752p-3, 0x1.893abf8b5dc86p-3,
    0x1.0966f2c7907f6p-2, -0x1.0966f2c7907f6p-2, -0x1.893abf8b5dc86p-3, -0x1.234fc2e473752p-3,
    -0x1.af9e2a6396dp-4, -0x1.3fc017551933ep-4, -0x1.d9c0f7b3947a8p-5, 0x1.d9c0f7b3947a8p-5,
    0x1.3fc017551933ep-4, 0x1.af9e2a6396dp-4, 0x1.234fc2e473752p-3, 0x1.893abf8b5dc86p-3,
    0x1.0966f2c7907f6p-2, -0x1.0966f2c7907f6p-2, -0x1.893abf8b5dc86p-3, -0x1.234fc2e473752p-3,
    -0x1.af9e2a6396dp-4, -0x1.3fc017551933ep-4, 0x1.5ef7268e40467p-5, 0x1.d9c0f7b3947a8p-5,
    0x1.3fc017551933ep-4, 0x1.af9e2a6396dp-4, 0x1.234fc2e473752p-3, 0x1.893abf8b5dc86p-3,
    0x1.0966f2c7907f6p-2, -0x1.0966f2c7907f6p-2, -0x1.893abf8b5dc86p-3, -0x1.234fc2e473752p-3,
    -0x1.af9e2a6396dp-4, 0x1.040067ffca4ep-5, 0x1.5ef7268e40467p-5, 0x1.d9c0f7b3947a8p-5,
    0x1.3fc017551933ep-4, 0x1.af9e2a6396dp-4, 0x1.234fc2e473752p-3, 0x1.893abf8b5dc86p-3,
    0x1.0966f2c7907f6p-2, -0x1.0966f2c7907f6p-2, -0x1.893abf8b5dc86p-3, -0x1.234fc2e473752p-3,
    0x1.813a52cd6fc03p-6, 0x1.040067ffca4ep-5, 0x1.5ef7268e40467p-5, 0x1.d9c0f7b3947a8p-5,
    0x1.3fc017551933ep-4, 0x1.af9e2a6396dp-4, 0x1.234fc2e473752p-3, 0x1.893abf8b5dc86p-3,
    0x1.0966f2c7907f6p-2, -0x1.0966f2c7907f6p-2, -0x1.893abf8b5dc86p-3, 0x1.1d62403b2a1aep-6,
    0x1.813a52cd6fc03p-6, 0x1.040067ffca4ep-5, 0x1.5ef7268e40467p-5, 0x1.d9c0f7b3947a8p-5,
    0x1.3fc017551933ep-4, 0x1.af9e2a6396dp-4, 0x1.234fc2e473752p-3, 0x1.893abf8b5dc86p-3,
    0x1.0966f2c7907f6p-2, -0x1.0966f2c7907f6p-2,
};

static const double weights_9[110] = {
    -0x1.064939cc6289fp-20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1.064939cc6289fp-20,
    -0x1.064939cc6289fp-20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1.064939cc6289fp-20,
    -0x1.064939cc6289fp-20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1.064939cc6289fp-20,
    -0x1.064939cc6289fp-20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1.064939cc6289fp-20,
    -0x1.064939cc6289fp-20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1.064939cc6289fp-20,
    -0x1.064939cc6289fp-20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1.064939cc6289fp-20,
    -0x1.064939cc6289fp-20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1.064939cc6289fp-20,
    -0x1.064939cc6289fp-20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1.064939cc6289fp-20,
    -0x1.064939cc6289fp-20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1.064939cc6289fp-20,
    -0x1.064939cc6289fp-20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1.064939cc6289fp-20,
};

/* --- Functions of elements, with the operations of the engine in its order --- */

static inline double fused_double(double a, double b, double c) { return fma(a, b, c); }

static inline double all_double(double value) { return value; }

static inline int64_t all_bits_double(int64_t value) { return value; }

static inline int64_t bits_double(double x) { int64_t bits; memcpy(&bits, &x, sizeof bits); return bits; }

static inline double of_bits_double(int64_t bits) { double x; memcpy(&x, &bits, sizeof x); return x; }

static inline int64_t less_double(double a, double b) { return -(int64_t)(a < b); }

static inline int64_t equal_double(double a, double b) { return -(int64_t)(a == b); }

static inline double choose_double(int64_t m, double yes, double no) { return m ? yes : no; }

static inline int64_t add_bits_double(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

static inline int64_t subtract_bits_double(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }

static inline int64_t shift_up_double(int64_t a, int by) { return (int64_t)((uint64_t)a << by); }

static inline int64_t shift_down_double(int64_t a, int by) { return a >> by; }

static inline int64_t either_double(int64_t a, int64_t b) { return a | b; }

static inline int64_t both_double(int64_t a, int64_t b) { return a & b; }

static inline int64_t negated_double(int64_t m) { return ~m; }

static inline int64_t is_nan_double(double x) { return ~equal_double(x, x); }

static inline int64_t is_negative_double(double x) { return less_double(x, all_double(0)); }

static inline int64_t sign_bits_double(double x) {
  return bits_double(x) & bits_double(all_double((double)-0.0));
}

static inline double absolute_double(double x) {
  return of_bits_double(bits_double(x) & ~bits_double(all_double((double)-0.0)));
}

static inline double with_sign_double(double x, double sign) {
  return of_bits_double(bits_double(absolute_double(x)) | sign_bits_double(sign));
}

static inline double nearest_double(double x) {
  const double large = all_double(1 ? (double)0x1p52 : (double)0x1p23);
  const double a = absolute_double(x);
  return choose_double(less_double(a, large), with_sign_double((a + large) - large, x), x);
}

static inline double polynomial_double(const double *c, int n, double x) {
  double sum = all_double(c[n - 1]);
  for (int i = n - 2; i >= 0; --i) sum = fused_double(sum, x, all_double(c[i]));
  return sum;
}

static const double ln2_double[] = {
    0x1.62e42fef00000p-1, 0x1.473de6af278edp-34};

static const double two_thirds_double[] = {
    0x1.5555555555555p-1, 0x1.5555555555555p-55};

static const double two_fifths_double[] = {
    0x1.999999999999ap-2, -0x1.999999999999ap-56};

static const double exp_series_double[] = {
    0x1.000000000000cp-1, 0x1.555555555555cp-3, 0x1.555555554fd9dp-5, 0x1.111111110e9cbp-7,
    0x1.6c16c1862b556p-10, 0x1.a01a01b462013p-13, 0x1.a019953faa366p-16, 0x1.71ddee17da895p-19,
    0x1.28b179a142064p-22, 0x1.af6f34c497e37p-26};

static const double log_rest_double[] = {
    0x1.24924924927d2p-2, 0x1.c71c71c659129p-3, 0x1.745d17d7ff07cp-3, 0x1.3b13780304dc3p-3,
    0x1.111dd6b6eda19p-3, 0x1.de9d15ae2d2dcp-4, 0x1.e7ec9987967afp-4};

static const double exp_range_double[] = {-746, 711};

static inline double power_of_two_double(int64_t n) {
  return of_bits_double(shift_up_double(add_bits_double(n, all_bits_double(1023)), 52));
}

static inline double number_double(int64_t n) {
  return of_bits_double(add_bits_double(n, bits_double(all_double(0x1.8p52)))) - 0x1.8p52;
}

struct extended {
  double high, low;
};

static inline struct extended exact_sum(double a, double b) {
  struct extended sum;
  sum.high = a + b;
  sum.low = b - (sum.high - a);
  return sum;
}

static inline struct extended exact_product(double a, double b) {
  struct extended product;
  product.high = a * b;
  product.low = fused_double(a, b, -product.high);
  return product;
}

static inline struct extended extended_product(struct extended a, struct extended b) {
  const struct extended p = exact_product(a.high, b.high);
  return exact_sum(p.high, fused_double(a.low, b.high, fused_double(a.high, b.low, p.low)));
}

static inline struct extended extended_sum(struct extended a, struct extended b) {
  const struct extended sum = exact_sum(a.high, b.high);
  return exact_sum(sum.high, sum.low + (a.low + b.low));
}

static inline struct extended extended_constant(const double *parts) {
  struct extended constant;
  constant.high = all_double(parts[0]);
  constant.low = all_double(parts[1]);
  return constant;
}

static inline struct extended extended_logarithm(double x, int64_t more) {
  const int64_t is_small = less_double(x, all_double(0x1p-1022));
  const double scaled = choose_double(is_small, x * 0x1p54, x);
  const int64_t root = bits_double(all_double(0x1.6a09e667f3bcdp-1));
  const int64_t above = subtract_bits_double(bits_double(scaled), root);
  const int64_t k =
      subtract_bits_double(shift_down_double(above, 52), is_small & all_bits_double(54));
  const int64_t fraction = above & all_bits_double(((int64_t)1 << 52) - 1);
  const double m = of_bits_double(add_bits_double(fraction, root)), f = m - 1;
  const struct extended d = exact_sum(all_double(1), m);
  const double inverse = 1 / d.high;
  struct extended s, z, sum;
  s.high = f * inverse;
  s.low = fused_double(-s.high, d.low, fused_double(-s.high, d.high, f)) * inverse;
  z = exact_product(s.high, s.high);
  z.low = fused_double(s.high + s.high, s.low, z.low);
  const double rest = fused_double(z.high, polynomial_double(log_rest_double, (int)(sizeof log_rest_double / sizeof log_rest_double[0]), z.high), all_double(two_fifths_double[1]));
  sum = exact_sum(all_double(two_fifths_double[0]), rest);
  sum = extended_sum(extended_constant(two_thirds_double), extended_product(z, sum));
  z = extended_product(z, sum);
  sum = exact_sum(all_double(2), z.high);
  sum.low = sum.low + z.low;
  s = extended_product(s, sum);
  const double n = number_double(add_bits_double(k, more));
  sum = exact_sum(n * ln2_double[0], s.high);
  return exact_sum(sum.high, sum.low + fused_double(n, all_double(ln2_double[1]), s.low));
}

static inline double exponential_of_sum(struct extended x, int64_t more) {
  const double least = all_double(exp_range_double[0]), most = all_double(exp_range_double[1]);
  const int64_t is_below = less_double(x.high, least), is_above = less_double(most, x.high);
  double held = choose_double(is_below, least, x.high);
  held = choose_double(is_above, most, held);
  const double low = choose_double(either_double(is_below, is_above), all_double(0), x.low);
  const double shifted = held * 0x1.71547652b82fep+0 + 0x1.8p52, n = shifted - 0x1.8p52;
  const double r = fused_double(n, all_double(-ln2_double[0]), held);
  const struct extended s = exact_sum(r, fused_double(n, all_double(-ln2_double[1]), low));
  const struct extended sum = exact_sum(all_double(1), s.high);
  const double rest = fused_double(s.high * s.high, polynomial_double(exp_series_double, (int)(sizeof exp_series_double / sizeof exp_series_double[0]), s.high), s.low);
  const double p = sum.high + (sum.low + rest);
  int64_t i = subtract_bits_double(bits_double(shifted), bits_double(all_double(0x1.8p52)));
  i = add_bits_double(i, more);
  const int64_t half = shift_down_double(i, 1);
  return p * power_of_two_double(half) * power_of_two_double(subtract_bits_double(i, half));
}

static inline double power_with_signs(double x, double y, double power) {
  const double a = absolute_double(x), zero = all_double(0), one = all_double(1);
  const double infinite = all_double(INFINITY), half = y * 0.5;
  const int64_t is_whole = equal_double(nearest_double(y), y);
  const int64_t is_odd = both_double(is_whole, negated_double(equal_double(nearest_double(half), half)));
  const int64_t is_extreme =
      equal_double(a, zero) | equal_double(a, infinite) | equal_double(absolute_double(y), infinite);
  const int64_t is_shrinking = less_double(one, a) ^ less_double(zero, y);
  power = choose_double(is_extreme, choose_double(is_shrinking, zero, infinite), power);
  power = choose_double(equal_double(a, one), one, power);
  power = of_bits_double(bits_double(power) ^ (sign_bits_double(x) & is_odd));
  const int64_t is_root = is_negative_double(x) & less_double(-infinite, x) & negated_double(is_whole);
  const int64_t is_none = is_root | is_nan_double(x) | is_nan_double(y);
  power = choose_double(is_none, all_double(NAN), power);
  return choose_double(either_double(equal_double(x, one), equal_double(y, zero)), one, power);
}

static inline double power_double(double x, double y) {
  const struct extended l = extended_logarithm(absolute_double(x), all_bits_double(0));
  struct extended p = exact_product(y, l.high);
  p.low = fused_double(y, l.low, p.low);
  return power_with_signs(x, y, exponential_of_sum(p, all_bits_double(0)));
}

/* 11 sums of 10 products each. */
static void products_5(const double *restrict in, double *restrict out) {
  {
    double sums[11];
    for (int r = 0; r < 11; ++r)
      sums[r] = 0;
    for (int k = 0; k < 10; ++k) {
      const double x = in[k];
      for (int r = 0; r < 11; ++r)
        sums[r] = fma(weights_5[11 * k + r], x, sums[r]);
    }
    for (int r = 0; r < 11; ++r)
      out[r] = sums[r];
  }
}

/* 10 sums of 11 products each. */
static void products_9(const double *restrict in, double *restrict out) {
  {
    double sums[10];
    for (int r = 0; r < 10; ++r)
      sums[r] = 0;
    for (int k = 0; k < 11; ++k) {
      const double x = in[k];
      for (int r = 0; r < 10; ++r)
        sums[r] = fma(weights_9[10 * k + r], x, sums[r]);
    }
    for (int r = 0; r < 10; ++r)
      out[r] = sums[r];
  }
}

static void steps_0(float *restrict reals, double *restrict doubles) {
  for (int i = 0; i < 10; ++i)
    doubles[16 + i] = (double)reals[i];
  for (int i = 0; i < 10; ++i)
    doubles[16 + i] = power_double(doubles[16 + i], 4);
  doubles[0] = (double)reals[16];
  doubles[0] = power_double(doubles[0], 4);
  doubles[0] = doubles[0] * 1;
  products_5(&doubles[16], &doubles[32]);
  for (int i = 0; i < 11; ++i)
    doubles[8 + i] = doubles[0] * constant_16[i];
  for (int i = 0; i < 11; ++i)
    doubles[32 + i] = doubles[32 + i] + doubles[8 + i];
  for (int i = 0; i < 11; ++i)
    doubles[32 + i] = doubles[32 + i] * 0x1.e70c9e5be6a9cp-25;
  products_9(&doubles[32], &doubles[0]);
  for (int i = 0; i < 10; ++i)
    reals[32 + i] = (float)doubles[i];
}

/* One column, of which the elements lie 'stride' apart. */
static void run_one_column(int64_t stride,
    const float *air_temperature,
    const float *surface_temperature,
    float *tendency_of_air_temperature_due_to_longwave_heating) {
  float reals[42];
  double doubles[43];
  (void)stride;
  for (int k = 0; k < 10; ++k)
    reals[0 + k] = air_temperature[k * stride];
  reals[16] = *surface_temperature;
  steps_0(reals, doubles);
  for (int k = 0; k < 10; ++k)
    tendency_of_air_temperature_due_to_longwave_heating[k * stride] = reals[32 + k];
}

/*
 * One column. Inputs:
 *   air_temperature, float[10]: air_temperature [K], by layer
 *   surface_temperature, float: surface_temperature [K]
 * Outputs, which must lie in other memory:
 *   tendency_of_air_temperature_due_to_longwave_heating, float[10]: tendency_of_air_temperature_due_to_longwave_heating [K s-1], by layer
 * All are dense, the last dimension fastest.
 */
void longwave(
    const float *air_temperature,
    const float *surface_temperature,
    float *tendency_of_air_temperature_due_to_longwave_heating) {
  run_one_column(1,
      air_temperature,
      surface_temperature,
      tendency_of_air_temperature_due_to_longwave_heating);
}

/*
 * So many columns. Element k of column c is at [k * stride + c], as in a Fortran array (stride, ...), of which
 * the first dimension is n_columns or more.
 */
void longwave_columns(int64_t n_columns, int64_t stride,
    const float *air_temperature,
    const float *surface_temperature,
    float *tendency_of_air_temperature_due_to_longwave_heating) {
  for (int64_t c = 0; c < n_columns; ++c)
    run_one_column(stride,
      air_temperature + c,
      surface_temperature + c,
      tendency_of_air_temperature_due_to_longwave_heating + c);
}

#ifdef _OPENMP
#pragma omp end declare target
#endif
