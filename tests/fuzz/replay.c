/* Feed every file of a directory to a harness: 'replay DIRECTORY', with any compiler. */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

/* A copy of exactly the file's size, so that a read beyond it is noticed. */
static int feed(const char *path) {
  struct stat info;
  FILE *stream = fopen(path, "rb");
  if (!stream || fstat(fileno(stream), &info) != 0)
    return 0;
  size_t size = (size_t)info.st_size;
  uint8_t *data = malloc(size ? size : 1);
  int is_read = data && fread(data, 1, size, stream) == size;
  fclose(stream);
  if (is_read)
    LLVMFuzzerTestOneInput(data, size);
  free(data);
  return is_read;
}

int main(int argc, char **argv) {
  int count = 0;
  DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
  if (!directory) {
    fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return EXIT_FAILURE;
  }
  for (struct dirent *entry; (entry = readdir(directory));) {
    char path[4096];
    if (entry->d_name[0] == '.')
      continue;
    snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
    if (!feed(path)) {
      fprintf(stderr, "cannot read %s\n", path);
      return EXIT_FAILURE;
    }
    ++count;
  }
  closedir(directory);
  printf("%d inputs\n", count);
  return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
