#include "threads.hpp"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <cstring>

namespace {

/* Functions of the OpenMP and MKL that torch itself uses, found through torch; NULL if it has
 * none. */
struct Library {
  int (*get_openmp)() = nullptr;
  void (*set_openmp)(int) = nullptr;
  int (*set_mkl)(int) = nullptr; /* of this thread; returns the number before */
};

template <class Function> void find(void *library, const char *name, Function *function) {
  void *symbol = library ? dlsym(library, name) : nullptr;
  static_assert(sizeof symbol == sizeof *function, "functions have the size of pointers");
  std::memcpy(function, &symbol, sizeof symbol);
}

const Library &library() {
  static const Library found = [] {
    Library f;
    void *torch = dlopen("libtorch_cpu.so", RTLD_NOW | RTLD_NOLOAD);
    find(torch, "omp_get_max_threads", &f.get_openmp);
    find(torch, "omp_set_num_threads", &f.set_openmp);
    find(torch, "MKL_Set_Num_Threads_Local", &f.set_mkl);
    return f;
  }();
  return found;
}

/* In a thread that is new to it, torch chooses a number of OpenMP threads on its first call: let it
 * do so before one is set here. */
void let_torch_choose() {
  thread_local bool has_chosen = false;
  if (has_chosen)
    return;
  at::get_num_threads();
  has_chosen = true;
}

} // namespace

Threads::Threads(int count) : openmp_(0), mkl_(0) {
  const Library &f = library();
  if (!f.get_openmp || !f.set_openmp) {
    if (at::get_num_threads() != count)
      at::set_num_threads(count);
    return;
  }
  openmp_ = f.get_openmp();
  let_torch_choose();
  f.set_openmp(count);
  if (f.set_mkl)
    mkl_ = f.set_mkl(count);
}

Threads::~Threads() {
  const Library &f = library();
  if (!f.get_openmp || !f.set_openmp)
    return;
  if (f.set_mkl)
    f.set_mkl(mkl_);
  f.set_openmp(openmp_);
}
