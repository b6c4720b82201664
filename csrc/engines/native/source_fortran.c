/* source_fortran.c - the Fortran module with the interfaces to a compiled emulator. */
#include <string.h>

#include "engines/native/source.h"

static const char *kind_of(enum element element) {
  return element == ELEMENT_FLOAT64 ? "real(c_double)"
         : element == ELEMENT_INT32 ? "integer(c_int32_t)"
                                    : "real(c_float)";
}

static const char *kind_name(enum element element) {
  return element == ELEMENT_FLOAT64 ? "c_double"
         : element == ELEMENT_INT32 ? "c_int32_t"
                                    : "c_float";
}

static int has_element(const struct source *s, enum element element) {
  for (int i = 0; i < s->n_arguments; ++i)
    if (s->arguments[i].view->element == element)
      return 1;
  return 0;
}

static void write_kinds(FILE *to, const struct source *s, const char *more) {
  const char *before = "";
  for (int element = 0; element < N_ELEMENTS; ++element)
    if (has_element(s, (enum element)element)) {
      fprintf(to, "%s%s", before, kind_name((enum element)element));
      before = ", ";
    }
  fprintf(to, "%s\n", more);
}

/* "(stride, 4, 60)": C's dimensions turned round; nothing for one number. */
static void write_shape(FILE *to, const struct source_argument *a, int has_columns) {
  const struct variable *v = a->variable;
  const char *before = "(";
  if (has_columns && v->has_batch) {
    fputs("(stride", to);
    before = ", ";
  }
  for (int i = v->n_dims - 1; i >= 0; --i) {
    fprintf(to, "%s%lld", before, (long long)v->dims[i].size);
    before = ", ";
  }
  if (strcmp(before, ", ") == 0)
    fputc(')', to);
}

static void write_argument(FILE *to, const struct source_argument *a, int has_columns) {
  const struct variable *v = a->variable;
  fprintf(to, "      %s, intent(%s) :: %s", kind_of(a->view->element),
          v->direction == PYEMU_INPUT ? "in"
          : has_columns               ? "inout" /* what lies behind the last column stays */
                                      : "out",
          a->name);
  write_shape(to, a, has_columns);
  fputs("\n        !! ", to);
  source_write_comment(to, v->standard_name ? v->standard_name : v->name);
  fputs(" [", to);
  source_write_comment(to, v->units ? v->units : "1");
  fputs("]", to);
  for (int i = v->n_dims - 1; i >= 0; --i) {
    fputs(", ", to);
    source_write_comment(to, v->dims[i].name);
  }
  if (!v->has_batch)
    fputs(", the same for all", to);
  fputc('\n', to);
}

static void write_subroutine(FILE *to, const struct source *s, int has_columns) {
  const char *suffix = has_columns ? "_columns" : "";
  fprintf(to, "    pure subroutine %s%s( &\n", s->name, suffix);
  if (has_columns)
    fputs("        n_columns, stride, &\n", to);
  for (int i = 0; i < s->n_arguments; ++i)
    fprintf(to, "        %s%s &\n", s->arguments[i].name, i + 1 < s->n_arguments ? "," : "");
  fprintf(to, "        ) bind(c, name='%s%s')\n", s->name, suffix);
  const char *unit = s->is_field ? "sample" : "column";
  if (has_columns)
    fprintf(to, "      !! The first n_columns %ss of arrays whose first dimension is 'stride'.\n",
            unit);
  else
    fprintf(to, "      !! One %s.\n", unit);
  fputs("      import :: ", to);
  write_kinds(to, s, has_columns ? ", c_int64_t" : "");
  fputs("      implicit none\n      !$omp declare target\n", to);
  if (has_columns)
    fputs("      integer(c_int64_t), value, intent(in) :: n_columns, stride\n", to);
  for (int i = 0; i < s->n_arguments; ++i)
    write_argument(to, &s->arguments[i], has_columns);
  fprintf(to, "    end subroutine %s%s\n", s->name, suffix);
}

void source_write_fortran(FILE *to, const struct source *source) {
  fprintf(to, "module %s_emulator\n  !! The emulator '", source->name);
  source_write_comment(to, source->card_name);
  fputs("', version ", to);
  source_write_comment(to, source->card_version);
  fprintf(to,
          ", compiled to C: the file beside this one.\n"
          "  !! Made from the file with SHA-256 %s.\n",
          source->sha256);
  fputs("  use, intrinsic :: iso_c_binding, only: ", to);
  write_kinds(to, source, ", c_int64_t");
  fprintf(to,
          "  implicit none\n  private\n  public :: %s, %s_columns\n\n  interface\n"
          "    ! Dimensions are in Fortran's order, the first one fastest.\n",
          source->name, source->name);
  write_subroutine(to, source, 0);
  fputc('\n', to);
  write_subroutine(to, source, 1);
  fprintf(to, "  end interface\nend module %s_emulator\n", source->name);
}
