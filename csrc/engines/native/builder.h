/* builder.h - what the planners of operators work with. */
#ifndef NATIVE_BUILDER_H
#define NATIVE_BUILDER_H

#include "engines/native/plan.h"

/* What is known of a value of the graph while it is planned. */
enum value_kind { VALUE_UNKNOWN, VALUE_TENSOR, VALUE_INTEGERS };

/* Whole numbers that shapes are made of: known now, but for the number of columns. */
struct integers {
  int rank; /* 0 or more dimensions */
  int64_t dims[MODEL_MAX_RANK];
  int64_t count;
  struct extent *at;
};

struct value {
  enum value_kind kind;
  struct view view;         /* of a tensor */
  struct integers integers; /* of integers */
};

struct builder {
  struct plan *plan;
  const struct model *model;
  struct arena *arena;
  const struct error *error;
  struct value *values;
  int *uses;                     /* by value: how often nodes and outputs of the graph read it */
  const struct model_node *node; /* that is being planned */
  int step_room, buffer_room, constant_room;
  int64_t work; /* done on constants */
};

/* An operator of ONNX and who plans it. 'function' is for the planner. */
struct planner {
  const char *type;
  int (*plan)(struct builder *builder, int function);
  int function;
  int least_inputs, most_inputs;
};

/* The operators of each family, ended by one without a type. */
extern const struct planner elementwise_planners[], shape_planners[], reduce_planners[],
    normal_planners[], product_planners[], recurrent_planners[], space_planners[], pool_planners[],
    resize_planners[];

/* Say why this node cannot be planned. Returns UNSUPPORTED. */
int builder_fail(struct builder *builder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int builder_fail_memory(struct builder *builder);

/* The element of ONNX's type FLOAT, DOUBLE, INT32 or BOOL; any other is taken for FLOAT. */
enum element builder_element(const struct builder *builder, int64_t type);

/* 1 if the node has this input or output. */
int builder_has_input(const struct builder *builder, int index);
int builder_has_output(const struct builder *builder, int index);

/* An input as a tensor, or as integers. Whole numbers are a tensor where they know no batch. */
int builder_tensor(struct builder *builder, int index, struct view *view);
int builder_integers(struct builder *builder, int index, const struct integers **integers);

/* The list of integers of an attribute or, since a later opset, of an input; '*count' is -1 if it
 * is given in neither way. */
int builder_list(struct builder *builder, const char *attribute, int input, const int64_t **list,
                 int64_t *count);

/* Set an output of the node. */
void builder_set(struct builder *builder, int output, const struct view *view);
int builder_set_integers(struct builder *builder, int output, const struct integers *integers);

/* Make a value of the graph a constant, or whole numbers: in plan.c, which does so with those of
 * the file. */
int plan_set_constant(struct builder *builder, int value, const struct model_tensor *tensor);

/* An axis as an attribute gives it, negative from the end; 'n_axes' is that of the tensor. */
int builder_axis(struct builder *builder, int64_t given, int n_axes, int *axis);

/* A new dense tensor with the axes of a view: a constant if 'is_constant', else a buffer. */
int builder_new(struct builder *builder, const struct view *like, enum element element,
                int is_constant, struct view *made);

/* A constant of one value, and the value of a constant of one element. */
int builder_scalar(struct builder *builder, enum element element, double value, struct view *view);
int builder_number(const struct builder *builder, const struct view *view, double *number);

int view_is_constant(const struct view *view);

/* A dense copy; 'view' is replaced. */
int builder_pack(struct builder *builder, struct view *view);

/* The same elements in axes of other sizes, and 'count' elements of an axis from 'start' on: in a
 * dense copy where a view will not do; 'view' is replaced. */
int builder_reshape(struct builder *builder, struct view *view, const struct extent *extents,
                    int n_axes);
int builder_cut(struct builder *builder, struct view *view, int axis, int64_t start, int64_t step,
                int64_t count);

/* The axes of a tensor that both can be repeated to. */
int builder_broadcast(struct builder *builder, const struct view *inputs, int n,
                      struct view *shape);

/* Set loops and operands of a step over all elements of 'out', the inputs repeated where they have
 * one element; and append it to the plan. A step of constants alone is run now. */
int builder_emit(struct builder *builder, struct step *step, const struct view *out,
                 const struct view *inputs, int n_inputs);

/* The same in one: a new tensor that is a function of others. */
int builder_apply(struct builder *builder, enum step_kind kind, int function,
                  const struct view *inputs, int n_inputs, struct view *made);
int builder_unary(struct builder *builder, enum unary function, const struct view *in,
                  struct view *made);
int builder_binary(struct builder *builder, enum binary function, const struct view *a,
                   const struct view *b, struct view *made);

/* Reduce along the marked axes, which stay with one element; 'view' is replaced. */
int builder_reduce(struct builder *builder, enum reduction function, const int *is_taken,
                   struct view *view);

/* The sum along an axis, which stays with one element; 'view' is replaced. */
int builder_sum(struct builder *builder, struct view *view, int axis);

/* A tensor in another type; 'view' is replaced. Nothing becomes an integer. */
int builder_convert(struct builder *builder, struct view *view, enum element to);

/* Copy a tensor to where a view lies. */
int builder_copy(struct builder *builder, const struct view *from, const struct view *to);

#endif
