/* source_tables.c - weights, constants and offsets as tables, and the functions for products. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engines/native/source.h"

/* Columns of a line of numbers. */
enum { LINE = 98 };

/* --- Numbers --- */

/* Whole numbers as such, all others in hexadecimal digits: no reader rounds them. */
static int format_real(char *text, size_t size, double value, const char *suffix) {
  if (isnan(value))
    return snprintf(text, size, "NAN");
  if (isinf(value))
    return snprintf(text, size, value < 0 ? "-INFINITY" : "INFINITY");
  if (fabs(value) < 1e6 && value == floor(value) && !(value == 0 && signbit(value)))
    return snprintf(text, size, "%.0f", value);
  return snprintf(text, size, "%a%s", value, suffix);
}

static int format_number(char *text, size_t size, enum element element, const void *values,
                         int64_t index) {
  if (element == ELEMENT_FLOAT64)
    return format_real(text, size, ((const double *)values)[index], "");
  if (element == ELEMENT_FLOAT32)
    return format_real(text, size, ((const float *)values)[index], "f");
  const int32_t value = ((const int32_t *)values)[index];
  if (value == INT32_MIN)
    return snprintf(text, size, "(-2147483647 - 1)");
  return snprintf(text, size, "%ld", (long)value);
}

void source_write_number(FILE *to, enum element element, const void *values, int64_t index) {
  char text[48];
  format_number(text, sizeof text, element, values, index);
  fputs(text, to);
}

/* A table on its way into the file. */
struct table {
  FILE *to;
  int column;
};

static struct table begin_table(FILE *to, const char *type, const char *name, int number,
                                int64_t count) {
  fprintf(to, "\nstatic const %s %s_%d[%lld] = {", type, name, number, (long long)count);
  return (struct table){to, LINE};
}

static void add_text(struct table *table, const char *text, int length) {
  if (table->column + length + 2 > LINE) {
    fputs("\n   ", table->to);
    table->column = 3;
  }
  table->column += fprintf(table->to, " %s,", text);
}

static void add_number(struct table *table, enum element element, const void *values,
                       int64_t index) {
  char text[48];
  const int length = format_number(text, sizeof text, element, values, index);
  add_text(table, text, length);
}

static void end_table(const struct table *table) { fputs("\n};\n", table->to); }

static void write_whole(FILE *to, const char *name, int number, enum element element,
                        const void *values, int64_t count) {
  struct table table = begin_table(to, source_type_name(element), name, number, count);
  for (int64_t i = 0; i < count; ++i)
    add_number(&table, element, values, i);
  end_table(&table);
}

static void write_offsets(FILE *to, const char *name, int number, const int64_t *values,
                          int64_t count) {
  struct table table = begin_table(to, "int32_t", name, number, count);
  for (int64_t i = 0; i < count; ++i) {
    char text[24];
    const int length = snprintf(text, sizeof text, "%lld", (long long)values[i]);
    add_text(&table, text, length);
  }
  end_table(&table);
}

/* --- What is shared --- */

struct use {
  const struct product *product;
  int step;
};

static int compare_numbers(uintptr_t a, uintptr_t b) { return (a > b) - (a < b); }

static int compare_weights(const struct product *a, const struct product *b) {
  int order = compare_numbers((uintptr_t)a->weights, (uintptr_t)b->weights);
  return order ? order : compare_numbers((uintptr_t)a->bias, (uintptr_t)b->bias);
}

static int compare_products(const struct product *a, const struct product *b) {
  int order = compare_weights(a, b);
  if (!order)
    order = compare_numbers((uintptr_t)a->offsets, (uintptr_t)b->offsets);
  if (!order)
    order = compare_numbers((uintptr_t)a->in_stride, (uintptr_t)b->in_stride);
  if (!order)
    order = compare_numbers((uintptr_t)a->out_stride, (uintptr_t)b->out_stride);
  return order ? order : a->is_relu - b->is_relu;
}

static int compare_uses(const void *a, const void *b) {
  const struct use *x = a, *y = b;
  const int order = compare_products(x->product, y->product);
  return order ? order : x->step - y->step;
}

/* For every run of equal entries, their first step. */
static void find_first(const struct use *uses, int n,
                       int (*compare)(const struct product *, const struct product *), int *first) {
  for (int i = 0, end; i < n; i = end) {
    int least = uses[i].step;
    for (end = i; end < n && compare(uses[i].product, uses[end].product) == 0; ++end)
      least = uses[end].step < least ? uses[end].step : least;
    for (int k = i; k < end; ++k)
      first[uses[k].step] = least;
  }
}

static void mark_constants(struct source_tables *tables) {
  for (int i = 0; i < tables->plan->n_steps; ++i) {
    const struct step *step = &tables->plan->steps[i];
    for (int k = 0; k < step_n_inputs(step); ++k)
      if (step->in[k].place < 0 && !source_is_number(step, &step->in[k]))
        tables->is_table[CONSTANT_PLACE(step->in[k].place)] = 1;
  }
}

int source_find_tables(struct source_tables *tables, const struct plan *plan,
                       const struct error *error) {
  struct use *uses = calloc((size_t)plan->n_steps + 1, sizeof *uses);
  int n = 0;
  *tables = (struct source_tables){.plan = plan};
  tables->first_products = calloc((size_t)plan->n_steps + 1, sizeof *tables->first_products);
  tables->first_weights = calloc((size_t)plan->n_steps + 1, sizeof *tables->first_weights);
  tables->is_table = calloc((size_t)plan->n_constants + 1, 1);
  if (!uses || !tables->first_products || !tables->first_weights || !tables->is_table) {
    free(uses);
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the source text");
  }
  for (int i = 0; i < plan->n_steps; ++i)
    if (plan->steps[i].kind == STEP_PRODUCT)
      uses[n++] = (struct use){plan->steps[i].product, i};
  qsort(uses, (size_t)n, sizeof *uses, compare_uses);
  find_first(uses, n, compare_products, tables->first_products);
  find_first(uses, n, compare_weights, tables->first_weights);
  free(uses);
  mark_constants(tables);
  return PYEMU_OK;
}

void source_free_tables(struct source_tables *tables) {
  free(tables->first_products);
  free(tables->first_weights);
  free(tables->is_table);
}

/* --- Tables --- */

static int is_zero(enum element element, const void *values, int64_t count) {
  const char *bytes = values;
  for (size_t i = 0; i < (size_t)count * element_bytes(element); ++i)
    if (bytes[i])
      return 0;
  return 1;
}

/* In blocks as in the plan, but for the zeros that fill the last. */
static void write_weights(FILE *to, int number, const struct step *step) {
  const struct product *product = step->product;
  struct table table = begin_table(to, source_type_name(step->element), "weights", number,
                                   product->n_inputs * product->n_outputs);
  for (int64_t o = 0; o < product->n_outputs; o += PRODUCT_BLOCK) {
    const int64_t left = product->n_outputs - o;
    for (int64_t i = 0; i < product->n_inputs; ++i)
      for (int64_t r = 0; r < PRODUCT_BLOCK && r < left; ++r)
        add_number(&table, step->element, product->weights,
                   o * product->n_inputs + i * PRODUCT_BLOCK + r);
  }
  end_table(&table);
}

void source_write_tables(FILE *to, const struct source_tables *tables) {
  const struct plan *plan = tables->plan;
  for (int i = 0; i < plan->n_constants; ++i)
    if (tables->is_table[i])
      write_whole(to, "constant", i, plan->constants[i].element, plan->constants[i].values,
                  plan->constants[i].count);
  for (int i = 0; i < plan->n_steps; ++i) {
    const struct step *step = &plan->steps[i];
    if (step->kind == STEP_REDUCE && !source_distance(step))
      write_offsets(to, "reduced", i, step->reduced, step->n_reduced);
    if (step->kind != STEP_PRODUCT)
      continue;
    const struct product *product = step->product;
    if (tables->first_weights[i] == i)
      write_weights(to, i, step);
    if (tables->first_weights[i] == i && !is_zero(step->element, product->bias, product->n_outputs))
      write_whole(to, "biases", i, step->element, product->bias, product->n_outputs);
    if (tables->first_products[i] == i && product->offsets)
      write_offsets(to, "offsets", i, product->offsets, product->n_inputs);
  }
}

/* --- Products --- */

/* A function for a product on its way into the file: blocks of 'width' outputs from 'first' on. */
struct product_text {
  FILE *to;
  const struct step *step;
  int number, weights;
  int64_t first, width, n_blocks;
};

/* What stands before the index in a block: "16 * b + ", "64 + ", or nothing. */
static void write_block_start(const struct product_text *p, int64_t stride) {
  if (p->n_blocks > 1)
    fprintf(p->to, "%lld * b + ", (long long)(p->width * stride));
  if (p->first > 0)
    fprintf(p->to, "%lld + ", (long long)(p->first * stride));
}

static void write_input(const struct product_text *p) {
  const struct product *product = p->step->product;
  fprintf(p->to, "      const %s x = in[", source_type_name(p->step->element));
  if (product->offsets)
    fprintf(p->to, "offsets_%d[k]", p->number);
  else if (product->in_stride != 1)
    fprintf(p->to, "%lld * k", (long long)product->in_stride);
  else
    fputs("k", p->to);
  fputs("];\n", p->to);
}

static void write_start(const struct product_text *p) {
  const struct product *product = p->step->product;
  fprintf(p->to, "    %s totals[%lld], sums[%lld];\n", source_type_name(p->step->element),
          (long long)p->width, (long long)p->width);
  fprintf(p->to, "    for (int r = 0; r < %lld; ++r)\n      totals[r] = ", (long long)p->width);
  if (is_zero(p->step->element, product->bias, product->n_outputs)) {
    fputs("0;\n", p->to);
    return;
  }
  fprintf(p->to, "biases_%d[", p->weights);
  write_block_start(p, 1);
  fputs("r];\n", p->to);
}

static void write_sums(const struct product_text *p) {
  const int64_t n_inputs = p->step->product->n_inputs;
  const long long width = p->width;
  fprintf(p->to, "    for (int first = 0; first < %lld; first += %d) {\n", (long long)n_inputs,
          PRODUCT_PART);
  fprintf(p->to, "    const int end = %lld - first < %d ? %lld : first + %d;\n",
          (long long)n_inputs, PRODUCT_PART, (long long)n_inputs, PRODUCT_PART);
  fprintf(p->to, "    for (int r = 0; r < %lld; ++r)\n      sums[r] = 0;\n", width);
  fputs("    for (int k = first; k < end; ++k) {\n", p->to);
  write_input(p);
  fprintf(p->to, "      for (int r = 0; r < %lld; ++r)\n", (long long)p->width);
  fprintf(p->to, "        sums[r] = %s(weights_%d[",
          p->step->element == ELEMENT_FLOAT64 ? "fma" : "fmaf", p->weights);
  write_block_start(p, n_inputs);
  if (p->width > 1)
    fprintf(p->to, "%lld * ", (long long)p->width);
  fputs("k + r], x, sums[r]);\n    }\n", p->to);
  fprintf(p->to, "    for (int r = 0; r < %lld; ++r)\n      totals[r] += sums[r];\n    }\n", width);
}

static void write_end(const struct product_text *p) {
  const struct product *product = p->step->product;
  const char *type = source_type_name(p->step->element);
  fprintf(p->to, "    for (int r = 0; r < %lld; ++r)\n      out[", (long long)p->width);
  write_block_start(p, product->out_stride);
  if (product->out_stride != 1)
    fprintf(p->to, "%lld * ", (long long)product->out_stride);
  if (product->is_relu)
    fprintf(p->to, "r] = relu_%s(totals[r]);\n", type);
  else
    fputs("r] = totals[r];\n", p->to);
}

static void write_blocks(const struct product_text *p) {
  if (p->n_blocks == 0 || p->width == 0)
    return;
  if (p->n_blocks > 1)
    fprintf(p->to, "  for (int b = 0; b < %lld; ++b) {\n", (long long)p->n_blocks);
  else
    fputs("  {\n", p->to);
  write_start(p);
  write_sums(p);
  write_end(p);
  fputs("  }\n", p->to);
}

static void write_product(FILE *to, const struct source_tables *tables, int number) {
  const struct step *step = &tables->plan->steps[number];
  const struct product *product = step->product;
  const char *type = source_type_name(step->element);
  struct product_text text = {.to = to,
                              .step = step,
                              .number = number,
                              .weights = tables->first_weights[number],
                              .width = PRODUCT_BLOCK,
                              .n_blocks = product->n_outputs / PRODUCT_BLOCK};
  fprintf(to, "\n/* %lld sums of %lld products each. */\n", (long long)product->n_outputs,
          (long long)product->n_inputs);
  fprintf(to, "static void products_%d(const %s *restrict in, %s *restrict out) {\n", number, type,
          type);
  write_blocks(&text);
  text.first = text.n_blocks * PRODUCT_BLOCK;
  text.width = product->n_outputs - text.first;
  text.n_blocks = 1;
  write_blocks(&text);
  fputs("}\n", to);
}

void source_write_products(FILE *to, const struct source_tables *tables) {
  for (int i = 0; i < tables->plan->n_steps; ++i)
    if (tables->plan->steps[i].kind == STEP_PRODUCT && tables->first_products[i] == i)
      write_product(to, tables, i);
}
