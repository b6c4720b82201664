/* Every entry of a zip archive. */
#include "zip.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char message[512];
  struct error error = error_in(message, sizeof message);
  struct zip zip;
  struct zip_entry entry;
  int status = zip_open(&zip, data, size, &error);
  PROMISE_STATUS(status, message);
  PROMISE(status != PYEMU_OK || zip.left <= size / 46);
  while (status == PYEMU_OK && zip.left > 0) {
    const unsigned char *bytes;
    size_t length;
    status = zip_next(&zip, &entry, &error);
    PROMISE_STATUS(status, message);
    if (status != PYEMU_OK)
      break;
    PROMISE(fuzz_is_inside(entry.name, entry.name_size, data, size));
    PROMISE(zip_name_holds(&entry, ""));
    PROMISE(!zip_name_ends(&entry, "extra/pyemu") || zip_name_holds(&entry, "extra/pyemu"));
    int found = zip_data(&zip, &entry, &bytes, &length, &error);
    PROMISE_STATUS(found, message);
    if (found == PYEMU_OK)
      PROMISE(length == entry.size && fuzz_is_inside(bytes, length, data, size));
    error = error_in(message, sizeof message);
  }
  return 0;
}
