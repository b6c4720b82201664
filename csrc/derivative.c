#include "derivative.h"

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "wire.h"

enum { MODEL_GRAPH = 7, MODEL_METADATA = 14, ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { GRAPH_INITIALIZER = 5, TENSOR_NAME = 8, TENSOR_DATA_LOCATION = 14 };

/* The longest key and size of a field: two varints. */
enum { HEAD_SIZE = 20 };

static const char *const names[] = {"vjp", "jvp"};
static const char *const keys[] = {"pyemu.derivative.vjp", "pyemu.derivative.jvp"};
enum { N_NAMES = sizeof names / sizeof names[0] };

/* An initializer of the emulator's graph. */
struct weight {
  struct wire_reader name;
  struct wire_reader message;
  int pass; /* the last in which it was taken */
};

/* What a model is put together from. */
struct composition {
  const char *name;
  struct weight *weights; /* in the order of their names */
  size_t n_weights;
  struct wire_reader model; /* of the derivative, without weights */
  int pass;                 /* everything is gone through to be counted, and then to be written */
  const struct error *error;
};

/* Where the composed model goes, or only its size if 'bytes' is NULL. */
struct output {
  unsigned char *bytes;
  size_t size;
};

int derivative_is_known(const char *name) {
  for (int i = 0; i < N_NAMES; ++i)
    if (strcmp(name, names[i]) == 0)
      return 1;
  return 0;
}

static int fail_damaged(const struct composition *c, const char *what) {
  return fail(c->error, PYEMU_ERR_FORMAT,
              "the derivative '%s' in the file is damaged: %s; export the emulator again", c->name,
              what);
}

/* A text for a message: its length, cut. */
static int shown(const struct wire_reader *r) {
  return (int)(r->end - r->at < 100 ? r->end - r->at : 100);
}

/* --- What the file has --- */

/* The value of a metadata entry with this key; 0 if the entry has another. The file has been read
 * once, so no field of it is damaged. */
static int entry_has_key(struct wire_reader entry, const char *key, struct wire_reader *value) {
  struct wire_field field;
  int has_key = 0;
  *value = (struct wire_reader){entry.file, entry.at, entry.at};
  while (entry.at < entry.end && wire_next(&entry, &field)) {
    if (field.wire_type == WIRE_BYTES && field.number == ENTRY_KEY)
      has_key = wire_bytes_are(&field.bytes, key);
    if (field.wire_type == WIRE_BYTES && field.number == ENTRY_VALUE)
      *value = field.bytes;
  }
  return has_key;
}

/* Number of metadata entries with this key; the text is that of the last. */
static int count_entries(struct wire_reader file, const char *key, struct wire_reader *text) {
  struct wire_field field;
  struct wire_reader value;
  int count = 0;
  while (file.at < file.end && wire_next(&file, &field))
    if (field.wire_type == WIRE_BYTES && field.number == MODEL_METADATA &&
        entry_has_key(field.bytes, key, &value)) {
      *text = value;
      ++count;
    }
  return count;
}

static int fail_none(const struct composition *c, struct wire_reader file) {
  struct wire_reader text;
  int n_found = 0;
  fail(c->error, PYEMU_ERR_ARGUMENT, "the file has no derivative '%s'; it has", c->name);
  for (int i = 0; i < N_NAMES; ++i)
    if (count_entries(file, keys[i], &text) > 0)
      error_append(c->error, "%s '%s'", n_found++ ? "," : "", names[i]);
  error_append(c->error,
               "%s; write it with 'pyemu export --derivative %s', or with derivatives=['%s'] of "
               "export_onnx",
               n_found ? "" : " none", c->name, c->name);
  return PYEMU_ERR_ARGUMENT;
}

/* Decode the derivative's model into new memory. */
static int decode(struct composition *c, struct wire_reader text, unsigned char **bytes) {
  const char *characters = (const char *)text.file + text.at;
  const size_t length = text.end - text.at;
  size_t size = length / 4 * 3;
  for (size_t i = length; i > 0 && length - i < 2 && size > 0 && characters[i - 1] == '='; --i)
    --size;
  *bytes = malloc(size + 1);
  if (!*bytes)
    return fail(c->error, PYEMU_ERR_MEMORY, "no memory for the derivative '%s'", c->name);
  c->model = (struct wire_reader){*bytes, 0, size};
  return base64_decode(characters, length, *bytes, size) ? PYEMU_OK
                                                         : fail_damaged(c, "it is not base64");
}

/* --- The weights of the emulator's graph, by name --- */

static int compare_names(const struct wire_reader *a, const struct wire_reader *b) {
  const size_t n = a->end - a->at, m = b->end - b->at;
  const int order = n && m ? memcmp(a->file + a->at, b->file + b->at, n < m ? n : m) : 0;
  return order ? order : (n > m) - (n < m);
}

static int compare_weights(const void *a, const void *b) {
  return compare_names(&((const struct weight *)a)->name, &((const struct weight *)b)->name);
}

/* The name of a tensor, and whether its data are elsewhere; 0 if it is damaged. */
static int read_tensor(struct wire_reader r, struct wire_reader *name, int *is_elsewhere) {
  struct wire_field field;
  *name = (struct wire_reader){r.file, r.at, r.at};
  *is_elsewhere = 0;
  while (r.at < r.end) {
    if (!wire_next(&r, &field))
      return 0;
    if (field.number == TENSOR_NAME && field.wire_type == WIRE_BYTES)
      *name = field.bytes;
    if (field.number == TENSOR_DATA_LOCATION && field.wire_type == WIRE_VARINT)
      *is_elsewhere = (uint32_t)field.value != 0;
  }
  return 1;
}

/* Go over the initializers of a file's graph, keep them if there is room, and return their number.
 */
static size_t list_weights(struct wire_reader file, struct weight *room) {
  struct wire_field graph, field;
  size_t n = 0;
  int is_elsewhere;
  while (file.at < file.end && wire_next(&file, &graph)) {
    if (graph.number != MODEL_GRAPH || graph.wire_type != WIRE_BYTES)
      continue;
    for (struct wire_reader r = graph.bytes; r.at < r.end && wire_next(&r, &field);) {
      if (field.number != GRAPH_INITIALIZER || field.wire_type != WIRE_BYTES)
        continue;
      if (room) {
        room[n].message = field.bytes;
        read_tensor(field.bytes, &room[n].name, &is_elsewhere);
      }
      ++n;
    }
  }
  return n;
}

static int find_weights(struct composition *c, struct wire_reader file) {
  c->n_weights = list_weights(file, NULL);
  c->weights = calloc(c->n_weights + 1, sizeof *c->weights);
  if (!c->weights)
    return fail(c->error, PYEMU_ERR_MEMORY, "no memory for the derivative '%s'", c->name);
  list_weights(file, c->weights);
  qsort(c->weights, c->n_weights, sizeof *c->weights, compare_weights);
  return PYEMU_OK;
}

/* Find the weight of this name, which a derivative may take once: so its model cannot become much
 * larger than the file. */
static int take_weight(struct composition *c, struct wire_reader name, struct weight **weight) {
  const struct weight wanted = {.name = name};
  *weight = bsearch(&wanted, c->weights, c->n_weights, sizeof wanted, compare_weights);
  if (*weight && (*weight)->pass < c->pass) {
    (*weight)->pass = c->pass;
    return PYEMU_OK;
  }
  return fail(c->error, PYEMU_ERR_FORMAT,
              "the derivative '%s' takes tensor '%.*s' from the emulator's graph, %s; export the "
              "emulator again",
              c->name, shown(&name), (const char *)name.file + name.at,
              *weight ? "for the second time" : "which has none of that name");
}

/* --- The composed model --- */

static void put(struct output *output, const void *bytes, size_t size) {
  if (output->bytes && size > 0)
    memcpy(output->bytes + output->size, bytes, size);
  output->size += size;
}

static size_t put_varint(unsigned char *to, uint64_t value) {
  size_t n = 0;
  for (; value >= 0x80; value >>= 7)
    to[n++] = (unsigned char)(value | 0x80);
  to[n++] = (unsigned char)value;
  return n;
}

/* The key and size of a field of bytes. */
static void put_head(struct output *output, uint32_t number, size_t size) {
  unsigned char head[HEAD_SIZE];
  size_t n = put_varint(head, (uint64_t)number << 3 | WIRE_BYTES);
  n += put_varint(head + n, size);
  put(output, head, n);
}

static void put_field(struct output *output, uint32_t number, const struct wire_reader *bytes) {
  put_head(output, number, bytes->end - bytes->at);
  put(output, bytes->file + bytes->at, bytes->end - bytes->at);
}

/* A graph with the weights in the place of those that are elsewhere. */
static int put_graph(struct composition *c, struct wire_reader r, struct output *output) {
  struct wire_field field;
  struct wire_reader name;
  struct weight *weight;
  ++c->pass;
  while (r.at < r.end) {
    const size_t start = r.at;
    int is_elsewhere = 0;
    if (!wire_next(&r, &field))
      return fail_damaged(c, "its graph is cut short");
    const int is_tensor = field.number == GRAPH_INITIALIZER && field.wire_type == WIRE_BYTES;
    if (is_tensor && !read_tensor(field.bytes, &name, &is_elsewhere))
      return fail_damaged(c, "a tensor is cut short");
    if (!is_elsewhere) {
      put(output, r.file + start, r.at - start);
      continue;
    }
    const int status = take_weight(c, name, &weight);
    if (status != PYEMU_OK)
      return status;
    put_field(output, GRAPH_INITIALIZER, &weight->message);
  }
  return PYEMU_OK;
}

/* A model with its one graph, which takes so many bytes with its weights. */
static int put_model(struct composition *c, size_t graph_size, struct output *output) {
  struct wire_field field;
  for (struct wire_reader r = c->model; r.at < r.end;) {
    const size_t start = r.at;
    if (!wire_next(&r, &field))
      return fail_damaged(c, "it is cut short");
    if (field.number != MODEL_GRAPH || field.wire_type != WIRE_BYTES) {
      put(output, r.file + start, r.at - start);
      continue;
    }
    put_head(output, MODEL_GRAPH, graph_size);
    const int status = put_graph(c, field.bytes, output);
    if (status != PYEMU_OK)
      return status;
  }
  return PYEMU_OK;
}

/* The one graph of the derivative. */
static int find_graph(struct composition *c, struct wire_reader *graph) {
  struct wire_field field;
  int n_graphs = 0;
  for (struct wire_reader r = c->model; r.at < r.end;) {
    if (!wire_next(&r, &field))
      return fail_damaged(c, "it is cut short");
    if (field.number == MODEL_GRAPH && field.wire_type == WIRE_BYTES) {
      *graph = field.bytes;
      ++n_graphs;
    }
  }
  return n_graphs == 1 ? PYEMU_OK : fail_damaged(c, "it has no graph, or more than one");
}

static int compose(struct composition *c, unsigned char **model, size_t *model_size) {
  struct wire_reader graph;
  struct output in_graph = {0}, counted = {0}, written = {0};
  int status = find_graph(c, &graph);
  if (status == PYEMU_OK)
    status = put_graph(c, graph, &in_graph);
  if (status == PYEMU_OK)
    status = put_model(c, in_graph.size, &counted);
  if (status != PYEMU_OK)
    return status;
  if (counted.size > INT32_MAX)
    return fail_damaged(c, "with its weights it is larger than 2 GiB");
  written.bytes = malloc(counted.size + 1);
  if (!written.bytes)
    return fail(c->error, PYEMU_ERR_MEMORY, "no memory for the %zu bytes of the derivative '%s'",
                counted.size, c->name);
  put_model(c, in_graph.size, &written);
  *model = written.bytes;
  *model_size = written.size;
  return PYEMU_OK;
}

int derivative_compose(const unsigned char *file, size_t size, const char *name,
                       unsigned char **model, size_t *model_size, const struct error *error) {
  const struct wire_reader whole = {file, 0, size};
  struct composition c = {.name = name, .error = error};
  struct wire_reader text;
  unsigned char *bytes = NULL;
  int index = 0;
  *model = NULL;
  *model_size = 0;
  while (index < N_NAMES - 1 && strcmp(name, names[index]) != 0)
    ++index;
  const int n_found = count_entries(whole, keys[index], &text);
  if (n_found == 0)
    return fail_none(&c, whole);
  int status = n_found == 1 ? decode(&c, text, &bytes) : fail_damaged(&c, "it is there twice");
  if (status == PYEMU_OK)
    status = find_weights(&c, whole);
  if (status == PYEMU_OK)
    status = compose(&c, model, model_size);
  free(c.weights);
  free(bytes);
  return status;
}
