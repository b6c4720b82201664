/* Arrays of every rank, stride and type go to the tensor and back as an element-by-element copy
 * says. */
#include "array.h"
#include "check.h"
#include "dtype.h"

static char message[512];
static uint64_t random_state = 88172645463325252u;

static int64_t random_below(int64_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (int64_t)(random_state >> 11) % n;
}

/* An array inside a block of memory with gaps between its elements. */
struct sample {
  pyemu_array array;
  struct variable variable;
  int level_dim;
  int item[PYEMU_MAX_RANK]; /* by dimension: that of the item it stands for, -1 for columns */
  int64_t columns;
  int64_t n_used; /* columns that are copied */
  char *block;
  size_t block_size;
};

/* Draw strides: the dimensions in any order, with gaps, some backwards. */
static void draw_strides(struct sample *s) {
  pyemu_array *a = &s->array;
  int order[PYEMU_MAX_RANK];
  int64_t stride = (int64_t)dtype_size(a->dtype), start = 0;
  for (int i = 0; i < a->rank; ++i)
    order[i] = i;
  for (int i = a->rank - 1; i > 0; --i) {
    int j = (int)random_below(i + 1), keep = order[i];
    order[i] = order[j];
    order[j] = keep;
  }
  for (int i = 0; i < a->rank; ++i) {
    int d = order[i];
    stride *= random_below(3) == 0 ? 2 : 1;
    stride += random_below(8) == 0 ? 1 + random_below(3) : 0; /* unaligned elements */
    a->strides[d] = stride;
    stride *= a->shape[d];
    if (random_below(4) == 0) {
      start += a->strides[d] * (a->shape[d] - 1);
      a->strides[d] = -a->strides[d];
    }
  }
  s->block_size = (size_t)stride + 16;
  s->block = malloc(s->block_size);
  a->data = s->block + start;
}

/* Give the array a level, or the dimensions of a field in the card's or the reverse order. */
static void draw_items(struct sample *s) {
  const int rank = s->array.rank;
  const int64_t sort = rank > 0 ? random_below(4) : 0;
  s->variable = (struct variable){.name = "x", .units = "1", .width = 1, .has_batch = 1};
  for (int i = 0; i < rank; ++i)
    s->item[i] = -1;
  if (sort == 1) {
    int level = (int)random_below(rank);
    s->item[level] = 0;
    s->variable.is_level = s->variable.n_dims = 1;
    s->level_dim = level < rank - 1 || random_below(2) ? level : PYEMU_LAST_DIM;
  } else if (sort > 1) {
    int n = rank == 1 ? 1 : rank - (int)random_below(2), first = rank - n;
    s->variable.n_dims = n;
    s->level_dim = sort == 2 ? PYEMU_LAST_DIM : PYEMU_REVERSED_DIMS;
    for (int k = 0; k < n; ++k)
      s->item[sort == 2 ? first + k : n - 1 - k] = k;
  }
  for (int i = 0; i < rank; ++i)
    if (s->item[i] >= 0) {
      s->variable.dims[s->item[i]] = (struct dimension){"layer", s->array.shape[i]};
      s->variable.width *= s->array.shape[i];
    }
}

static struct sample draw_sample(int32_t host, int32_t tensor, int32_t direction) {
  struct sample s = {.level_dim = PYEMU_LAST_DIM, .columns = 1};
  s.array.dtype = host;
  s.array.rank = (int32_t)random_below(PYEMU_MAX_RANK + 1);
  int64_t largest = s.array.rank <= 2 ? 70 : s.array.rank <= 4 ? 7 : 3;
  for (int i = 0; i < s.array.rank; ++i)
    s.array.shape[i] = 1 + random_below(largest);
  draw_items(&s);
  s.variable.dtype = tensor;
  s.variable.direction = direction;
  for (int i = 0; i < s.array.rank; ++i)
    s.columns *= s.item[i] >= 0 ? 1 : s.array.shape[i];
  s.n_used = random_below(3) ? s.columns : random_below(s.columns + 1);
  draw_strides(&s);
  return s;
}

/* Address of an element by its definition: columns count with the first dimension fastest, elements
 * of an item with its last dimension fastest. */
static char *element_at(const struct sample *s, int64_t column, int64_t element) {
  int64_t index[PYEMU_MAX_RANK];
  char *at = s->array.data;
  for (int k = s->variable.n_dims - 1; k >= 0; --k) {
    index[k] = element % s->variable.dims[k].size;
    element /= s->variable.dims[k].size;
  }
  for (int i = 0; i < s->array.rank; ++i) {
    int64_t place = s->item[i] >= 0 ? index[s->item[i]] : column % s->array.shape[i];
    column /= s->item[i] >= 0 ? 1 : s->array.shape[i];
    at += place * s->array.strides[i];
  }
  return at;
}

static double read_number(const char *at, int32_t dtype) {
  float f;
  double d;
  int32_t i;
  memcpy(&f, at, 4);
  memcpy(&i, at, 4);
  if (dtype != PYEMU_FLOAT64)
    return dtype == PYEMU_FLOAT32 ? (double)f : (double)i;
  memcpy(&d, at, 8);
  return d;
}

static void write_number(char *at, int32_t dtype, double value) {
  float f = (float)value;
  int32_t i = (int32_t)value;
  memcpy(at,
         dtype == PYEMU_FLOAT64   ? (void *)&value
         : dtype == PYEMU_FLOAT32 ? (void *)&f
                                  : (void *)&i,
         dtype_size(dtype));
}

static void fill_array(struct sample *s, int64_t columns) {
  memset(s->block, 0x5A, s->block_size);
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t l = 0; l < s->variable.width; ++l)
      write_number(element_at(s, c, l), s->array.dtype, (double)(c * 1000 + l + 1));
}

/* How many columns to copy next: mostly all, else a part that may end inside any dimension. */
static int64_t draw_part(const struct sample *s, int64_t first) {
  const int64_t rest = s->n_used - first;
  return first == 0 && random_below(2) ? rest : 1 + random_below(rest);
}

/* The first array element goes to the first tensor element, and so on in column and level. */
static void check_gather(struct sample *s, const struct layout *layout) {
  size_t size = dtype_size(s->variable.dtype);
  int64_t count = s->columns * s->variable.width;
  char *tensor = malloc((size_t)count * size), *before = malloc(s->block_size);
  int wrong = 0;
  fill_array(s, s->columns);
  memcpy(before, s->block, s->block_size);
  for (int64_t first = 0, n; first < s->n_used; first += n) {
    n = draw_part(s, first);
    CHECK(layout_gather(layout, first, n, tensor + (size_t)(first * s->variable.width) * size,
                        s->variable.dtype, 1));
  }
  for (int64_t c = 0; c < s->n_used; ++c)
    for (int64_t l = 0; l < s->variable.width; ++l) {
      const char *at = tensor + (size_t)(c * s->variable.width + l) * size;
      wrong += read_number(at, s->variable.dtype) != (double)(c * 1000 + l + 1);
      wrong += layout_element(layout, c, l) != (double)(c * 1000 + l + 1);
    }
  CHECK(wrong == 0);
  CHECK(memcmp(before, s->block, s->block_size) == 0);
  if (layout_is_tensor(layout, s->variable.dtype))
    CHECK(memcmp(tensor, s->array.data, (size_t)(s->n_used * s->variable.width) * size) == 0);
  free(tensor);
  free(before);
}

/* Every element of the columns used is written, and nothing between and behind them is. */
static void check_scatter(struct sample *s, const struct layout *layout) {
  size_t size = dtype_size(s->variable.dtype);
  int64_t count = s->columns * s->variable.width;
  char *tensor = malloc((size_t)count * size), *expected = malloc(s->block_size);
  fill_array(s, s->n_used);
  memcpy(expected, s->block, s->block_size);
  memset(s->block, 0x5A, s->block_size);
  for (int64_t c = 0; c < s->columns; ++c)
    for (int64_t l = 0; l < s->variable.width; ++l)
      write_number(tensor + (size_t)(c * s->variable.width + l) * size, s->variable.dtype,
                   (double)(c * 1000 + l + 1));
  for (int64_t first = 0, n; first < s->n_used; first += n) {
    n = draw_part(s, first);
    layout_scatter(layout, first, n, tensor + (size_t)(first * s->variable.width) * size,
                   s->variable.dtype);
  }
  CHECK(memcmp(expected, s->block, s->block_size) == 0);
  free(tensor);
  free(expected);
}

static void check_span(const struct sample *s, const struct layout *layout) {
  const char *first, *end, *low = s->array.data, *high = s->array.data;
  layout_span(layout, &first, &end);
  for (int64_t c = 0; c < s->columns; ++c)
    for (int64_t l = 0; l < s->variable.width; ++l) {
      const char *at = element_at(s, c, l);
      low = at < low ? at : low;
      high = at > high ? at : high;
    }
  CHECK(first == low && end == high + dtype_size(s->array.dtype));
}

static void check_pair(int32_t host, int32_t tensor) {
  struct error error = error_in(message, sizeof message);
  int n_direct = 0;
  for (int i = 0; i < 1500; ++i) {
    int32_t direction = host == PYEMU_INT32 && tensor != PYEMU_INT32 ? PYEMU_INPUT
                        : i % 2                                      ? PYEMU_INPUT
                                                                     : PYEMU_OUTPUT;
    struct sample s = draw_sample(host, tensor, direction);
    struct layout layout;
    CHECK(layout_make(&layout, &s.array, &s.variable, s.level_dim, &error) == PYEMU_OK);
    CHECK(layout.columns == s.columns && layout.width == s.variable.width);
    n_direct += layout_is_tensor(&layout, tensor);
    check_span(&s, &layout);
    if (direction == PYEMU_INPUT)
      check_gather(&s, &layout);
    else
      check_scatter(&s, &layout);
    free(s.block);
  }
  CHECK((n_direct > 0) == (host == tensor));
}

/* Not-a-number and infinity are noticed in every element of every path, and only on request. */
static void check_not_finite_is_noticed(int32_t host, int32_t tensor, double value) {
  struct error error = error_in(message, sizeof message);
  for (int i = 0; i < 300; ++i) {
    struct sample s = draw_sample(host, tensor, PYEMU_INPUT);
    struct layout layout;
    char *out = malloc((size_t)(s.columns * s.variable.width) * dtype_size(tensor));
    CHECK(layout_make(&layout, &s.array, &s.variable, s.level_dim, &error) == PYEMU_OK);
    fill_array(&s, s.columns);
    write_number(element_at(&s, random_below(s.columns), random_below(s.variable.width)), host,
                 value);
    CHECK(!layout_gather(&layout, 0, s.columns, out, tensor, 1));
    CHECK(layout_gather(&layout, 0, s.columns, out, tensor, 0));
    CHECK(!tensor_is_finite(out, tensor, s.columns * s.variable.width));
    free(out);
    free(s.block);
  }
}

/* Multiples of 8 and 16 and their neighbours: the edges of the blocked transposition. */
static void check_transposition_edges(void) {
  struct error error = error_in(message, sizeof message);
  for (int64_t columns = 1; columns <= 40; ++columns)
    for (int64_t width = 1; width <= 35; ++width) {
      struct sample s = {.item = {-1, 0}, .level_dim = 1, .columns = columns, .n_used = columns};
      s.array = (pyemu_array){NULL, PYEMU_FLOAT64, 2, {columns, width}, {8, 8 * columns}};
      s.block_size = (size_t)(8 * columns * width);
      s.array.data = s.block = malloc(s.block_size);
      s.variable = (struct variable){.name = "x",
                                     .units = "1",
                                     .dims = {{"layer", width}},
                                     .n_dims = 1,
                                     .has_batch = 1,
                                     .is_level = 1,
                                     .width = width,
                                     .dtype = PYEMU_FLOAT32,
                                     .direction = PYEMU_INPUT};
      struct layout layout;
      CHECK(layout_make(&layout, &s.array, &s.variable, 1, &error) == PYEMU_OK);
      check_gather(&s, &layout);
      check_scatter(&s, &layout);
      free(s.block);
    }
}

int main(void) {
  check_pair(PYEMU_FLOAT32, PYEMU_FLOAT32);
  check_pair(PYEMU_FLOAT32, PYEMU_FLOAT64);
  check_pair(PYEMU_FLOAT64, PYEMU_FLOAT32);
  check_pair(PYEMU_FLOAT64, PYEMU_FLOAT64);
  check_pair(PYEMU_INT32, PYEMU_INT32);
  check_pair(PYEMU_INT32, PYEMU_FLOAT32);
  check_pair(PYEMU_INT32, PYEMU_FLOAT64);
  const double zero = 0.0;
  check_not_finite_is_noticed(PYEMU_FLOAT64, PYEMU_FLOAT64, zero / zero);
  check_not_finite_is_noticed(PYEMU_FLOAT32, PYEMU_FLOAT32, -1 / zero);
  check_not_finite_is_noticed(PYEMU_FLOAT32, PYEMU_FLOAT64, 1 / zero);
  check_not_finite_is_noticed(PYEMU_FLOAT64, PYEMU_FLOAT32, 1e300);
  check_transposition_edges();
  return check_result();
}
