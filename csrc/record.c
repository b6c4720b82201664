#include "record.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dtype.h"
#include "emulator.h"
#include "environment.h"
#include "ids.h"
#include "netcdf_library.h"
#include "settings.h"
#include "tensors.h"

/* Bytes of the buffer unless the host says how many columns it is to hold, and of netCDF's own. */
enum { BUFFER_BYTES = 1 << 22, CHUNK_BYTES = 1 << 20 };

enum { MAX_PATH_LENGTH = 4096, MAX_REASON = 256, MAX_LONG_NAME = 300 };

/* What is known of a column besides the variables of the emulator. */
enum { STEP, CALL, COLUMN_IN_CALL, GLOBAL_ID, GUARD_REASONS, N_TAGS };

static const struct {
  const char *name;
  const char *long_name;
} tags[N_TAGS] = {
    {"step", "time step that the host gave to run, -9223372036854775808 for none"},
    {"call", "number of the recorded call, from 0"},
    {"column_in_call", "place of the column among those of its call, from 0"},
    {"global_id", "number of the column in the whole model as the host bound it, -1 for none"},
    {"guard_reasons", "sum of the guard's reasons to flag the column, -1 without a guard"},
};

struct record {
  const pyemu_emulator *emulator;
  const struct card *card;
  pyemu_recording settings; /* 'path' is the member below */
  char path[MAX_PATH_LENGTH];
  const struct netcdf *netcdf;
  int file;
  int is_on;
  int *variables;      /* of the file, by variable of the card, */
  int tag_ids[N_TAGS]; /* and those of the tags */
  int64_t room;        /* columns that the buffer holds */
  int64_t filled;
  char **values; /* by variable: (room, width) in the type of its tensor */
  int64_t *tag_values[N_TAGS];
  int64_t *chosen; /* columns of a call that are recorded */
  int64_t n_chosen;
  int64_t chosen_room;
  int64_t n_runs;       /* since the recording began */
  int64_t step;         /* of the one under way */
  int64_t column_bytes; /* of one column in the file */
  int64_t header_bytes;
  int64_t calls;
  int64_t written; /* columns in the file */
  double seconds;
  int status;
  char reason[MAX_REASON];
};

/* --- Settings --- */

static int fail_number(const char *name, int64_t found, const char *expected,
                       const struct error *error) {
  return fail(error, PYEMU_ERR_ARGUMENT, "'%s' of the recording is %lld; expected %s", name,
              (long long)found, expected);
}

static int check_settings(const pyemu_emulator *e, const pyemu_recording *s,
                          const struct error *error) {
  if (!s->path || !*s->path)
    return fail(error, PYEMU_ERR_ARGUMENT, "the recording has no path");
  if (strstr(s->path, "://"))
    return fail(error, PYEMU_ERR_ARGUMENT, "'%.300s' is an address; expected a path", s->path);
  if (s->rank < -1)
    return fail_number("rank", s->rank, "0 or more, or -1 for none", error);
  if (s->source != PYEMU_RECORD_RUNS && s->source != PYEMU_RECORD_HOST)
    return fail_number("source", s->source, "PYEMU_RECORD_RUNS (0) or PYEMU_RECORD_HOST (1)",
                       error);
  if (s->only != PYEMU_RECORD_ALL && s->only != PYEMU_RECORD_FLAGGED)
    return fail_number("only", s->only, "PYEMU_RECORD_ALL (0) or PYEMU_RECORD_FLAGGED (1)", error);
  if (s->only == PYEMU_RECORD_FLAGGED && !e->guard)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "only flagged columns are to be recorded, but no guard flags any; set it first");
  if (s->every_column < 1)
    return fail_number("every_column", s->every_column, "1 or more", error);
  if (s->every < 1)
    return fail_number("every", s->every, "1 or more", error);
  if (s->last_step < s->first_step)
    return fail_number("last_step", s->last_step, "first_step or later", error);
  if (s->max_bytes < 1)
    return fail_number("max_bytes", s->max_bytes, "1 or more", error);
  if (s->buffer < 0)
    return fail_number("buffer", s->buffer, "1 or more, or 0 to leave it to the library", error);
  return PYEMU_OK;
}

/* The path with the rank in the place of "{rank}". */
static int make_path(struct record *r, const char *pattern, const struct error *error) {
  static const char place[] = "{rank}";
  const char *at = strstr(pattern, place);
  int written;
  if (at && r->settings.rank < 0)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "'%.300s' has a place for the rank, but no rank is given; set it, or leave out %s",
                pattern, place);
  if (at)
    written = snprintf(r->path, sizeof r->path, "%.*s%04d%s", (int)(at - pattern), pattern,
                       (int)r->settings.rank, at + sizeof place - 1);
  else
    written = snprintf(r->path, sizeof r->path, "%s", pattern);
  r->settings.path = r->path;
  return written > 0 && (size_t)written < sizeof r->path
             ? PYEMU_OK
             : fail(error, PYEMU_ERR_ARGUMENT,
                    "the path of the recording has %zu characters; "
                    "expected fewer than %d",
                    strlen(pattern), MAX_PATH_LENGTH);
}

/* --- The end --- */

/* Remember why the recording ends; the first reason counts. */
static void note(struct record *r, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void note(struct record *r, int status, const char *format, ...) {
  va_list args;
  if (r->reason[0])
    return;
  r->status = status;
  va_start(args, format);
  vsnprintf(r->reason, sizeof r->reason, format, args);
  va_end(args);
}

static int note_netcdf(struct record *r, const char *what, int code) {
  if (code != 0)
    note(r, PYEMU_ERR_FILE, "cannot %s: %s", what, r->netcdf->text(code));
  return code == 0;
}

/* What a reader compares with the size of the file, to see that nothing is missing. Attributes of
 * an old size are rewritten in place. */
static int put_extent(const struct record *r) {
  const int64_t columns = r->written, bytes = r->header_bytes + r->written * r->column_bytes;
  int code = r->netcdf->put_att(r->file, NETCDF_GLOBAL, "pyemu_columns", NETCDF_INT64, 1, &columns);
  if (code == 0)
    code = r->netcdf->put_att(r->file, NETCDF_GLOBAL, "pyemu_bytes", NETCDF_INT64, 1, &bytes);
  return code;
}

static int put_stopped(const struct record *r) {
  char text[MAX_REASON];
  memset(text, ' ', sizeof text);
  memcpy(text, r->reason, strlen(r->reason));
  return r->netcdf->put_att(r->file, NETCDF_GLOBAL, "pyemu_stopped", NETCDF_CHAR, sizeof text,
                            text);
}

/* 'n' columns of the buffer from 'first' on. */
static int put_columns(const struct record *r, int64_t first, int64_t n) {
  size_t start[ENGINE_MAX_RANK] = {(size_t)(r->written + first)}, count[ENGINE_MAX_RANK];
  int code = 0;
  count[0] = (size_t)n;
  for (int t = 0; t < N_TAGS && code == 0; ++t)
    code = r->netcdf->put_vara(r->file, r->tag_ids[t], start, count, r->tag_values[t] + first);
  for (int64_t i = 0; i < r->card->n_variables && code == 0; ++i) {
    const struct variable *v = &r->card->variables[i];
    const int64_t size = v->width * (int64_t)dtype_size(card_tensor_dtype(r->card, v));
    for (int k = 0; k < v->n_dims; ++k)
      count[k + 1] = (size_t)v->dims[k].size;
    code = r->netcdf->put_vara(r->file, r->variables[i], start, count, r->values[i] + first * size);
  }
  return code;
}

/* The variables of a column are adjacent in the file: so many columns at once stay in the window
 * that netCDF has on it, and are not read back for every variable. */
static int flush_held(struct record *r) {
  const int64_t most = 1 + CHUNK_BYTES / 2 / r->column_bytes;
  int code = 0;
  for (int64_t first = 0, n; first < r->filled && code == 0; first += n) {
    n = r->filled - first < most ? r->filled - first : most;
    code = put_columns(r, first, n);
  }
  if (code == 0)
    code = r->netcdf->sync(r->file);
  if (code != 0)
    return code;
  r->written += r->filled;
  code = put_extent(r);
  return code ? code : r->netcdf->sync(r->file);
}

/* Write the buffer; 0 if that failed. */
static int flush(struct record *r) {
  if (r->filled == 0)
    return 1;
  netcdf_lock();
  const int code = flush_held(r);
  netcdf_unlock();
  r->filled = 0; /* also if they are lost: the file ends with what is complete */
  return note_netcdf(r, "write", code);
}

void record_end(struct record *r) {
  if (!record_is_on(r))
    return;
  const double start = clock_seconds();
  flush(r);
  r->is_on = 0;
  netcdf_lock();
  const int stopped = put_stopped(r);
  const int closed = r->netcdf->close(r->file);
  if (closed != 0)
    r->netcdf->abort(r->file); /* frees it; the file stays */
  netcdf_unlock();
  note_netcdf(r, "write", stopped);
  note_netcdf(r, "close the file", closed);
  r->seconds += clock_seconds() - start;
}

void record_free(struct record *r) {
  if (!r)
    return;
  record_end(r);
  for (int64_t i = 0; r->values && i < r->card->n_variables; ++i)
    free(r->values[i]);
  for (int t = 0; t < N_TAGS; ++t)
    free(r->tag_values[t]);
  free(r->values);
  free(r->variables);
  free(r->chosen);
  free(r);
}

/* --- The file --- */

static int netcdf_type(int32_t dtype) {
  return dtype == PYEMU_FLOAT64   ? NETCDF_DOUBLE
         : dtype == PYEMU_FLOAT32 ? NETCDF_FLOAT
                                  : NETCDF_INT;
}

static int put_text(const struct record *r, int variable, const char *name, const char *text) {
  return r->netcdf->put_att(r->file, variable, name, NETCDF_CHAR, strlen(text), text);
}

static int put_number(const struct record *r, const char *name, int64_t number) {
  return r->netcdf->put_att(r->file, NETCDF_GLOBAL, name, NETCDF_INT64, 1, &number);
}

static int put_globals(struct record *r, const pyemu_emulator *e) {
  const int is_real64 = e->card.is_real64, is_host = record_is_of_host(r);
  const struct {
    const char *name;
    const char *text;
  } texts[] = {{"Conventions", "CF-1.11"},
               {"title", "Columns recorded at the calls of an emulator"},
               {"source", is_host ? "the host's own scheme" : "the emulator"},
               {"pyemu_source", is_host ? "host" : "emulator"},
               {"pyemu_version", pyemu_version()},
               {"pyemu_engine", pyemu_engine(e)},
               {"pyemu_engine_version", pyemu_engine_version(e)},
               {"pyemu_device", pyemu_device(e)},
               {"pyemu_precision", is_real64 ? "real64" : "real32"},
               {"pyemu_sha256", e->sha256},
               {"pyemu_only", r->settings.only == PYEMU_RECORD_FLAGGED ? "flagged" : "all"},
               {"pyemu_card", e->card.text}};
  int code = 0;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0] && code == 0; ++i)
    code = put_text(r, NETCDF_GLOBAL, texts[i].name, texts[i].text);
  const struct {
    const char *name;
    int64_t number;
    int is_known;
  } numbers[] = {{"pyemu_rank", r->settings.rank, r->settings.rank >= 0},
                 {"pyemu_seed", e->noise.seed, e->noise.has_key},
                 {"pyemu_member", e->noise.member, e->noise.has_key},
                 {"pyemu_every_column", r->settings.every_column, 1},
                 {"pyemu_max_bytes", r->settings.max_bytes, 1}};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && code == 0; ++i)
    if (numbers[i].is_known)
      code = put_number(r, numbers[i].name, numbers[i].number);
  if (code == 0)
    code = put_stopped(r);
  return code ? code : put_extent(r);
}

/*
 * The dimension 'k' of variable 'i': variables whose dimensions have one name and size share it. A
 * name that has two sizes, as in a graph without a card, gets the size as well. 'dims' has those
 * defined so far, PYEMU_MAX_RANK for each variable.
 */
static int define_dim(const struct record *r, int64_t i, int k, int *dims) {
  const struct dimension *d = &r->card->variables[i].dims[k];
  char name[MAX_LONG_NAME];
  snprintf(name, sizeof name, "%.250s", d->name);
  for (int64_t j = 0; j <= i; ++j)
    for (int m = 0; m < (j < i ? r->card->variables[j].n_dims : k); ++m) {
      const struct dimension *other = &r->card->variables[j].dims[m];
      if (strcmp(other->name, d->name) != 0)
        continue;
      if (other->size == d->size) {
        dims[i * PYEMU_MAX_RANK + k] = dims[j * PYEMU_MAX_RANK + m];
        return 0;
      }
      snprintf(name, sizeof name, "%.250s_%lld", d->name, (long long)d->size);
    }
  return r->netcdf->def_dim(r->file, name, (size_t)d->size, &dims[i * PYEMU_MAX_RANK + k]);
}

static int describe_variable(const struct record *r, int id, const struct variable *v) {
  char long_name[MAX_LONG_NAME];
  snprintf(long_name, sizeof long_name, "%s", v->name);
  for (char *at = long_name; *at; ++at)
    *at = *at == '_' ? ' ' : *at;
  int code = put_text(r, id, "long_name", long_name);
  if (code == 0 && v->standard_name && *v->standard_name)
    code = put_text(r, id, "standard_name", v->standard_name);
  if (code == 0)
    code = put_text(r, id, "units", v->units && *v->units ? v->units : "1");
  return code ? code
              : put_text(r, id, "pyemu_role", v->direction == PYEMU_INPUT ? "input" : "output");
}

static int define_variable(struct record *r, int64_t i, int column, int *dims) {
  const struct variable *v = &r->card->variables[i];
  int own[ENGINE_MAX_RANK] = {column};
  int code = 0;
  for (int k = 0; k < v->n_dims && code == 0; ++k) {
    code = define_dim(r, i, k, dims);
    own[k + 1] = dims[i * PYEMU_MAX_RANK + k];
  }
  if (code == 0)
    code = r->netcdf->def_var(r->file, v->name, netcdf_type(card_tensor_dtype(r->card, v)),
                              v->n_dims + 1, own, &r->variables[i]);
  return code ? code : describe_variable(r, r->variables[i], v);
}

static int define(struct record *r, const pyemu_emulator *e, int *dims) {
  int column, old;
  int code = put_globals(r, e);
  if (code == 0)
    code = r->netcdf->def_dim(r->file, "column", 0, &column);
  for (int t = 0; t < N_TAGS && code == 0; ++t) {
    code = r->netcdf->def_var(r->file, tags[t].name, NETCDF_INT64, 1, &column, &r->tag_ids[t]);
    if (code == 0)
      code = put_text(r, r->tag_ids[t], "long_name", tags[t].long_name);
  }
  for (int64_t i = 0; i < r->card->n_variables && code == 0; ++i)
    code = define_variable(r, i, column, dims);
  if (code == 0)
    code = r->netcdf->set_fill(r->file, NETCDF_NOFILL, &old);
  if (code == 0)
    code = r->netcdf->enddef(r->file);
  return code ? code : r->netcdf->sync(r->file);
}

/* The file without columns; an old one goes only if that is asked for. */
static int create_held(struct record *r, const pyemu_emulator *e, int *dims,
                       const struct error *error) {
  size_t chunk = CHUNK_BYTES;
  struct stat info;
  int status = netcdf_find(&r->netcdf, r->settings.library, error);
  if (status != PYEMU_OK)
    return status;
  if (r->settings.replace && stat(r->path, &info) == 0 && S_ISREG(info.st_mode))
    unlink(r->path);
  if (stat(r->path, &info) == 0)
    return fail(error, PYEMU_ERR_FILE,
                "'%.300s' is there already; remove it, choose another path, or ask for 'replace'",
                r->path);
  int code = r->netcdf->create(r->path, NETCDF_NOCLOBBER | NETCDF_CDF5, 0, &chunk, &r->file);
  if (code != 0)
    return fail(error, PYEMU_ERR_FILE, "cannot create '%.300s': %s", r->path,
                r->netcdf->text(code));
  code = define(r, e, dims);
  if (code == 0 && stat(r->path, &info) != 0)
    code = -1;
  if (code == 0) {
    r->header_bytes = (int64_t)info.st_size;
    code = put_extent(r);
  }
  r->is_on = code == 0;
  if (code == 0)
    return PYEMU_OK;
  fail(error, PYEMU_ERR_FILE, "cannot write '%.300s': %s", r->path, r->netcdf->text(code));
  r->netcdf->abort(r->file);
  unlink(r->path);
  return PYEMU_ERR_FILE;
}

static int create(struct record *r, const pyemu_emulator *e, const struct error *error) {
  int *dims = calloc((size_t)r->card->n_variables * PYEMU_MAX_RANK + 1, sizeof *dims);
  if (!dims)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the recording");
  netcdf_lock();
  const int status = create_held(r, e, dims, error);
  netcdf_unlock();
  free(dims);
  return status;
}

/* --- Make --- */

/* Bytes of one column in the file, where every value has a multiple of four of them: 0 if they do
 * not fit. */
static int64_t column_bytes(const struct card *card) {
  int64_t total = N_TAGS * (int64_t)sizeof(int64_t), bytes;
  for (int64_t i = 0; i < card->n_variables; ++i) {
    const struct variable *v = &card->variables[i];
    if (!multiply_sizes(v->width, (int64_t)dtype_size(card_tensor_dtype(card, v)), &bytes) ||
        total > INT64_MAX / 2 - bytes)
      return 0;
    total += bytes;
  }
  return total;
}

static int take_memory(struct record *r, const struct error *error) {
  int64_t bytes;
  int complete = multiply_sizes(r->room, r->column_bytes, &bytes) && r->column_bytes > 0;
  r->variables = calloc((size_t)r->card->n_variables + 1, sizeof *r->variables);
  r->values = calloc((size_t)r->card->n_variables + 1, sizeof *r->values);
  complete = complete && r->variables && r->values;
  for (int t = 0; t < N_TAGS && complete; ++t) {
    r->tag_values[t] = malloc((size_t)r->room * sizeof *r->tag_values[t]);
    complete = r->tag_values[t] != NULL;
  }
  for (int64_t i = 0; i < r->card->n_variables && complete; ++i) {
    const struct variable *v = &r->card->variables[i];
    r->values[i] = malloc((size_t)(r->room * v->width) * dtype_size(card_tensor_dtype(r->card, v)));
    complete = r->values[i] != NULL;
  }
  return complete ? PYEMU_OK
                  : fail(error, PYEMU_ERR_MEMORY,
                         "no memory for the recording of %lld columns; ask for a smaller 'buffer'",
                         (long long)r->room);
}

static int make(struct record *r, const pyemu_recording *given, const struct error *error) {
  int status = make_path(r, given->path, error);
  if (status == PYEMU_OK) {
    r->column_bytes = column_bytes(r->card);
    r->room = given->buffer > 0 ? given->buffer : 1 + BUFFER_BYTES / (1 + r->column_bytes);
    status = take_memory(r, error);
  }
  return status == PYEMU_OK ? create(r, r->emulator, error) : status;
}

int record_make(struct record **made, const pyemu_emulator *e, const pyemu_recording *settings,
                const struct error *error) {
  *made = NULL;
  int status = check_settings(e, settings, error);
  if (status != PYEMU_OK)
    return status;
  struct record *r = calloc(1, sizeof *r);
  if (!r)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the recording");
  r->emulator = e;
  r->card = &e->card;
  r->settings = *settings;
  status = make(r, settings, error);
  if (status == PYEMU_OK)
    *made = r;
  else
    record_free(r);
  return status;
}

/* --- Runs --- */

int record_is_on(const struct record *r) { return r && r->is_on; }

int record_is_of_host(const struct record *r) { return r->settings.source == PYEMU_RECORD_HOST; }

/* A number for each column that may be chosen, and arrays that can be read. */
void record_prepare(struct record *r, pyemu_emulator *e) {
  for (int64_t i = 0; i < e->card.n_variables; ++i)
    if (e->bindings[i].is_on_device)
      note(r, PYEMU_ERR_UNSUPPORTED, "'%.100s' is bound on the device, which is not recorded",
           e->card.variables[i].name);
  if (e->noise.has_ids && e->noise.ids.columns != e->columns)
    note(r, PYEMU_ERR_SIZE, "there are %lld ids for %lld columns", (long long)e->noise.ids.columns,
         (long long)e->columns);
  if (!r->reason[0] && e->columns > r->chosen_room) {
    int64_t *chosen = realloc(r->chosen, (size_t)e->columns * sizeof *chosen);
    if (chosen) {
      r->chosen = chosen;
      r->chosen_room = e->columns;
      e->counters.allocations += 1;
    } else {
      note(r, PYEMU_ERR_MEMORY, "no memory for the numbers of %lld columns", (long long)e->columns);
    }
  }
  if (r->reason[0])
    record_end(r);
}

/* Runs without a step are counted instead. */
static int is_due(const struct record *r) {
  const pyemu_recording *s = &r->settings;
  const int64_t step = r->step;
  if (step == PYEMU_NO_STEP)
    return (r->n_runs - 1) % s->every == 0;
  if (step < s->first_step || step > s->last_step)
    return 0;
  const uint64_t from = s->first_step == PYEMU_NO_STEP ? 0 : (uint64_t)s->first_step;
  const int64_t distance = (int64_t)((uint64_t)step - from);
  return distance % s->every == 0;
}

int record_begin_run(struct record *r, int64_t step) {
  if (!record_is_on(r) || record_is_of_host(r))
    return 0;
  r->n_runs += 1;
  r->step = step;
  return is_due(r);
}

static int64_t id_of(const pyemu_emulator *e, int64_t column) {
  int64_t id = -1;
  if (e->noise.has_ids)
    ids_read(&e->noise.ids, column, 1, &id);
  return id;
}

/* Which columns of the call are recorded: those of every n-th id, so that it does not depend on
 * blocks and ranks, or without ids of every n-th place. */
static void choose(struct record *r, const pyemu_emulator *e, int64_t columns) {
  int64_t judged = 0;
  const int32_t *reasons = e->guard ? guard_reasons(e->guard, &judged) : NULL;
  const int is_flagged_only = r->settings.only == PYEMU_RECORD_FLAGGED;
  r->n_chosen = 0;
  for (int64_t c = 0; c < columns; ++c) {
    const int64_t id = r->settings.every_column > 1 ? id_of(e, c) : 0;
    if ((id < 0 ? c : id) % r->settings.every_column != 0)
      continue;
    if (is_flagged_only && (c >= judged || reasons[c] == 0))
      continue;
    r->chosen[r->n_chosen++] = c;
  }
}

/* Put 'n' chosen columns, from the 'first' of them on, behind those in the buffer. */
static void copy_tags(struct record *r, const pyemu_emulator *e, int64_t first, int64_t n) {
  int64_t judged = 0;
  const int32_t *reasons = e->guard ? guard_reasons(e->guard, &judged) : NULL;
  for (int64_t k = 0; k < n; ++k) {
    const int64_t c = r->chosen[first + k], at = r->filled + k;
    r->tag_values[STEP][at] = r->step;
    r->tag_values[CALL][at] = r->calls;
    r->tag_values[COLUMN_IN_CALL][at] = c;
    r->tag_values[GLOBAL_ID][at] = id_of(e, c);
    r->tag_values[GUARD_REASONS][at] = c < judged ? reasons[c] : -1;
  }
}

static void copy_variable(struct record *r, const struct layout *from, int64_t i, int64_t first,
                          int64_t n) {
  const struct variable *v = &r->card->variables[i];
  const int32_t dtype = card_tensor_dtype(r->card, v);
  const int64_t size = v->width * (int64_t)dtype_size(dtype);
  char *to = r->values[i] + r->filled * size;
  for (int64_t k = 0, length; k < n; k += length) {
    const int64_t c = r->chosen[first + k];
    for (length = 1; v->has_batch && k + length < n && r->chosen[first + k + length] == c + length;)
      ++length;
    layout_gather(from, v->has_batch ? c : 0, length, to + k * size, dtype, 0);
  }
}

/* How many more columns may go to the file. */
static int64_t columns_left(const struct record *r) {
  const int64_t used = r->header_bytes + (r->written + r->filled) * r->column_bytes;
  return used < r->settings.max_bytes ? (r->settings.max_bytes - used) / r->column_bytes : 0;
}

static void take_chosen(struct record *r, const pyemu_emulator *e) {
  for (int64_t first = 0, n; first < r->n_chosen; first += n) {
    const int64_t left = columns_left(r), room = r->room - r->filled;
    n = r->n_chosen - first < room ? r->n_chosen - first : room;
    n = n < left ? n : left;
    copy_tags(r, e, first, n);
    for (int64_t i = 0; i < r->card->n_variables; ++i)
      copy_variable(r, record_is_of_host(r) ? &e->bindings[i].layout : e->dense[i], i, first, n);
    r->filled += n;
    if (n == left && first + n < r->n_chosen)
      note(r, PYEMU_OK, "the file would have been larger than max_bytes, %lld",
           (long long)r->settings.max_bytes);
    if (r->filled == r->room && !flush(r))
      return;
    if (r->reason[0])
      return;
  }
}

void record_take(struct record *r, const pyemu_emulator *e, int64_t columns) {
  if (!record_is_on(r))
    return;
  const double start = clock_seconds();
  if (r->settings.only == PYEMU_RECORD_FLAGGED && !e->guard)
    note(r, PYEMU_ERR_ARGUMENT, "the guard whose columns are recorded was taken away");
  else
    choose(r, e, columns);
  if (!r->reason[0]) {
    take_chosen(r, e);
    r->calls += 1;
  }
  r->seconds += clock_seconds() - start;
  if (r->reason[0])
    record_end(r);
}

void record_take_host(struct record *r, const pyemu_emulator *e, int64_t step, int64_t columns) {
  if (!record_is_on(r) || columns == 0)
    return;
  r->n_runs += 1;
  r->step = step;
  if (is_due(r))
    record_take(r, e, columns);
}

pyemu_recorded record_report(const struct record *r) {
  return (pyemu_recorded){.sizeof_recorded = sizeof(pyemu_recorded),
                          .path = r->path,
                          .is_on = r->is_on,
                          .status = r->status,
                          .stopped = r->reason,
                          .calls = r->calls,
                          .columns = r->written + r->filled,
                          .bytes = r->header_bytes + r->written * r->column_bytes,
                          .seconds = r->seconds};
}

/* --- The public functions --- */

/* An old recording goes on until a new one has begun, unless both have the same file. */
static int set_record(pyemu_emulator *e, const pyemu_recording *given, const struct error *error) {
  pyemu_recording settings = PYEMU_RECORDING_INIT;
  struct record *record;
  if (!given) {
    if (e->record)
      record_end(e->record);
    return PYEMU_OK;
  }
  int status = settings_read(&settings, sizeof settings, given, "recording", "RECORDING", error);
  if (status == PYEMU_OK)
    status = record_make(&record, e, &settings, error);
  if (status != PYEMU_OK)
    return status;
  record_free(e->record);
  e->record = record;
  e->is_recorded = 0;
  e->is_prepared = 0;
  return PYEMU_OK;
}

int pyemu_set_record(pyemu_emulator *emulator, const pyemu_recording *recording, char *errmsg,
                     size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  struct environment environment;
  int status = emulator_hold(emulator, &environment, &error);
  return status == PYEMU_OK
             ? emulator_release(emulator, &environment, set_record(emulator, recording, &error))
             : status;
}

static int record_host(pyemu_emulator *e, int64_t step, int64_t columns,
                       const struct error *error) {
  if (!e->record || !record_is_of_host(e->record))
    return fail(error, PYEMU_ERR_ARGUMENT,
                "there is no recording of the host's own scheme; begin one with source "
                "PYEMU_RECORD_HOST");
  for (int64_t i = 0; i < e->card.n_variables; ++i)
    if ((e->card.variables[i].noise.distribution || e->card.variables[i].partner >= 0) &&
        !e->bindings[i].is_bound)
      return fail(error, PYEMU_ERR_NOT_BOUND,
                  "'%s' is filled by the library, because no array is bound to it; bind what the "
                  "scheme was given, or has made",
                  e->card.variables[i].name);
  int status = e->is_prepared ? PYEMU_OK : tensors_prepare(e, error);
  if (status != PYEMU_OK)
    return status;
  columns = columns == -1 ? e->columns : columns;
  if (columns < 0 || columns > e->columns)
    return fail(error, PYEMU_ERR_SIZE, "%lld columns are to be recorded; expected 0 to %lld",
                (long long)columns, (long long)e->columns);
  environment_use_default(); /* conversion rounds as on the way to an engine */
  record_take_host(e->record, e, step, columns);
  return PYEMU_OK;
}

int pyemu_record_host(pyemu_emulator *emulator, int64_t step, int64_t columns, char *errmsg,
                      size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  struct environment environment;
  int status = emulator_hold(emulator, &environment, &error);
  return status == PYEMU_OK ? emulator_release(emulator, &environment,
                                               record_host(emulator, step, columns, &error))
                            : status;
}
