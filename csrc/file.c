#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx.h"
#include "zip.h"

/* By kind. What carries code runs with the rights of the host. */
static const struct {
  const char *description;
  const char *engine;
  int carries_code;
} kinds[] = {
    [FILE_ONNX] = {"an ONNX graph", "onnxruntime", 0},
    [FILE_AOTI] = {"an AOTInductor package", "aoti", 1},
    [FILE_TORCHSCRIPT] = {"a TorchScript archive", "torchscript", 1},
    [FILE_PYTHON] = {"a Python module", "python", 1},
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

const char *file_kind_description(enum file_kind kind) { return kinds[kind].description; }

const char *file_kind_engine(enum file_kind kind) { return kinds[kind].engine; }

int file_kind_carries_code(enum file_kind kind) { return kinds[kind].carries_code; }

int file_check_engine(enum file_kind kind, const char *engine, const struct error *error) {
  for (int other = 0; other < N_KINDS; ++other) {
    const int runs_it = strcmp(engine, kinds[other].engine) == 0 ||
                        (other == FILE_ONNX && strcmp(engine, "native") == 0);
    if (other != (int)kind && runs_it)
      return fail(error, PYEMU_ERR_ARGUMENT,
                  "engine '%s' runs %s, but the file is %s: choose engine '%s', or none", engine,
                  kinds[other].description, kinds[kind].description, kinds[kind].engine);
  }
  return PYEMU_OK;
}

static int begins_with(const unsigned char *bytes, size_t size, const char *text) {
  size_t length = strlen(text);
  return size >= length && memcmp(bytes, text, length) == 0;
}

/* The first line of a Python emulator, without its end. */
static const char python_line[] = "# pyemu emulator";

static int is_python(const unsigned char *bytes, size_t size) {
  const size_t length = sizeof python_line - 1;
  return begins_with(bytes, size, python_line) &&
         (size == length || bytes[length] == '\n' || bytes[length] == '\r');
}

/* Take the text of an entry, of which there may be one. */
static int take_entry(const struct zip *zip, const struct zip_entry *entry, const char **text,
                      size_t *length, const struct error *error) {
  const unsigned char *bytes;
  if (*text)
    return fail(error, PYEMU_ERR_FORMAT, "the zip archive has two entries like '%.*s'",
                (int)(entry->name_size < 200 ? entry->name_size : 200), entry->name);
  int status = zip_data(zip, entry, &bytes, length, error);
  if (status == PYEMU_OK)
    *text = (const char *)bytes;
  return status;
}

/* What the names of an archive's entries say of its kind. */
struct signs {
  int has_aotinductor;
  int has_code;
  int has_constants;
};

static int read_entry(const struct zip *zip, const struct zip_entry *entry, struct signs *signs,
                      struct file_texts *texts, const struct error *error) {
  signs->has_aotinductor |= zip_name_holds(entry, "/data/aotinductor/");
  signs->has_code |= zip_name_holds(entry, "/code/");
  signs->has_constants |= zip_name_ends(entry, "constants.pkl");
  if (zip_name_ends(entry, "/extra/pyemu"))
    return take_entry(zip, entry, &texts->card, &texts->card_size, error);
  if (zip_name_ends(entry, "/extra/pyemu_reference"))
    return take_entry(zip, entry, &texts->reference, &texts->reference_size, error);
  return PYEMU_OK;
}

static int read_zip(const unsigned char *bytes, size_t size, struct file_texts *texts,
                    const struct error *error) {
  struct zip zip;
  struct zip_entry entry;
  struct signs signs = {0, 0, 0};
  int status = zip_open(&zip, bytes, size, error);
  while (status == PYEMU_OK && zip.left > 0) {
    status = zip_next(&zip, &entry, error);
    if (status == PYEMU_OK)
      status = read_entry(&zip, &entry, &signs, texts, error);
  }
  if (status != PYEMU_OK)
    return status;
  if (!signs.has_aotinductor && !(signs.has_code && signs.has_constants))
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "the file is a zip archive, but neither an AOTInductor package nor TorchScript "
                "(torch.save and torch.export.save write no program that could be run without "
                "Python); write the emulator with 'pyemu export'");
  texts->kind = signs.has_aotinductor ? FILE_AOTI : FILE_TORCHSCRIPT;
  return PYEMU_OK;
}

/* Take what stands between 'open' at 'text' and the next three quotes, of which there may be one;
 * where it ends is put into '*end'. */
static int take_quoted(const char *open, const char *text, const char **end, const char **found,
                       size_t *length, const struct error *error) {
  const char *start = text + strlen(open);
  const char *close = memmem(start, (size_t)(*end - start), "'''", 3);
  if (*found)
    return fail(error, PYEMU_ERR_FORMAT, "the Python module has two lines \"%s\"", open);
  if (!close)
    return fail(error, PYEMU_ERR_FORMAT,
                "the text behind \"%s\" has no end; was the file truncated?", open);
  *found = start;
  *length = (size_t)(close - start);
  *end = close + 3;
  return PYEMU_OK;
}

static int read_python(const unsigned char *bytes, size_t size, struct file_texts *texts,
                       const struct error *error) {
  static const char card[] = "CARD = r'''", reference[] = "REFERENCE = r'''";
  const char *at = (const char *)bytes, *end = at + size;
  int status = PYEMU_OK;
  texts->kind = FILE_PYTHON;
  while (at && at < end && status == PYEMU_OK) {
    const char *next = end;
    if (begins_with((const unsigned char *)at, (size_t)(end - at), card))
      status = take_quoted(card, at, &next, &texts->card, &texts->card_size, error);
    else if (begins_with((const unsigned char *)at, (size_t)(end - at), reference))
      status = take_quoted(reference, at, &next, &texts->reference, &texts->reference_size, error);
    else
      next = at;
    at = memchr(next, '\n', (size_t)(end - next));
    at = at ? at + 1 : NULL;
  }
  return status;
}

/* Where the two texts sit in a file of each kind, for messages. */
static const char *const places[][2] = {
    [FILE_ONNX] = {"metadata entry 'pyemu'", "metadata entry 'pyemu_reference'"},
    [FILE_AOTI] = {"entry 'extra/pyemu'", "entry 'extra/pyemu_reference'"},
    [FILE_TORCHSCRIPT] = {"entry 'extra/pyemu'", "entry 'extra/pyemu_reference'"},
    [FILE_PYTHON] = {"line \"CARD = r'''\"", "line \"REFERENCE = r'''\""},
};

/* Both texts must be there: what "pyemu export" writes always has them. */
static int check_texts(const struct file_texts *texts, const struct error *error) {
  if (!texts->card)
    return fail(error, PYEMU_ERR_NO_CARD,
                "the file is %s but has no emulator card (no %s); write it with 'pyemu export', or "
                "check that it was not truncated",
                kinds[texts->kind].description, places[texts->kind][0]);
  if (!texts->reference)
    return fail(error, PYEMU_ERR_CARD,
                "the file has a card but no reference columns (no %s); write it with 'pyemu "
                "export', or check that it was not truncated",
                places[texts->kind][1]);
  return PYEMU_OK;
}

static int is_zip(const unsigned char *bytes, size_t size) {
  return begins_with(bytes, size, "PK\3\4");
}

int file_find_kind(const unsigned char *bytes, size_t size, struct file_texts *texts,
                   const struct error *error) {
  *texts = (struct file_texts){.kind = FILE_ONNX};
  if (is_zip(bytes, size))
    return read_zip(bytes, size, texts, error);
  if (is_python(bytes, size))
    return read_python(bytes, size, texts, error);
  return onnx_find_texts(bytes, size, texts, error);
}

int file_find_texts(const unsigned char *bytes, size_t size, struct file_texts *texts,
                    const struct error *error) {
  int status = file_find_kind(bytes, size, texts, error);
  return status == PYEMU_OK ? check_texts(texts, error) : status;
}

/* Read 'size' bytes from the start; 0 if it fails, with 'errno' zero if the file is shorter. */
static int read_all(int file, unsigned char *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    errno = 0;
    ssize_t count = read(file, bytes + done, size - done);
    if (count > 0)
      done += (size_t)count;
    else if (count == 0 || errno != EINTR)
      return 0;
  }
  return 1;
}

/* Protocol buffers end at 2 GiB. What is larger and no archive is refused before memory is taken.
 */
static int check_size(int file, const char *path, size_t size, const struct error *error) {
  unsigned char head[4];
  if (size <= INT32_MAX || (pread(file, head, sizeof head, 0) == sizeof head && is_zip(head, 4)))
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_FORMAT,
              "'%s' has %zu bytes; an ONNX file has at most 2 GiB: is it an emulator file?", path,
              size);
}

static int read_file(int file, const char *path, unsigned char **bytes, size_t *size,
                     const struct error *error) {
  struct stat info;
  if (fstat(file, &info) != 0)
    return fail(error, PYEMU_ERR_FILE, "cannot read '%s': %s", path, strerror(errno));
  if (!S_ISREG(info.st_mode))
    return fail(error, PYEMU_ERR_FILE, "cannot read '%s': it is not a regular file", path);
  *size = (size_t)info.st_size;
  int status = check_size(file, path, *size, error);
  if (status != PYEMU_OK)
    return status;
  *bytes = malloc(*size + 1);
  if (!*bytes)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the %zu bytes of '%s'", *size, path);
  if (read_all(file, *bytes, *size))
    return PYEMU_OK;
  const char *reason = errno ? strerror(errno) : "the file became shorter";
  status =
      fail(error, PYEMU_ERR_FILE, "cannot read all %zu bytes of '%s': %s", *size, path, reason);
  free(*bytes);
  *bytes = NULL;
  return status;
}

int file_read(const char *path, unsigned char **bytes, size_t *size, const struct error *error) {
  *bytes = NULL;
  /* Opening a pipe that nobody writes to would wait forever. */
  int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0)
    return fail(error, PYEMU_ERR_FILE,
                "cannot open '%s': %s; check the path and the working directory", path,
                strerror(errno));
  int status = read_file(file, path, bytes, size, error);
  close(file);
  return status;
}
