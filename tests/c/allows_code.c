/* Files that carry code open only with leave; the kind of a file is told by its content. */
#include <sys/stat.h>

#include "toy.h"

static char message[2048];
static const char *directory;

static int open_file(const char *file, pyemu_options options, char *engine) {
  char path[4096];
  pyemu_emulator *e = NULL;
  snprintf(path, sizeof path, "%s/%s", directory, file);
  int status = pyemu_open(path, &options, &e, message, sizeof message);
  CHECK((status == PYEMU_OK) == (e != NULL));
  if (engine)
    strcpy(engine, e ? pyemu_engine(e) : "none");
  if (e)
    pyemu_close(&e, NULL, 0);
  return status;
}

/* The digest as the message gives it. */
static void find_digest(char digest[65]) {
  const char *at = strstr(message, "sha256 '");
  CHECK(at && strlen(at) > 72);
  snprintf(digest, 65, "%s", at ? at + 8 : "");
}

/* The plugin named here does not exist: the file gets past the check for code, and no further. */
static void check_leave(const char *file, const char *description) {
  char digest[65], other[65];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.engine = "no_such_engine";
  CHECK_STATUS(open_file(file, options, NULL), PYEMU_ERR_CODE, "allow_code");
  CHECK(strstr(message, description) && strstr(message, file));
  find_digest(digest);
  options.allow_code = 1;
  CHECK_STATUS(open_file(file, options, NULL), PYEMU_ERR_ENGINE, "'no_such_engine' not found");
  options.sha256 = digest;
  CHECK_STATUS(open_file(file, options, NULL), PYEMU_ERR_ENGINE, "'no_such_engine' not found");
  options.allow_code = 0;
  CHECK_STATUS(open_file(file, options, NULL), PYEMU_ERR_ENGINE, "'no_such_engine' not found");
  for (size_t i = 0; i < sizeof other; ++i)
    other[i] = (char)(digest[i] >= 'a' ? digest[i] - 'a' + 'A' : digest[i]);
  options.sha256 = other;
  CHECK_STATUS(open_file(file, options, NULL), PYEMU_ERR_ENGINE, "'no_such_engine' not found");
  other[63] = other[63] == '0' ? '1' : '0';
  CHECK_STATUS(open_file(file, options, NULL), PYEMU_ERR_CODE, "another file, or was changed");
  options.allow_code = 1;
  CHECK_STATUS(open_file(file, options, NULL), PYEMU_ERR_CODE, digest);
}

/* The stub runs no code, so it needs no leave; but a digest is compared. */
static void check_stub(const char *file) {
  char engine[64];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.engine = "stub";
  CHECK_STATUS(open_file(file, options, engine), PYEMU_OK, "");
  CHECK(strcmp(engine, "stub") == 0);
  options.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
  CHECK_STATUS(open_file(file, options, NULL), PYEMU_ERR_CODE, "000 was asked for");
}

static void check_wrong_digests(void) {
  static const char *const wrong[] = {
      "", "abc", "0x00000000000000000000000000000000000000000000000000000000000000",
      "00000000000000000000000000000000000000000000000000000000000000000",
      " 0000000000000000000000000000000000000000000000000000000000000000"};
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.engine = "stub";
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; ++i) {
    options.sha256 = wrong[i];
    CHECK_STATUS(open_file("toy.onnx", options, NULL), PYEMU_ERR_ARGUMENT, "64 hexadecimal digits");
  }
  options.sha256 = NULL;
  options.allow_code = 2;
  CHECK_STATUS(open_file("toy.onnx", options, NULL), PYEMU_ERR_ARGUMENT, "allow_code is 2");
  /* A program compiled before these options were there: nothing is allowed. */
  options.allow_code = 1;
  options.engine = "no_such_engine";
  options.sizeof_options = offsetof(pyemu_options, allow_code);
  CHECK_STATUS(open_file("toy.pt", options, NULL), PYEMU_ERR_CODE, "");
}

static void check_engine_of_another_kind(void) {
  static const char *const files[] = {"toy.onnx", "toy.pt2", "toy.pt", "toy.py"};
  static const char *const engines[] = {"onnxruntime", "aoti", "torchscript", "python"};
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.allow_code = 1;
  for (int file = 0; file < 4; ++file)
    for (int engine = 0; engine < 4; ++engine)
      if (file != engine) {
        options.engine = engines[engine];
        CHECK_STATUS(open_file(files[file], options, NULL), PYEMU_ERR_ARGUMENT, engines[file]);
        CHECK(strstr(message, "but the file is"));
      }
}

/* The engine is chosen by the content: none of these plugins lies in the directory given here. */
static void check_choice_of_engine(void) {
  static const char *const files[][2] = {{"toy.onnx", "engine 'onnxruntime' not found"},
                                         {"toy.pt2", "engine 'aoti' not found"},
                                         {"toy.pt", "engine 'torchscript' not found"},
                                         {"toy.py", "engine 'python' not found"}};
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.allow_code = 1;
  setenv("PYEMU_ENGINE_PATH", "/no/such/directory", 1);
  for (int i = 0; i < 4; ++i)
    CHECK_STATUS(open_file(files[i][0], options, NULL), PYEMU_ERR_ENGINE, files[i][1]);
  unsetenv("PYEMU_ENGINE_PATH");
}

/* A pipe that nobody writes to would make a careless reader wait for ever; and a file that only
 * claims to be huge takes no memory. */
static void check_strange_files(void) {
  char path[4096];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.engine = "stub";
  snprintf(path, sizeof path, "%s/pipe.onnx", directory);
  remove(path);
  CHECK(mkfifo(path, 0600) == 0);
  CHECK_STATUS(open_file("pipe.onnx", options, NULL), PYEMU_ERR_FILE, "not a regular file");
  remove(path);
  snprintf(path, sizeof path, "%s/huge.onnx", directory);
  FILE *huge = fopen(path, "wb");
  CHECK(huge && fseek(huge, (1L << 40) - 1, SEEK_SET) == 0 && fputc(0, huge) == 0);
  if (huge)
    fclose(huge);
  CHECK_STATUS(open_file("huge.onnx", options, NULL), PYEMU_ERR_FORMAT, "at most 2 GiB");
  remove(path);
}

int main(int argc, char **argv) {
  directory = argc > 1 ? argv[1] : ".";
  check_leave("toy.pt2", "an AOTInductor package");
  check_leave("toy.pt", "a TorchScript archive");
  check_leave("toy.py", "a Python module");
  static const char *const good[] = {"toy.onnx", "toy.pt",        "toy.pt2",
                                     "toy.py",   "module_dos.py", "zip_large_numbers.pt"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; ++i)
    check_stub(good[i]);
  check_wrong_digests();
  check_engine_of_another_kind();
  check_choice_of_engine();
  check_strange_files();
  return check_result();
}
