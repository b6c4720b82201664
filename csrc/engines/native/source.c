/* source.c - the C file of a compiled emulator: heading, tables, functions, steps, interface. */
#include "engines/native/source.h"

#include <string.h>

#include "dtype.h"

/* Steps of one function: compilers take more than their share of time for long ones. */
enum { STEPS_OF_A_FUNCTION = 16 };

/* --- What is between the steps --- */

const char *source_work_name(enum element element) {
  return element == ELEMENT_FLOAT64 ? "doubles" : element == ELEMENT_INT32 ? "integers" : "reals";
}

const char *source_type_name(enum element element) {
  return element == ELEMENT_FLOAT64 ? "double" : element == ELEMENT_INT32 ? "int32_t" : "float";
}

int64_t source_work_start(const struct plan *plan, int place) {
  const struct buffer *buffer = &plan->buffers[place];
  return buffer->start / ((int64_t)element_bytes(buffer->element) / 4);
}

int64_t source_work_size(const struct plan *plan, enum element element) {
  int64_t size = 0;
  for (int i = 0; i < plan->n_buffers; ++i) {
    const struct buffer *buffer = &plan->buffers[i];
    if (buffer->element != element || buffer->start < 0 || buffer->parent >= 0)
      continue;
    const int64_t end = source_work_start(plan, i) + buffer->count;
    size = end > size ? end : size;
  }
  return size;
}

int64_t source_stack_bytes(const struct plan *plan) {
  int64_t bytes = 0;
  for (int element = 0; element < N_ELEMENTS; ++element)
    bytes += source_work_size(plan, (enum element)element) *
             (int64_t)element_bytes((enum element)element);
  return bytes;
}

/* --- Heading --- */

static const char *unit_of_batch(const struct source *s) {
  return s->is_field ? "sample" : "column";
}

static const char conditions[] =
    " * A call allocates nothing, keeps nothing and writes nothing but its outputs. The bits are\n"
    " * those of pyemu's engine 'native' if the compiler fuses and reorders nothing: no "
    "-ffast-math,\n"
    " * no -Ofast; Intel's compilers need -fp-model=precise, NVIDIA's -Kieee -Mnofma. Without\n"
    " * instructions for fma (x86-64: -mfma or -march=native) it is slow, with the same bits.\n"
    " */\n/* clang-format off */\n"
    "#include <math.h>\n#include <stdint.h>\n#include <string.h>\n\n"
    "#if defined __FAST_MATH__ || defined __ASSOCIATIVE_MATH__ || defined __RECIPROCAL_MATH__ || "
    "\\\n"
    "    (defined __FINITE_MATH_ONLY__ && __FINITE_MATH_ONLY__ > 0)\n"
    "#error \"compile this file without -ffast-math and its parts\"\n#endif\n"
    "#if defined __FLT_EVAL_METHOD__ && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16\n"
    "#error \"float and double must be computed as such: on x86 with -mfpmath=sse\"\n#endif\n"
    "#if defined __GNUC__ && !defined __clang__\n#pragma GCC optimize(\"fp-contract=off\")\n"
    "#else\n#pragma STDC FP_CONTRACT OFF\n#endif\n"
    "#ifdef _OPENMP\n#pragma omp declare target\n#endif\n";

static void write_heading(FILE *to, const struct source *s) {
  fputs("/*\n * The emulator '", to);
  source_write_comment(to, s->card_name);
  fputs("', version ", to);
  source_write_comment(to, s->card_version);
  fprintf(to,
          ", as C: written by 'pyemu compile' of pyemu %s\n * from the file with SHA-256 %s.\n *\n"
          "%s * %s computes one %s, %s_columns many; each %s needs %lld bytes on the stack.\n%s",
          pyemu_version(), s->sha256,
          s->plan->real == ELEMENT_FLOAT64
              ? " * In precision 'real64': what is float32 in the file "
                "is double here.\n *\n"
              : "",
          s->name, unit_of_batch(s), s->name, unit_of_batch(s),
          (long long)source_stack_bytes(s->plan), conditions);
}

/* --- Steps --- */

/* The last step of the function that begins with step 'first', and one. */
static int end_of_steps(const struct plan *plan, int first) {
  return plan->n_steps - first < STEPS_OF_A_FUNCTION ? plan->n_steps : first + STEPS_OF_A_FUNCTION;
}

static int uses_element(const struct plan *plan, int first, int last, enum element element) {
  for (int i = first; i < last; ++i) {
    const struct step *step = &plan->steps[i];
    if (step->element == element || (step->kind == STEP_CONVERT && step->converted == element))
      return 1;
  }
  return 0;
}

static void write_functions_of_steps(FILE *to, const struct source_tables *tables) {
  const struct plan *plan = tables->plan;
  for (int first = 0; first < plan->n_steps; first += STEPS_OF_A_FUNCTION) {
    const int last = end_of_steps(plan, first);
    const char *before = "";
    fprintf(to, "\nstatic void steps_%d(", first);
    for (int element = 0; element < N_ELEMENTS; ++element) {
      if (!uses_element(plan, first, last, (enum element)element))
        continue;
      fprintf(to, "%s%s *restrict %s", before, source_type_name((enum element)element),
              source_work_name((enum element)element));
      before = ", ";
    }
    fputs(") {\n", to);
    source_write_steps(to, tables, first, last);
    fputs("}\n", to);
  }
}

static void write_calls_of_steps(FILE *to, const struct plan *plan) {
  for (int first = 0; first < plan->n_steps; first += STEPS_OF_A_FUNCTION) {
    const int last = end_of_steps(plan, first);
    const char *before = "";
    fprintf(to, "  steps_%d(", first);
    for (int element = 0; element < N_ELEMENTS; ++element) {
      if (!uses_element(plan, first, last, (enum element)element))
        continue;
      fprintf(to, "%s%s", before, source_work_name((enum element)element));
      before = ", ";
    }
    fputs(");\n", to);
  }
}

/* --- Interface --- */

static void write_parameters(FILE *to, const struct source *s, const char *leading) {
  fputs(leading, to);
  for (int i = 0; i < s->n_arguments; ++i) {
    const struct source_argument *a = &s->arguments[i];
    fprintf(to, "%s\n    %s%s *%s", i > 0 || *leading ? "," : "",
            a->variable->direction == PYEMU_INPUT ? "const " : "",
            source_type_name(a->view->element), a->name);
  }
  fputs(") {\n", to);
}

static int has_stride(const struct source_argument *a) { return a->variable->has_batch; }

/* Copy all of an argument to, or from, its place between the steps. */
static void write_copy(FILE *to, const struct source *s, const struct source_argument *a) {
  const struct view *view = a->view;
  const long long start = (long long)(source_work_start(s->plan, view->place) + view->offset);
  const long long size = a->variable->width;
  const char *work = source_work_name(view->element), *stride = has_stride(a) ? " * stride" : "";
  if (a->variable->width == 1 && a->variable->direction == PYEMU_INPUT)
    fprintf(to, "  %s[%lld] = *%s;\n", work, start, a->name);
  else if (a->variable->width == 1)
    fprintf(to, "  *%s = %s[%lld];\n", a->name, work, start);
  else if (a->variable->direction == PYEMU_INPUT)
    fprintf(to, "  for (int k = 0; k < %lld; ++k)\n    %s[%lld + k] = %s[k%s];\n", size, work,
            start, a->name, stride);
  else
    fprintf(to, "  for (int k = 0; k < %lld; ++k)\n    %s[k%s] = %s[%lld + k];\n", size, a->name,
            stride, work, start);
}

/* The function behind both of the interface: elements of a column are 'stride' apart. */
static void write_run_one(FILE *to, const struct source *s) {
  fprintf(to, "\n/* One %s, of which the elements lie 'stride' apart. */\nstatic void run_one_%s(",
          unit_of_batch(s), unit_of_batch(s));
  write_parameters(to, s, "int64_t stride");
  for (int element = 0; element < N_ELEMENTS; ++element) {
    const int64_t size = source_work_size(s->plan, (enum element)element);
    if (size > 0)
      fprintf(to, "  %s %s[%lld];\n", source_type_name((enum element)element),
              source_work_name((enum element)element), (long long)size);
  }
  fputs("  (void)stride;\n", to);
  for (int i = 0; i < s->n_arguments; ++i)
    if (s->arguments[i].variable->direction == PYEMU_INPUT)
      write_copy(to, s, &s->arguments[i]);
  write_calls_of_steps(to, s->plan);
  for (int i = 0; i < s->n_arguments; ++i)
    if (s->arguments[i].variable->direction != PYEMU_INPUT)
      write_copy(to, s, &s->arguments[i]);
  fputs("}\n", to);
}

/* What an argument is: "name, float[60]: standard_name [units], by layer". */
static void write_description(FILE *to, const struct source_argument *a) {
  const struct variable *v = a->variable;
  fprintf(to, " *   %s, %s", a->name, source_type_name(a->view->element));
  for (int i = 0; i < v->n_dims; ++i)
    fprintf(to, "[%lld]", (long long)v->dims[i].size);
  fputs(": ", to);
  source_write_comment(to, v->standard_name ? v->standard_name : v->name);
  fputs(" [", to);
  source_write_comment(to, v->units ? v->units : "1");
  fputs("]", to);
  for (int i = 0; i < v->n_dims; ++i) {
    fputs(i ? ", " : ", by ", to);
    source_write_comment(to, v->dims[i].name);
  }
  fputs(v->has_batch ? "\n" : ", the same for all\n", to);
}

static void write_arguments(FILE *to, const struct source *s, const char *shift) {
  for (int i = 0; i < s->n_arguments; ++i)
    fprintf(to, ",\n      %s%s", s->arguments[i].name, has_stride(&s->arguments[i]) ? shift : "");
  fputs(");\n}\n", to);
}

/* What is said of all arguments, before the first function. */
static void write_descriptions(FILE *to, const struct source *s) {
  fprintf(to, "\n/*\n * One %s. Inputs:\n", unit_of_batch(s));
  for (int i = 0; i < s->n_arguments; ++i) {
    const int is_input = s->arguments[i].variable->direction == PYEMU_INPUT;
    if (!is_input && i > 0 && s->arguments[i - 1].variable->direction == PYEMU_INPUT)
      fputs(" * Outputs, which must lie in other memory:\n", to);
    write_description(to, &s->arguments[i]);
  }
  fputs(" * All are dense, the last dimension fastest.\n */\n", to);
}

static void write_interface(FILE *to, const struct source *s) {
  const char *unit = unit_of_batch(s);
  write_descriptions(to, s);
  fprintf(to, "void %s(", s->name);
  write_parameters(to, s, "");
  fprintf(to, "  run_one_%s(1", unit);
  write_arguments(to, s, "");
  fprintf(to,
          "\n/*\n * So many %ss. Element k of %s c is at [k * stride + c], as in a Fortran array "
          "(stride, ...), of which\n * the first dimension is n_columns or more.\n */\n"
          "void %s_columns(",
          unit, unit, s->name);
  write_parameters(to, s, "int64_t n_columns, int64_t stride");
  fprintf(to, "  for (int64_t c = 0; c < n_columns; ++c)\n    run_one_%s(stride", unit);
  write_arguments(to, s, " + c");
  fputs("\n#ifdef _OPENMP\n#pragma omp end declare target\n#endif\n", to);
}

int source_write_c(FILE *to, const struct source *source, const struct error *error) {
  struct source_tables tables;
  int status = source_find_tables(&tables, source->plan, error);
  if (status == PYEMU_OK) {
    write_heading(to, source);
    source_write_tables(to, &tables);
    status = source_write_functions(to, source->plan, error);
  }
  if (status == PYEMU_OK) {
    source_write_products(to, &tables);
    write_functions_of_steps(to, &tables);
    write_run_one(to, source);
    write_interface(to, source);
  }
  source_free_tables(&tables);
  return status;
}
