/* zip.h - read-only view of a zip archive in memory, as PyTorch writes them. */
#ifndef PYEMU_ZIP_H
#define PYEMU_ZIP_H

#include "error.h"

/* An archive; its bytes must outlive it. Every offset in it has been compared with its size. */
struct zip {
  const unsigned char *bytes;
  size_t start;  /* of the central directory, which lies behind the data of all entries */
  size_t end;    /* of the central directory */
  size_t at;     /* where zip_next goes on */
  uint64_t left; /* entries that zip_next has still to give */
};

/* One entry as the central directory describes it. What it claims is checked by zip_data. */
struct zip_entry {
  const char *name; /* not null-terminated */
  size_t name_size;
  uint64_t size;
  uint64_t packed_size;
  uint64_t offset; /* of the entry's own header in front of its data */
  uint32_t crc;
  unsigned flags;
  unsigned method;
};

/* Find the central directory in 'bytes'. Errors: FORMAT. */
int zip_open(struct zip *zip, const unsigned char *bytes, size_t size, const struct error *error);

/* Read the next entry while 'zip->left' is not zero. Errors: FORMAT. */
int zip_next(struct zip *zip, struct zip_entry *entry, const struct error *error);

/* Find the bytes of an entry, which must be stored as they are, and compare their checksum.
 * Errors: FORMAT, UNSUPPORTED. */
int zip_data(const struct zip *zip, const struct zip_entry *entry, const unsigned char **bytes,
             size_t *size, const struct error *error);

/* 1 if the entry's name ends with, or holds, 'text'. */
int zip_name_ends(const struct zip_entry *entry, const char *text);
int zip_name_holds(const struct zip_entry *entry, const char *text);

#endif
