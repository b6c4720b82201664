#include "pyemu.h"

#define TEXT(x) #x
#define VERSION_TEXT(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *pyemu_version(void) {
  return VERSION_TEXT(PYEMU_VERSION_MAJOR, PYEMU_VERSION_MINOR, PYEMU_VERSION_PATCH);
}

int pyemu_abi_version(void) { return PYEMU_ABI_VERSION; }

const char *pyemu_status_name(int status) {
#define CASE(code)                                                                                 \
  case code:                                                                                       \
    return #code
  switch (status) {
    CASE(PYEMU_OK);
    CASE(PYEMU_ERR_ARGUMENT);
    CASE(PYEMU_ERR_MEMORY);
    CASE(PYEMU_ERR_FILE);
    CASE(PYEMU_ERR_FORMAT);
    CASE(PYEMU_ERR_NO_CARD);
    CASE(PYEMU_ERR_SCHEMA);
    CASE(PYEMU_ERR_CARD);
    CASE(PYEMU_ERR_ENGINE);
    CASE(PYEMU_ERR_GRAPH);
    CASE(PYEMU_ERR_INFERENCE);
    CASE(PYEMU_ERR_NAME);
    CASE(PYEMU_ERR_UNITS);
    CASE(PYEMU_ERR_SIZE);
    CASE(PYEMU_ERR_KIND);
    CASE(PYEMU_ERR_LAYOUT);
    CASE(PYEMU_ERR_NOT_BOUND);
    CASE(PYEMU_ERR_NOT_FINITE);
    CASE(PYEMU_ERR_CLOSED);
    CASE(PYEMU_ERR_BUSY);
    CASE(PYEMU_ERR_UNSUPPORTED);
    CASE(PYEMU_ERR_CODE);
    CASE(PYEMU_ERR_GUARD);
  default:
    return "PYEMU_ERR_UNKNOWN";
  }
#undef CASE
}
