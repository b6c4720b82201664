/*
 * source.h - a plan as source text: one C file that computes one column after the other, with the
 * weights inside and the bits of the engine, and a Fortran module with the interfaces to it.
 */
#ifndef NATIVE_SOURCE_H
#define NATIVE_SOURCE_H

#include <stdio.h>

#include "card.h"
#include "engines/native/plan.h"

/* Longest name that Fortran knows. */
enum { SOURCE_NAME = 63 };

/* An argument: a variable of the card, what it is called, and its tensor in the plan. */
struct source_argument {
  const struct variable *variable;
  char name[SOURCE_NAME + 1];
  const struct view *view;
};

struct source {
  const char *name; /* of the function for one column */
  const char *card_name;
  const char *card_version;
  const char *sha256; /* of the emulator file */
  int is_field;       /* samples of fields in place of columns */
  const struct plan *plan;
  struct source_argument *arguments; /* inputs, then outputs, as on the card */
  int n_arguments;
};

/* See that the name can be that of a C function and a Fortran subroutine, with what is appended to
 * it. Errors: ARGUMENT. */
int source_check_name(const char *name, const struct error *error);

/* Name the arguments of a function after their variables: lower case, valid in C and Fortran, all
 * different. */
void source_name_arguments(struct source_argument *arguments, int n, const char *function);

/* Bytes that a call needs on the stack for what is between the steps. */
int64_t source_stack_bytes(const struct plan *plan);

/* Write the files. Errors: UNSUPPORTED, MEMORY. What could not be written the stream knows. */
int source_write_c(FILE *to, const struct source *source, const struct error *error);
void source_write_fortran(FILE *to, const struct source *source);

/* --- Shared by the writers --- */

/* What is between the steps, by element type: an array of its own for each, in the plan's order. */
int64_t source_work_size(const struct plan *plan, enum element element);
int64_t source_work_start(const struct plan *plan, int place);
const char *source_work_name(enum element element);
const char *source_type_name(enum element element);

/* A number as a literal of its type, without rounding. */
void source_write_number(FILE *to, enum element element, const void *values, int64_t index);

/* A text of the card inside a comment, which it cannot end. */
void source_write_comment(FILE *to, const char *text);

/* What the steps share: tables of numbers, and functions for products, which are called by the
 * number of the first step that needs them. */
struct source_tables {
  const struct plan *plan;
  int *first_products; /* by step: the first with the same product */
  int *first_weights;  /* by step: the first with the same weights */
  char *is_table;      /* by constant: 1 if it is read element by element */
};

int source_find_tables(struct source_tables *tables, const struct plan *plan,
                       const struct error *error);
void source_free_tables(struct source_tables *tables);
void source_write_tables(FILE *to, const struct source_tables *tables);
void source_write_products(FILE *to, const struct source_tables *tables);

/* 1 if the operand is one number of a constant, which is written in its place. */
int source_is_number(const struct step *step, const struct operand *operand);

/* The distance from one element that STEP_REDUCE takes to the next; 0 if there is none for all. */
int64_t source_distance(const struct step *step);

/* Write the loops of steps 'first' to 'last', one after the other. */
void source_write_steps(FILE *to, const struct source_tables *tables, int first, int last);

/* Write the functions of elements that the plan uses, and what they use. Errors: UNSUPPORTED,
 * MEMORY. */
int source_write_functions(FILE *to, const struct plan *plan, const struct error *error);

/* 1 if one of these functions, or a table of theirs, has the name. */
int source_is_in_text(const char *name);

/* The name of the function of a step, without its type; NULL if it is an operator of C or a copy.
 */
const char *source_function(const struct step *step);

#endif
