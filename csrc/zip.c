#include "zip.h"

#include <string.h>

/* What the records of an archive begin with, and their fixed sizes in bytes. */
enum {
  LOCAL_HEADER = 0x04034B50,
  CENTRAL_HEADER = 0x02014B50,
  END_RECORD = 0x06054B50,
  END_RECORD_64 = 0x06064B50,
  END_LOCATOR_64 = 0x07064B50
};
enum {
  LOCAL_SIZE = 30,
  CENTRAL_SIZE = 46,
  END_SIZE = 22,
  END_SIZE_64 = 56,
  LOCATOR_SIZE_64 = 20,
  MAX_COMMENT = 0xFFFF
};

/* In a central header: what is too large for its field stands in an extra field of this number. */
enum { EXTRA_64 = 1 };
static const uint64_t IN_EXTRA_64 = 0xFFFFFFFF;

/* Bits of an entry's flags: the data are encrypted, in one way or another. */
enum { ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13 };

/* A fuzzer does not guess checksums: for its builds they are left out. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { COMPARES_CHECKSUMS = 0 };
#else
enum { COMPARES_CHECKSUMS = 1 };
#endif

/* The unsigned number of 'count' bytes, least significant first. */
static uint64_t number(const unsigned char *bytes, int count) {
  uint64_t value = 0;
  while (count-- > 0)
    value = value << 8 | bytes[count];
  return value;
}

static int is_record(const unsigned char *bytes, uint32_t signature) {
  return number(bytes, 4) == signature;
}

static int fail_damaged(const char *reason, size_t at, const struct error *error) {
  return fail(
      error, PYEMU_ERR_FORMAT,
      "not a whole zip archive: %s at byte %zu; was the file truncated while it was copied?",
      reason, at);
}

/* The end record is the last thing in the file, but for a comment of the length it gives. */
static int find_end(const unsigned char *bytes, size_t size, size_t *end) {
  for (size_t comment = 0; comment <= MAX_COMMENT && size >= END_SIZE + comment; ++comment) {
    *end = size - END_SIZE - comment;
    if (is_record(bytes + *end, END_RECORD) && number(bytes + *end + 20, 2) == comment)
      return 1;
  }
  return 0;
}

/* Keep where the directory is said to lie, if that is in front of the record that says so. */
static int set_directory(struct zip *zip, uint64_t start, uint64_t size, uint64_t count,
                         size_t record, const struct error *error) {
  if (start > record || size > record - start || count > size / CENTRAL_SIZE)
    return fail_damaged("the directory cannot be as large as is said", record, error);
  zip->start = (size_t)start;
  zip->end = (size_t)(start + size);
  zip->at = zip->start;
  zip->left = count;
  return PYEMU_OK;
}

/* The record of large archives; 'locator' says where it is. */
static int read_end_64(struct zip *zip, size_t locator, const struct error *error) {
  const unsigned char *bytes = zip->bytes;
  uint64_t at = number(bytes + locator + 8, 8);
  if (locator < END_SIZE_64 || at > locator - END_SIZE_64 || !is_record(bytes + at, END_RECORD_64))
    return fail_damaged("no end record of 64 bits where one is said to be", locator, error);
  const unsigned char *record = bytes + at;
  if (number(record + 16, 4) != 0 || number(record + 20, 4) != 0 ||
      number(record + 24, 8) != number(record + 32, 8))
    return fail_damaged("an archive of several files", (size_t)at, error);
  return set_directory(zip, number(record + 48, 8), number(record + 40, 8), number(record + 32, 8),
                       (size_t)at, error);
}

int zip_open(struct zip *zip, const unsigned char *bytes, size_t size, const struct error *error) {
  size_t end;
  *zip = (struct zip){.bytes = bytes};
  if (!find_end(bytes, size, &end))
    return fail_damaged("no end record", size, error);
  const unsigned char *record = bytes + end;
  if (end >= LOCATOR_SIZE_64 && is_record(record - LOCATOR_SIZE_64, END_LOCATOR_64))
    return read_end_64(zip, end - LOCATOR_SIZE_64, error);
  if (number(record + 4, 2) != 0 || number(record + 6, 2) != 0 ||
      number(record + 8, 2) != number(record + 10, 2))
    return fail_damaged("an archive of several files", end, error);
  return set_directory(zip, number(record + 16, 4), number(record + 12, 4), number(record + 10, 2),
                       end, error);
}

/* Take the next of the large numbers from an extra field, if it stands there. */
static int take_64(uint64_t *value, const unsigned char **at, size_t *left) {
  if (*value != IN_EXTRA_64)
    return 1;
  if (*left < 8)
    return 0;
  *value = number(*at, 8);
  *at += 8;
  *left -= 8;
  return 1;
}

/* Look for large numbers in the extra fields of a central header; 0 if they are damaged. */
static int read_extra(struct zip_entry *entry, const unsigned char *extra, size_t size) {
  while (size >= 4) {
    size_t id = (size_t)number(extra, 2), length = (size_t)number(extra + 2, 2);
    if (length > size - 4)
      return 0;
    const unsigned char *at = extra + 4;
    size_t left = length;
    if (id == EXTRA_64)
      return take_64(&entry->size, &at, &left) && take_64(&entry->packed_size, &at, &left) &&
             take_64(&entry->offset, &at, &left);
    extra += 4 + length;
    size -= 4 + length;
  }
  return 1;
}

int zip_next(struct zip *zip, struct zip_entry *entry, const struct error *error) {
  const unsigned char *header = zip->bytes + zip->at;
  if (zip->end - zip->at < CENTRAL_SIZE || !is_record(header, CENTRAL_HEADER))
    return fail_damaged("no entry of the directory", zip->at, error);
  size_t name = (size_t)number(header + 28, 2), extra = (size_t)number(header + 30, 2);
  size_t whole = CENTRAL_SIZE + name + extra + (size_t)number(header + 32, 2);
  if (whole > zip->end - zip->at)
    return fail_damaged("an entry of the directory is cut short", zip->at, error);
  *entry = (struct zip_entry){.name = (const char *)header + CENTRAL_SIZE,
                              .name_size = name,
                              .size = number(header + 24, 4),
                              .packed_size = number(header + 20, 4),
                              .offset = number(header + 42, 4),
                              .crc = (uint32_t)number(header + 16, 4),
                              .flags = (unsigned)number(header + 8, 2),
                              .method = (unsigned)number(header + 10, 2)};
  if (!read_extra(entry, header + CENTRAL_SIZE + name, extra))
    return fail_damaged("the extra fields of an entry are damaged", zip->at, error);
  zip->at += whole;
  if (--zip->left == 0 && zip->at != zip->end)
    return fail_damaged("more in the directory than its entries", zip->at, error);
  return PYEMU_OK;
}

static uint32_t checksum(const unsigned char *bytes, size_t size) {
  uint32_t crc = 0xFFFFFFFF;
  for (size_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

static int fail_entry(const struct zip_entry *entry, int status, const char *reason,
                      const struct error *error) {
  return fail(error, status, "entry '%.*s' of the zip archive %s",
              (int)(entry->name_size < 200 ? entry->name_size : 200), entry->name, reason);
}

int zip_data(const struct zip *zip, const struct zip_entry *entry, const unsigned char **bytes,
             size_t *size, const struct error *error) {
  if (entry->flags & ENCRYPTED)
    return fail_entry(entry, PYEMU_ERR_UNSUPPORTED, "is encrypted; store it as it is", error);
  if (entry->method != 0)
    return fail_entry(entry, PYEMU_ERR_UNSUPPORTED, "is compressed; store it as it is", error);
  if (entry->offset > zip->start || zip->start - entry->offset < LOCAL_SIZE ||
      !is_record(zip->bytes + entry->offset, LOCAL_HEADER))
    return fail_entry(entry, PYEMU_ERR_FORMAT, "has no header where the directory says", error);
  const unsigned char *header = zip->bytes + entry->offset;
  uint64_t room = zip->start - entry->offset - LOCAL_SIZE;
  uint64_t name = number(header + 26, 2), before = name + number(header + 28, 2);
  if (before > room || entry->size > room - before || entry->packed_size != entry->size)
    return fail_entry(entry, PYEMU_ERR_FORMAT, "reaches beyond the file; was it truncated?", error);
  if (name != entry->name_size || memcmp(header + LOCAL_SIZE, entry->name, entry->name_size) != 0)
    return fail_entry(entry, PYEMU_ERR_FORMAT, "has another name in front of its data", error);
  *bytes = header + LOCAL_SIZE + before;
  *size = (size_t)entry->size;
  if (COMPARES_CHECKSUMS && checksum(*bytes, *size) != entry->crc)
    return fail_entry(entry, PYEMU_ERR_FORMAT, "has another checksum: the file is damaged", error);
  return PYEMU_OK;
}

int zip_name_ends(const struct zip_entry *entry, const char *text) {
  size_t size = strlen(text);
  return entry->name_size >= size && memcmp(entry->name + entry->name_size - size, text, size) == 0;
}

int zip_name_holds(const struct zip_entry *entry, const char *text) {
  size_t size = strlen(text);
  for (size_t at = 0; at + size <= entry->name_size; ++at)
    if (memcmp(entry->name + at, text, size) == 0)
      return 1;
  return 0;
}
