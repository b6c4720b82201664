/* threads.hpp - the number of threads of one run, without a trace in the host. */
#ifndef TORCH_THREADS_HPP
#define TORCH_THREADS_HPP

/*
 * While it lives, torch uses 'count' threads when it is called from this thread.
 *
 * torch's own switch, at::set_num_threads, belongs to the whole process, and it sets the number of
 * OpenMP threads of the calling thread too: of a host that shares the OpenMP library with torch it
 * would change every parallel loop after the call. So the numbers that OpenMP and MKL keep for each
 * thread are set here, and put back. A torch built without OpenMP has only its own switch, which is
 * then set for the process and stays.
 */
class Threads {
public:
  explicit Threads(int count);
  ~Threads();
  Threads(const Threads &) = delete;
  Threads &operator=(const Threads &) = delete;

private:
  int openmp_; /* what the host had */
  int mkl_;
};

#endif
