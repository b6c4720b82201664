/* state.c - what an emulator carries from step to step, as bytes and back. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dtype.h"
#include "emulator.h"
#include "file.h"

/*
 * A state is a heading, the size of all, the digest of the emulator file, and then numbers of 64
 * bits, the lowest byte first, but for names and for values of 32 bits. The digest of all before it
 * ends it.
 */
static const char HEADING[8] = {'P', 'Y', 'E', 'M', 'U', 'S', 'T', '1'};

enum { NUMBER = 8, DIGEST = SHA256_TEXT - 1, TALLY_NUMBERS = 7 };

/* Where bytes go or come from. */
struct stream {
  unsigned char *to; /* NULL: they are only counted */
  const unsigned char *from;
  size_t at;
  size_t size;  /* of 'from' */
  int is_short; /* more was asked for than there is */
};

static void put_bytes(struct stream *s, const void *bytes, size_t size) {
  if (s->to)
    memcpy(s->to + s->at, bytes, size);
  s->at += size;
}

static void put_number(struct stream *s, uint64_t x, size_t size) {
  unsigned char bytes[NUMBER];
  for (size_t i = 0; i < size; ++i)
    bytes[i] = (unsigned char)(x >> 8 * i);
  put_bytes(s, bytes, size);
}

static void put(struct stream *s, int64_t x) { put_number(s, (uint64_t)x, NUMBER); }

static void put_double(struct stream *s, double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  put_number(s, bits, NUMBER);
}

/* So many bytes, which stay where they are; NULL if there are fewer. */
static const unsigned char *take_bytes(struct stream *s, size_t size) {
  s->is_short |= size > s->size - s->at;
  if (s->is_short)
    return NULL;
  s->at += size;
  return s->from + s->at - size;
}

static uint64_t take_number(struct stream *s, size_t size) {
  const unsigned char *bytes = take_bytes(s, size);
  uint64_t x = 0;
  for (size_t i = 0; bytes && i < size; ++i)
    x |= (uint64_t)bytes[i] << 8 * i;
  return x;
}

static int64_t take(struct stream *s) { return (int64_t)take_number(s, NUMBER); }

static double take_double(struct stream *s) {
  const uint64_t bits = take_number(s, NUMBER);
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* --- Columns --- */

/* A value of a row, as the bits that it is made of. */
static uint64_t bits_at(const struct memory *memory, int64_t row, int64_t number) {
  const char *at = memory_at(memory, row, number);
  uint32_t bits32;
  uint64_t bits64 = 0;
  if (memory->size == sizeof bits32) {
    memcpy(&bits32, at, sizeof bits32);
    return bits32;
  }
  memcpy(&bits64, at, sizeof bits64);
  return bits64;
}

static void set_bits(const struct memory *memory, int64_t row, int64_t number, uint64_t bits) {
  const uint32_t bits32 = (uint32_t)bits;
  if (memory->size == sizeof bits32)
    memcpy(memory_at(memory, row, number), &bits32, sizeof bits32);
  else
    memcpy(memory_at(memory, row, number), &bits, sizeof bits);
}

static int64_t rows_made(const struct memory *memory) {
  int64_t n = 0;
  for (int64_t row = 0; row < memory->n_rows; ++row)
    n += memory->is_made[row] != 0;
  return n;
}

static void put_memory(struct stream *s, const char *name, const struct memory *memory) {
  put(s, (int64_t)strlen(name));
  put_bytes(s, name, strlen(name));
  put(s, memory->width);
  put(s, (int64_t)memory->size);
  put(s, rows_made(memory));
  for (int64_t row = 0; row < memory->n_rows; ++row) {
    if (!memory->is_made[row])
      continue;
    put(s, memory->ids[row]);
    put(s, memory->steps[row]);
    for (int64_t k = 0; k < memory->width; ++k)
      put_number(s, bits_at(memory, row, k), memory->size);
  }
}

/* Rows that are there already and not older stay. */
static int take_rows(struct stream *s, struct memory *memory, int64_t n, int64_t *allocations,
                     const struct error *error) {
  for (int64_t i = 0; i < n; ++i) {
    const int64_t id = take(s), step = take(s);
    const int64_t row = memory_row(memory, id, allocations);
    if (row < 0)
      return fail(error, PYEMU_ERR_MEMORY, "no memory for what %lld columns carry", (long long)n);
    const int is_newer = !memory->is_made[row] || memory->steps[row] < step;
    for (int64_t k = 0; k < memory->width; ++k) {
      const uint64_t bits = take_number(s, memory->size);
      if (is_newer)
        set_bits(memory, row, k, bits);
    }
    memory->steps[row] = is_newer ? step : memory->steps[row];
    memory->is_made[row] = 1;
  }
  return PYEMU_OK;
}

/* --- Counts --- */

static void put_guard(struct stream *s, const pyemu_emulator *e) {
  put(s, e->guard != NULL);
  if (!e->guard)
    return;
  for (int64_t i = 0, size; i < e->card.n_variables; ++i) {
    const int64_t *counts = guard_all_counts(e->guard, i, &size);
    for (int64_t k = 0; k < size; ++k)
      put(s, counts[k]);
  }
  for (int64_t b = 0; b < e->card.n_budgets; ++b) {
    const struct tally *tally = &guard_tallies(e->guard)[b];
    put(s, tally->columns);
    put(s, tally->exceeded);
    put_double(s, tally->sum);
    put_double(s, tally->sum_of_squares);
    put_double(s, tally->largest);
    put(s, tally->at_step);
    put(s, tally->at_column);
  }
}

static void take_tally(struct stream *s, struct tally *tally, int is_more) {
  const int64_t columns = take(s), exceeded = take(s);
  const double sum = take_double(s), sum_of_squares = take_double(s), largest = take_double(s);
  const int64_t at_step = take(s), at_column = take(s);
  if (!is_more)
    *tally = (struct tally){.at_step = -1, .at_column = -1};
  tally->columns += columns;
  tally->exceeded += exceeded;
  tally->sum += sum;
  tally->sum_of_squares += sum_of_squares;
  if (tally->at_column >= 0 && (at_column < 0 || fabs(tally->largest) >= fabs(largest)))
    return;
  tally->largest = largest;
  tally->at_step = at_step;
  tally->at_column = at_column;
}

static void take_guard(struct stream *s, pyemu_emulator *e, int is_more) {
  for (int64_t i = 0, size; i < e->card.n_variables; ++i) {
    int64_t *counts = guard_all_counts(e->guard, i, &size);
    for (int64_t k = 0; k < size; ++k)
      counts[k] = take(s) + (is_more ? counts[k] : 0);
  }
  for (int64_t b = 0; b < e->card.n_budgets; ++b)
    take_tally(s, &guard_tallies(e->guard)[b], is_more);
}

/* --- All of it --- */

/* What columns carry, one after the other: of noise, and of what the emulator hands itself. */
static int64_t count_memories(const pyemu_emulator *e) {
  return e->noise.n_inputs + e->carried.n_states;
}

static struct memory *memory_of_index(pyemu_emulator *e, int64_t i, const char **name) {
  const int is_noise = i < e->noise.n_inputs;
  struct noise_input *input = is_noise ? &e->noise.inputs[i] : NULL;
  struct carried_state *state = is_noise ? NULL : &e->carried.states[i - e->noise.n_inputs];
  *name = e->card.variables[is_noise ? input->variable : state->input].name;
  return is_noise ? &input->memory : &state->memory;
}

static void put_state(struct stream *s, pyemu_emulator *e) {
  const struct noise_inputs *noise = &e->noise;
  const char *name;
  int64_t n = 0;
  put_bytes(s, HEADING, sizeof HEADING);
  const size_t size_at = s->at;
  put(s, 0);
  put_bytes(s, e->sha256, DIGEST);
  put(s, noise->has_key);
  put(s, noise->seed);
  put(s, noise->member);
  for (int64_t i = 0; i < count_memories(e); ++i)
    n += memory_of_index(e, i, &name)->width > 0;
  put(s, n);
  for (int64_t i = 0; i < count_memories(e); ++i) {
    const struct memory *memory = memory_of_index(e, i, &name);
    if (memory->width > 0)
      put_memory(s, name, memory);
  }
  put_guard(s, e);
  const size_t end = s->at;
  s->at = size_at;
  put(s, (int64_t)end + DIGEST);
  s->at = end;
  char digest[SHA256_TEXT] = {0};
  if (s->to)
    sha256_text(s->to, end, digest);
  put_bytes(s, digest, DIGEST);
}

static size_t state_size(pyemu_emulator *e) {
  struct stream s = {0};
  put_state(&s, e);
  return s.at;
}

/* The state without its end, if that is what the bytes are. */
static int open_stream(struct stream *s, const unsigned char *bytes, size_t size,
                       const struct error *error) {
  *s = (struct stream){.from = bytes, .size = size};
  const unsigned char *heading = take_bytes(s, sizeof HEADING);
  if (!heading || memcmp(heading, HEADING, sizeof HEADING) != 0)
    return fail(error, PYEMU_ERR_FORMAT,
                "this is not the state of an emulator: it does not begin with '%.8s'", HEADING);
  const uint64_t all = (uint64_t)take(s);
  if (s->is_short || all > size || all < s->at + (size_t)DIGEST)
    return fail(error, PYEMU_ERR_FORMAT, "the state is truncated: %zu bytes of %llu", size,
                (unsigned long long)all);
  char digest[SHA256_TEXT];
  s->size = (size_t)all - DIGEST;
  sha256_text(bytes, s->size, digest);
  if (memcmp(digest, bytes + s->size, DIGEST) != 0)
    return fail(error, PYEMU_ERR_FORMAT,
                "the state is damaged: its digest is not that of its bytes");
  return PYEMU_OK;
}

static int check_origin(struct stream *s, const pyemu_emulator *e, const struct error *error) {
  const unsigned char *digest = take_bytes(s, DIGEST);
  if (digest && memcmp(digest, e->sha256, DIGEST) == 0)
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_ARGUMENT,
              "the state is of another emulator file, with SHA-256 %.64s; this one has %s",
              digest ? (const char *)digest : "", e->sha256);
}

static int check_key(const struct noise_inputs *noise, const struct noise_inputs *key,
                     const struct error *error) {
  if (!noise->has_key || !key->has_key ||
      (noise->seed == key->seed && noise->member == key->member))
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_ARGUMENT,
              "the state is of noise with seed %lld and member %lld, but %lld and %lld are set; "
              "load the state of this member",
              (long long)key->seed, (long long)key->member, (long long)noise->seed,
              (long long)noise->member);
}

/* The memory whose rows come next, and their number. */
static int take_memory(struct stream *s, pyemu_emulator *e, struct memory **memory, int64_t *rows,
                       const struct error *error) {
  const size_t length = (size_t)take(s);
  const unsigned char *name = take_bytes(s, length);
  const int64_t width = take(s), size = take(s);
  *rows = take(s);
  *memory = NULL;
  for (int64_t i = 0; name && i < count_memories(e); ++i) {
    const char *known;
    struct memory *candidate = memory_of_index(e, i, &known);
    if (strlen(known) == length && memcmp(known, name, length) == 0)
      *memory = candidate;
  }
  if (*memory && (int64_t)(*memory)->size != size && (size == 4 || size == 8))
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the state was saved with numbers of %lld bytes, this emulator has such of %zu: "
                "open it with the same precision",
                (long long)size, (*memory)->size);
  const int64_t row_bytes = *memory ? 2 * NUMBER + (*memory)->width * (int64_t)(*memory)->size : 0;
  if (!*memory || s->is_short || (*memory)->width != width || (int64_t)(*memory)->size != size ||
      *rows < 0 || *rows > (int64_t)(s->size - s->at) / row_bytes)
    return fail(error, PYEMU_ERR_FORMAT, "the state breaks its own format");
  return PYEMU_OK;
}

/* Go through the memories; with 'is_loaded' take what is in them. */
static int walk_memories(struct stream *s, pyemu_emulator *e, int is_loaded,
                         const struct error *error) {
  int status = PYEMU_OK;
  const int64_t n = take(s);
  for (int64_t i = 0; i < n && status == PYEMU_OK; ++i) {
    struct memory *memory;
    int64_t rows;
    status = take_memory(s, e, &memory, &rows, error);
    if (status == PYEMU_OK && is_loaded)
      status = take_rows(s, memory, rows, &e->noise.allocations, error);
    else if (status == PYEMU_OK)
      take_bytes(s, (size_t)rows * (2 * NUMBER + (size_t)memory->width * memory->size));
  }
  return status;
}

/* What is left must be the counts of all variables and budgets, or nothing. */
static int check_counts(struct stream *s, const pyemu_emulator *e, int has_counts, int what,
                        const struct error *error) {
  int64_t numbers = 0;
  for (int64_t i = 0, size; has_counts && e->guard && i < e->card.n_variables; ++i) {
    guard_all_counts(e->guard, i, &size);
    numbers += size;
  }
  if (has_counts && !e->guard && (what & PYEMU_STATE_COUNTS))
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the state has the counts of a guard, but none is set; set it before, or load "
                "PYEMU_STATE_COLUMNS alone");
  numbers += has_counts ? e->card.n_budgets * TALLY_NUMBERS : 0;
  if (s->is_short || (e->guard && (int64_t)(s->size - s->at) != numbers * NUMBER))
    return fail(error, PYEMU_ERR_FORMAT, "the state breaks its own format");
  return PYEMU_OK;
}

static void forget_columns(pyemu_emulator *e) {
  const char *name;
  for (int64_t i = 0; i < count_memories(e); ++i)
    memory_forget(memory_of_index(e, i, &name));
}

static int load(pyemu_emulator *e, const unsigned char *bytes, size_t size, int what,
                const struct error *error) {
  struct stream s;
  struct noise_inputs key = {0};
  int status = open_stream(&s, bytes, size, error);
  if (status == PYEMU_OK)
    status = check_origin(&s, e, error);
  if (status != PYEMU_OK)
    return status;
  key.has_key = take(&s) != 0;
  key.seed = take(&s);
  key.member = take(&s);
  const size_t memories_at = s.at;
  const int is_columns = (what & PYEMU_STATE_COLUMNS) != 0;
  const int is_more = (what & PYEMU_STATE_MORE) != 0;
  if (is_columns)
    status = check_key(&e->noise, &key, error);
  if (status == PYEMU_OK)
    status = walk_memories(&s, e, 0, error);
  const int has_counts = status == PYEMU_OK && take(&s) != 0;
  if (status == PYEMU_OK)
    status = check_counts(&s, e, has_counts, what, error);
  if (status != PYEMU_OK)
    return status;
  if (has_counts && (what & PYEMU_STATE_COUNTS))
    take_guard(&s, e, is_more);
  if (!is_columns)
    return PYEMU_OK;
  if (key.has_key)
    status = noise_inputs_set(&e->noise, key.seed, key.member, error);
  if (!is_more)
    forget_columns(e);
  s.at = memories_at;
  return status == PYEMU_OK ? walk_memories(&s, e, 1, error) : status;
}

/* --- Files --- */

static int fail_write(const char *path, const struct error *error) {
  return fail(error, PYEMU_ERR_FILE, "cannot write the state to '%.400s': %s", path,
              strerror(errno));
}

static int write_file(const char *path, const unsigned char *bytes, size_t size,
                      const struct error *error) {
  FILE *file = fopen(path, "wb");
  if (!file)
    return fail_write(path, error);
  const size_t written = fwrite(bytes, 1, size, file);
  const int is_closed = fclose(file) == 0;
  return written == size && is_closed ? PYEMU_OK : fail_write(path, error);
}

/* Write beside the file and rename. */
static int replace_file(const char *path, const unsigned char *bytes, size_t size,
                        const struct error *error) {
  static const char ENDING[] = ".part";
  char *beside = malloc(strlen(path) + sizeof ENDING);
  if (!beside)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the name of a file");
  memcpy(beside, path, strlen(path));
  memcpy(beside + strlen(path), ENDING, sizeof ENDING);
  int status = write_file(beside, bytes, size, error);
  if (status == PYEMU_OK && rename(beside, path) != 0)
    status = fail_write(path, error);
  if (status != PYEMU_OK)
    remove(beside);
  free(beside);
  return status;
}

static int save(pyemu_emulator *e, const char *path, const struct error *error) {
  const size_t size = state_size(e);
  unsigned char *bytes = malloc(size);
  if (!bytes)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the %zu bytes of the state", size);
  put_state(&(struct stream){.to = bytes}, e);
  int status = replace_file(path, bytes, size, error);
  free(bytes);
  return status;
}

int pyemu_save_state(pyemu_emulator *emulator, const char *path, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  if (!path)
    return fail(&error, PYEMU_ERR_ARGUMENT, "'path' is NULL: there is nowhere to save the state");
  int status = emulator_enter(emulator, &error);
  return status == PYEMU_OK ? emulator_leave(emulator, save(emulator, path, &error)) : status;
}

static int check_what(int what, const struct error *error) {
  const int parts = what & PYEMU_STATE_ALL;
  if (parts != 0 && (what & ~(PYEMU_STATE_ALL | PYEMU_STATE_MORE)) == 0)
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_ARGUMENT,
              "'what' is %d; expected PYEMU_STATE_COLUMNS, _COUNTS or _ALL, plus PYEMU_STATE_MORE "
              "if need be",
              what);
}

int pyemu_load_state_memory(pyemu_emulator *emulator, const void *buffer, int64_t size, int what,
                            char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  if (!buffer || size < 0)
    return fail(&error, PYEMU_ERR_ARGUMENT, "there is no buffer to load a state from");
  int status = check_what(what, &error);
  if (status == PYEMU_OK)
    status = emulator_enter(emulator, &error);
  return status == PYEMU_OK
             ? emulator_leave(emulator, load(emulator, buffer, (size_t)size, what, &error))
             : status;
}

int pyemu_load_state(pyemu_emulator *emulator, const char *path, int what, char *errmsg,
                     size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  unsigned char *bytes;
  size_t size;
  if (!emulator)
    return emulator_fail_closed(&error);
  if (!path)
    return fail(&error, PYEMU_ERR_ARGUMENT, "'path' is NULL: there is no state to load");
  int status = file_read(path, &bytes, &size, &error);
  if (status != PYEMU_OK)
    return status;
  status = pyemu_load_state_memory(emulator, bytes, (int64_t)size, what, errmsg, errlen);
  free(bytes);
  if (status != PYEMU_OK)
    error_prefix(&error, "'%.400s': ", path);
  return status;
}

int64_t pyemu_state_size(pyemu_emulator *emulator) {
  return emulator ? (int64_t)state_size(emulator) : -1;
}

int pyemu_save_state_memory(pyemu_emulator *emulator, void *buffer, int64_t size, char *errmsg,
                            size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int status = emulator_enter(emulator, &error);
  if (status != PYEMU_OK)
    return status;
  const int64_t needed = (int64_t)state_size(emulator);
  if (!buffer || size < needed)
    return emulator_leave(
        emulator, fail(&error, PYEMU_ERR_SIZE,
                       "the buffer has %lld bytes, but the state has %lld; ask pyemu_state_size",
                       (long long)(buffer ? size : 0), (long long)needed));
  put_state(&(struct stream){.to = buffer}, emulator);
  return emulator_leave(emulator, PYEMU_OK);
}
