/* A damaged file is refused with a status, at every length and with every byte changed; no byte
 * beyond it is read. */
#include "toy.h"

static const char *directory;
static char message[2048];

/* Open a copy of exactly that size. */
static int open_copy(const unsigned char *bytes, size_t size) {
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e = NULL;
  unsigned char *exact = malloc(size ? size : 1);
  memcpy(exact, bytes, size);
  options.engine = "stub";
  int status = pyemu_open_memory(exact, size, &options, &e, message, sizeof message);
  free(exact);
  CHECK((status == PYEMU_OK) == (e != NULL));
  CHECK((status == PYEMU_OK) == (message[0] == '\0'));
  if (e)
    pyemu_close(&e, NULL, 0);
  return status;
}

static void check_every_truncation_is_refused(const char *file) {
  size_t size;
  unsigned char *bytes = check_read(directory, file, &size);
  for (size_t length = 0; length < size; ++length) {
    int status = open_copy(bytes, length);
    CHECK(status == PYEMU_ERR_FORMAT || status == PYEMU_ERR_NO_CARD || status == PYEMU_ERR_CARD);
    CHECK(strlen(message) > 20);
  }
  CHECK(open_copy(bytes, size) == PYEMU_OK);
  free(bytes);
}

/* Whatever the byte becomes, open returns: with a status, or with an emulator that can be closed.
 */
static void check_every_changed_byte_is_survived(const char *file) {
  static const unsigned char masks[] = {0x01, 0x80, 0xFF, 0x22, 0x5B};
  size_t size;
  unsigned char *bytes = check_read(directory, file, &size);
  for (size_t i = 0; i < size; ++i)
    for (size_t m = 0; m < sizeof masks; ++m) {
      bytes[i] ^= masks[m];
      int status = open_copy(bytes, size);
      CHECK(status >= PYEMU_OK && status <= PYEMU_ERR_CODE);
      bytes[i] ^= masks[m];
    }
  free(bytes);
}

static const char *const whole[] = {"toy.onnx", "toy.pt", "toy.pt2", "toy.py"};

struct expectation {
  const char *file;
  int status;
  const char *piece;
};

static void check_bad_files(void) {
  static const struct expectation bad[] = {
      {"no_such_file.onnx", PYEMU_ERR_FILE, "cannot open"},
      {"empty.onnx", PYEMU_ERR_FORMAT, "no graph in its 0 bytes"},
      {"text.onnx", PYEMU_ERR_FORMAT, "not a whole ONNX file"},
      {"truncated.onnx", PYEMU_ERR_FORMAT, "truncated"},
      {"archive.pt2", PYEMU_ERR_FORMAT, "not a whole zip archive: no end record"},
      {"no_card.onnx", PYEMU_ERR_NO_CARD, "no emulator card"},
      {"no_reference.onnx", PYEMU_ERR_CARD, "no reference columns"},
      {"newer_schema.onnx", PYEMU_ERR_SCHEMA,
       "card schema 3 found, this library reads up to 2: update libpyemu"},
      {"schema_text.onnx", PYEMU_ERR_CARD,
       "'schema' must be a whole number from 1, found a string"},
      {"kind_other.onnx", PYEMU_ERR_UNSUPPORTED, "kind is 'mesh'"},
      {"field_batch_not_first.onnx", PYEMU_ERR_CARD, "'sample' only the first"},
      {"output_without_column.onnx", PYEMU_ERR_CARD, "'dims' must begin with \"column\""},
      {"three_dims.onnx", PYEMU_ERR_CARD, "'dims' must be [\"column\"], [\"column\", LEVEL] or []"},
      {"with_noise.onnx", PYEMU_ERR_UNSUPPORTED, "needs noise"},
      {"state_text.onnx", PYEMU_ERR_CARD, "'state' must be a list, found a string"},
      {"state_list.onnx", PYEMU_ERR_CARD, "'state' must hold objects"},
      {"state_without_output.onnx", PYEMU_ERR_CARD, "'output' must be a string, found nothing"},
      {"state_unknown.onnx", PYEMU_ERR_CARD, "input 'hid', which is no variable of it"},
      {"state_turned.onnx", PYEMU_ERR_CARD, "input 'hidden_next', which is none"},
      {"state_twice.onnx", PYEMU_ERR_CARD, "input 'hidden', which is in it already"},
      {"state_noise.onnx", PYEMU_ERR_CARD, "input 'kick', which is noise"},
      {"state_dtype.onnx", PYEMU_ERR_CARD, "must have the same dtype and sizes"},
      {"novelty_unknown.onnx", PYEMU_ERR_CARD, "'inputs' must be a list of real inputs"},
      {"novelty_output.onnx", PYEMU_ERR_CARD, "'inputs' must be a list of real inputs"},
      {"novelty_twice.onnx", PYEMU_ERR_CARD, "'inputs' must be a list"},
      {"novelty_short.onnx", PYEMU_ERR_CARD, "'center' must be a list with a number for each"},
      {"novelty_scale.onnx", PYEMU_ERR_CARD, "'scale' must be a list with a number above 0"},
      {"novelty_vectors.onnx", PYEMU_ERR_CARD, "'vectors' must be a list with a number for each"},
      {"novelty_variances.onnx", PYEMU_ERR_CARD,
       "'variances' must be a list with a number above 0"},
      {"novelty_rest.onnx", PYEMU_ERR_CARD, "'residual_variance' must be a number above 0"},
      {"novelty_distance.onnx", PYEMU_ERR_CARD, "'distance' must be a number above 0"},
      {"no_inputs.onnx", PYEMU_ERR_CARD, "lists 0 inputs"},
      {"name_twice.onnx", PYEMU_ERR_CARD, "'air_temperature' twice"},
      {"name_number.onnx", PYEMU_ERR_CARD, "'name' must be a string, found a number"},
      {"dtype_unknown.onnx", PYEMU_ERR_CARD, "dtype 'float16'; expected float32"},
      {"dims_without_column.onnx", PYEMU_ERR_CARD, "'dims' must be"},
      {"size_zero.onnx", PYEMU_ERR_CARD, "whole number from 1"},
      {"size_huge.onnx", PYEMU_ERR_CARD, "whole number from 1"},
      {"size_missing.onnx", PYEMU_ERR_CARD, "found nothing"},
      {"valid_range_turned.onnx", PYEMU_ERR_CARD, "'valid_range' must be two numbers, the smaller"},
      {"valid_range_short.onnx", PYEMU_ERR_CARD, "'valid_range' must be two numbers"},
      {"training_range_short.onnx", PYEMU_ERR_CARD, "two lists with a number for each level"},
      {"training_range_text.onnx", PYEMU_ERR_CARD, "'training_range' must be two lists of numbers"},
      {"training_range_turned.onnx", PYEMU_ERR_CARD, "'minimum' no larger than 'maximum'"},
      {"training_range_half.onnx", PYEMU_ERR_CARD, "two lists with a number for each level"},
      {"card_is_list.onnx", PYEMU_ERR_CARD, "must be a JSON object, found a list"},
      {"card_is_deep.onnx", PYEMU_ERR_CARD, "nested too deeply"},
      {"card_is_cut.onnx", PYEMU_ERR_CARD, "the emulator card is not valid JSON"},
      {"reference_short.onnx", PYEMU_ERR_CARD, "too few for 4 columns of 5 float32"},
      {"reference_not_base64.onnx", PYEMU_ERR_CARD, "are not the base64"},
      {"reference_missing.onnx", PYEMU_ERR_CARD, "must be a string, found nothing"},
      {"reference_no_columns.onnx", PYEMU_ERR_CARD, "must be a number from 1"},
      {"reference_many_columns.onnx", PYEMU_ERR_CARD, "must be a number from 1"},
      {"reference_encoding.onnx", PYEMU_ERR_CARD, "base64-le"},
      {"zip_of_weights.pt", PYEMU_ERR_UNSUPPORTED, "torch.save"},
      {"zip_no_card.pt", PYEMU_ERR_NO_CARD, "a TorchScript archive but has no emulator card"},
      {"zip_no_reference.pt", PYEMU_ERR_CARD, "no reference columns (no entry 'extra/pyemu_ref"},
      {"zip_compressed.pt", PYEMU_ERR_UNSUPPORTED,
       "entry 'toy/extra/pyemu' of the zip archive is c"},
      {"zip_two_cards.pt", PYEMU_ERR_FORMAT, "two entries like 'other/extra/pyemu'"},
      {"zip_empty.pt", PYEMU_ERR_FORMAT, "not a whole ONNX file"},
      {"zip_encrypted.pt", PYEMU_ERR_UNSUPPORTED, "is encrypted"},
      {"zip_checksum.pt", PYEMU_ERR_FORMAT, "has another checksum"},
      {"zip_size.pt", PYEMU_ERR_FORMAT, "reaches beyond the file"},
      {"zip_two_sizes.pt", PYEMU_ERR_FORMAT, "reaches beyond the file"},
      {"zip_offset.pt", PYEMU_ERR_FORMAT, "has no header where the directory says"},
      {"zip_offset_inside.pt", PYEMU_ERR_FORMAT, "has no header where the directory says"},
      {"zip_no_large_numbers.pt", PYEMU_ERR_FORMAT, "has no header where the directory says"},
      {"zip_long_name.pt", PYEMU_ERR_FORMAT, "an entry of the directory is cut short"},
      {"zip_short_name.pt", PYEMU_ERR_FORMAT, "more in the directory than its entries"},
      {"zip_other_name.pt", PYEMU_ERR_FORMAT, "has another name in front of its data"},
      {"zip_cut.pt", PYEMU_ERR_FORMAT, "no end record"},
      {"zip_more.pt", PYEMU_ERR_FORMAT, "no end record"},
      {"zip_two_disks.pt", PYEMU_ERR_FORMAT, "an archive of several files"},
      {"zip_many_entries.pt", PYEMU_ERR_FORMAT, "cannot be as large as is said"},
      {"zip_few_entries.pt", PYEMU_ERR_FORMAT, "more in the directory than its entries"},
      {"zip_locator.pt", PYEMU_ERR_FORMAT, "no end record of 64 bits"},
      {"zip_locator_inside.pt", PYEMU_ERR_FORMAT, "no end record of 64 bits"},
      {"zip_large_count.pt", PYEMU_ERR_FORMAT, "cannot be as large as is said"},
      {"module_no_card.py", PYEMU_ERR_NO_CARD, "no line \"CARD = r'''\""},
      {"module_indented.py", PYEMU_ERR_NO_CARD, "a Python module but has no emulator card"},
      {"module_two_cards.py", PYEMU_ERR_FORMAT, "two lines \"CARD = r'''\""},
      {"module_quoted.py", PYEMU_ERR_FORMAT, "two lines \"REFERENCE = r'''\""},
      {"module_cut.py", PYEMU_ERR_FORMAT, "has no end"},
      {"module_other.py", PYEMU_ERR_FORMAT, "not a whole ONNX file"},
  };
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.engine = "stub";
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    char path[4096];
    pyemu_emulator *e = (pyemu_emulator *)&options;
    snprintf(path, sizeof path, "%s/%s", directory, bad[i].file);
    CHECK_STATUS(pyemu_open(path, &options, &e, message, sizeof message), bad[i].status,
                 bad[i].piece);
    CHECK(strstr(message, bad[i].file) && e == NULL);
  }
  CHECK_STATUS(pyemu_open(directory, &options, &(pyemu_emulator *){NULL}, message, sizeof message),
               PYEMU_ERR_FILE, "not a regular file");
}

int main(int argc, char **argv) {
  directory = argc > 1 ? argv[1] : ".";
  for (size_t i = 0; i < sizeof whole / sizeof whole[0]; ++i) {
    check_every_changed_byte_is_survived(whole[i]);
    if (!strstr(whole[i], ".py")) /* code behind the texts of a module may end anywhere */
      check_every_truncation_is_refused(whole[i]);
  }
  check_bad_files();
  return check_result();
}
