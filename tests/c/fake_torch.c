/* A library that says it is torch of another version; without a version, that it is older. */
#include <stdint.h>

#ifdef VERSION
uint64_t aoti_torch_abi_version(void);
uint64_t aoti_torch_abi_version(void) { return VERSION; }
#endif

int torch_of_another_kind;
