/* source_steps.c - every step of a plan as loops over literal bounds. */
#include <string.h>

#include "engines/native/source.h"

static const char indices[] = "ijklmnopqrst";

_Static_assert(sizeof indices - 1 >= STEP_MAX_LOOPS, "there is a name for every index");

enum { MAX_OPERANDS = 1 + STEP_MAX_INPUTS };

/* The loops of a step, joined where they are one in the memory of all operands. */
struct loops {
  int n_operands;
  struct operand operands[MAX_OPERANDS]; /* the output first */
  int n_loops;
  int64_t sizes[STEP_MAX_LOOPS];
};

static int can_join(const struct loops *loops, int outer, int inner) {
  for (int i = 0; i < loops->n_operands; ++i) {
    const int64_t *strides = loops->operands[i].strides;
    if (strides[outer] != strides[inner] * loops->sizes[inner])
      return 0;
  }
  return 1;
}

static void remove_loop(struct loops *loops, int at) {
  const size_t behind = (size_t)(loops->n_loops - at - 1);
  memmove(&loops->sizes[at], &loops->sizes[at + 1], behind * sizeof loops->sizes[0]);
  for (int k = 0; k < loops->n_operands; ++k)
    memmove(&loops->operands[k].strides[at], &loops->operands[k].strides[at + 1],
            behind * sizeof loops->sizes[0]);
  --loops->n_loops;
}

static struct loops make_loops(const struct step *step) {
  struct loops loops = {.n_operands = 1 + step_n_inputs(step), .n_loops = step->n_loops};
  loops.operands[0] = step->out;
  for (int i = 1; i < loops.n_operands; ++i)
    loops.operands[i] = step->in[i - 1];
  memcpy(loops.sizes, step->sizes, sizeof loops.sizes);
  for (int i = loops.n_loops - 1; i >= 0; --i)
    if (loops.sizes[i] == 1)
      remove_loop(&loops, i);
  for (int i = loops.n_loops - 2; i >= 0; --i) {
    if (!can_join(&loops, i, i + 1))
      continue;
    loops.sizes[i + 1] *= loops.sizes[i];
    remove_loop(&loops, i);
  }
  return loops;
}

static void indent(FILE *to, int depth) { fprintf(to, "%*s", 2 * depth + 2, ""); }

/* The heads of all loops; a block follows if 'has_block'. */
static void write_heads(FILE *to, const struct loops *loops, int has_block) {
  for (int i = 0; i < loops->n_loops; ++i) {
    const int opens = has_block && i == loops->n_loops - 1;
    indent(to, i);
    fprintf(to, "for (int %c = 0; %c < %lld; ++%c)%s\n", indices[i], indices[i],
            (long long)loops->sizes[i], indices[i], opens ? " {" : "");
  }
  if (has_block && loops->n_loops == 0)
    fputs("  {\n", to);
}

/* "16 + 8 * i + j" */
static void write_index(FILE *to, const struct loops *loops, int64_t start,
                        const struct operand *operand) {
  int is_empty = start == 0;
  if (!is_empty)
    fprintf(to, "%lld", (long long)start);
  for (int i = 0; i < loops->n_loops; ++i) {
    const int64_t stride = operand->strides[i];
    if (stride == 0)
      continue;
    fputs(is_empty ? (stride < 0 ? "-" : "") : stride < 0 ? " - " : " + ", to);
    if (stride != 1 && stride != -1)
      fprintf(to, "%lld * ", (long long)(stride < 0 ? -stride : stride));
    fputc(indices[i], to);
    is_empty = 0;
  }
  if (is_empty)
    fputc('0', to);
}

/* The array of an operand, and where its elements begin there. */
static int64_t write_array(FILE *to, const struct plan *plan, const struct operand *operand,
                           enum element element) {
  if (operand->place < 0)
    fprintf(to, "constant_%d", CONSTANT_PLACE(operand->place));
  else
    fputs(source_work_name(element), to);
  return operand->offset + (operand->place < 0 ? 0 : source_work_start(plan, operand->place));
}

int source_is_number(const struct step *step, const struct operand *operand) {
  if (operand->place >= 0 || step->kind == STEP_REDUCE || step->kind == STEP_PRODUCT)
    return 0;
  for (int i = 0; i < step->n_loops; ++i)
    if (operand->strides[i] != 0 && step->sizes[i] > 1)
      return 0;
  return 1;
}

static void write_element(FILE *to, const struct plan *plan, const struct step *step,
                          const struct loops *loops, int k) {
  const struct operand *operand = &loops->operands[k];
  const enum element element =
      k == 0 && step->kind == STEP_CONVERT ? step->converted : step->element;
  if (k > 0 && source_is_number(step, &step->in[k - 1])) {
    source_write_number(to, element, plan->constants[CONSTANT_PLACE(operand->place)].values,
                        operand->offset);
    return;
  }
  const int64_t start = write_array(to, plan, operand, element);
  fputc('[', to);
  write_index(to, loops, start, operand);
  fputc(']', to);
}

static int n_parameters(const struct step *step) {
  if (step->kind != STEP_UNARY)
    return 0;
  return step->function == UNARY_LEAKY_RELU                                    ? 1
         : step->function == UNARY_ELU || step->function == UNARY_HARD_SIGMOID ? 2
                                                                               : 0;
}

/* A parameter is rounded to the type of the elements, as the kernels do. */
static void write_parameter(FILE *to, const struct step *step, int i) {
  const float rounded = (float)step->parameters[i];
  source_write_number(to, step->element,
                      step->element == ELEMENT_FLOAT64 ? (const void *)&step->parameters[i]
                                                       : (const void *)&rounded,
                      0);
}

static void write_call(FILE *to, const struct plan *plan, const struct step *step,
                       const struct loops *loops) {
  fprintf(to, "%s_%s(", source_function(step), source_type_name(step->element));
  for (int k = 1; k < loops->n_operands; ++k) {
    fputs(k > 1 ? ", " : "", to);
    write_element(to, plan, step, loops, k);
  }
  for (int i = 0; i < n_parameters(step); ++i) {
    fputs(", ", to);
    write_parameter(to, step, i);
  }
  fputc(')', to);
}

/* What stands before the first input, and between it and the second. */
static const char *operator_before(const struct step *step) {
  if (step->kind == STEP_UNARY && step->function == UNARY_NEGATE)
    return "-";
  if (step->kind == STEP_UNARY && step->function == UNARY_RECIPROCAL)
    return "1 / ";
  if (step->kind == STEP_CONVERT)
    return step->converted == ELEMENT_FLOAT64 ? "(double)" : "(float)";
  return "";
}

static const char *operator_between(int function) {
  return function == BINARY_ADD        ? " + "
         : function == BINARY_SUBTRACT ? " - "
         : function == BINARY_MULTIPLY ? " * "
                                       : " / ";
}

static void write_elements(FILE *to, const struct plan *plan, const struct step *step) {
  const struct loops loops = make_loops(step);
  write_heads(to, &loops, 0);
  indent(to, loops.n_loops);
  write_element(to, plan, step, &loops, 0);
  fputs(" = ", to);
  if (source_function(step)) {
    write_call(to, plan, step, &loops);
  } else {
    fputs(operator_before(step), to);
    write_element(to, plan, step, &loops, 1);
    if (step->kind == STEP_BINARY) {
      fputs(operator_between(step->function), to);
      write_element(to, plan, step, &loops, 2);
    }
  }
  fputs(";\n", to);
}

/* --- Reductions and products --- */

int64_t source_distance(const struct step *step) {
  const int64_t distance = step->n_reduced > 1 ? step->reduced[1] : 1;
  for (int64_t k = 0; k < step->n_reduced; ++k)
    if (step->reduced[k] != k * distance)
      return 0;
  return distance;
}

static void write_reduced(FILE *to, const struct plan *plan, const struct step *step,
                          const struct loops *loops, int number) {
  const int64_t distance = source_distance(step);
  const int64_t start = write_array(to, plan, &loops->operands[1], step->element);
  fputc('[', to);
  write_index(to, loops, start, &loops->operands[1]);
  if (!distance)
    fprintf(to, " + reduced_%d[z]]", number);
  else if (distance == 1)
    fputs(" + z]", to);
  else
    fprintf(to, " + %lld * z]", (long long)distance);
}

/* "parts[i] = parts[i] op ": what is behind it, and the end, the caller writes. */
static void write_accumulate(FILE *to, const struct step *step, const char *part) {
  const char *function = source_function(step);
  if (function)
    fprintf(to, "%s = %s_%s(%s, ", part, function, source_type_name(step->element), part);
  else
    fprintf(to, "%s = %s %c ", part, part, step->function == REDUCE_SUM ? '+' : '*');
}

/* Elements are dealt out to REDUCE_PARTS results, which are then joined in order. */
static void write_reduce(FILE *to, const struct plan *plan, const struct step *step, int number) {
  const struct loops loops = make_loops(step);
  const int depth = loops.n_loops > 0 ? loops.n_loops : 1;
  const int n_parts = step->n_reduced < REDUCE_PARTS ? (int)step->n_reduced : REDUCE_PARTS;
  const char *end = source_function(step) ? ");\n" : ";\n";
  char part_of_element[32];
  snprintf(part_of_element, sizeof part_of_element, "parts[z %% %d]", REDUCE_PARTS);
  write_heads(to, &loops, 1);
  indent(to, depth);
  fprintf(to, "%s parts[%d];\n", source_type_name(step->element), n_parts);
  indent(to, depth);
  fprintf(to, "for (int z = 0; z < %d; ++z)\n", n_parts);
  indent(to, depth + 1);
  fputs("parts[z] = ", to);
  write_reduced(to, plan, step, &loops, number);
  fputs(";\n", to);
  indent(to, depth);
  fprintf(to, "for (int z = %d; z < %lld; ++z)\n", n_parts, (long long)step->n_reduced);
  indent(to, depth + 1);
  write_accumulate(to, step, part_of_element);
  write_reduced(to, plan, step, &loops, number);
  fputs(end, to);
  indent(to, depth);
  fprintf(to, "for (int z = 1; z < %d; ++z)\n", n_parts);
  indent(to, depth + 1);
  write_accumulate(to, step, "parts[0]");
  fprintf(to, "parts[z]%s", end);
  indent(to, depth);
  write_element(to, plan, step, &loops, 0);
  fputs(" = parts[0];\n", to);
  indent(to, depth - 1);
  fputs("}\n", to);
}

static void write_product_call(FILE *to, const struct source_tables *tables, int number) {
  const struct plan *plan = tables->plan;
  const struct step *step = &plan->steps[number];
  const struct loops loops = make_loops(step);
  write_heads(to, &loops, 0);
  indent(to, loops.n_loops);
  fprintf(to, "products_%d(", tables->first_products[number]);
  for (int k = 1; k >= 0; --k) {
    fputc('&', to);
    write_element(to, plan, step, &loops, k);
    fputs(k ? ", " : ");\n", to);
  }
}

void source_write_steps(FILE *to, const struct source_tables *tables, int first, int last) {
  for (int i = first; i < last; ++i) {
    const struct step *step = &tables->plan->steps[i];
    if (step->kind == STEP_REDUCE)
      write_reduce(to, tables->plan, step, i);
    else if (step->kind == STEP_PRODUCT)
      write_product_call(to, tables, i);
    else
      write_elements(to, tables->plan, step);
  }
}
