/*
 * pyemu.hpp - libpyemu for C++17: the same functions as pyemu.h, with errors as exceptions and
 * handles that close themselves. Header only; the specification is pyemu.h.
 *
 *     pyemu::Emulator radiation("radiation.onnx");
 *     radiation.bind("air_temperature", temperature.data(), {n_columns, n_layers}, "K");
 *     ...
 *     radiation.run(step);
 */
#ifndef PYEMU_HPP
#define PYEMU_HPP

#include <pyemu.h>

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pyemu {

/* What libpyemu reports: the message, and its status code. */
class Error : public std::runtime_error {
public:
  Error(int status, const std::string &message) : std::runtime_error(message), status_(status) {}

  /* One of the PYEMU_ERR_ codes. */
  int status() const noexcept { return status_; }

private:
  int status_;
};

/* The number that pyemu.h gives to an element type. */
template <typename T> struct dtype;
template <> struct dtype<float> { static constexpr std::int32_t value = PYEMU_FLOAT32; };
template <> struct dtype<double> { static constexpr std::int32_t value = PYEMU_FLOAT64; };
template <> struct dtype<std::int32_t> { static constexpr std::int32_t value = PYEMU_INT32; };
template <> struct dtype<std::int64_t> { static constexpr std::int32_t value = PYEMU_INT64; };
template <typename T> struct dtype<const T> : dtype<T> {};

/*
 * An array in the caller's memory. Shape in elements, strides in bytes; without strides the last
 * dimension varies fastest, as in C++. Throws Error for more than PYEMU_MAX_RANK dimensions.
 */
template <typename T>
pyemu_array array(T *data, const std::vector<std::int64_t> &shape,
                  const std::vector<std::int64_t> &strides = {}) {
  pyemu_array described = {};
  if (shape.size() > PYEMU_MAX_RANK || (!strides.empty() && strides.size() != shape.size()))
    throw Error(PYEMU_ERR_SIZE, "an array has " + std::to_string(shape.size()) +
                                    " dimensions and " + std::to_string(strides.size()) +
                                    " strides; expected 0 to 7, and as many strides or none");
  described.data = const_cast<void *>(static_cast<const void *>(data)); /* inputs stay unwritten */
  described.dtype = dtype<T>::value;
  described.rank = static_cast<std::int32_t>(shape.size());
  std::int64_t stride = sizeof(T);
  for (std::size_t i = shape.size(); i-- > 0;) {
    described.shape[i] = shape[i];
    described.strides[i] = strides.empty() ? stride : strides[i];
    stride *= shape[i];
  }
  return described;
}

/* Fill an array with noise of PYEMU_NORMAL or PYEMU_UNIFORM, for columns of those ids. */
inline void fill_noise(const pyemu_array &filled, const pyemu_array &ids, std::int32_t distribution,
                       std::int64_t seed, std::int64_t member, std::int64_t step,
                       std::int64_t stream = 0, int level_dim = PYEMU_LAST_DIM) {
  char message[2048];
  const int status = pyemu_fill_noise(distribution, seed, member, step, stream, &ids, &filled,
                                      level_dim, message, sizeof message);
  if (status != PYEMU_OK)
    throw Error(status, message);
}

/* An open emulator. It can be moved, not copied, and closes itself. One thread at a time. */
class Emulator {
public:
  /* Open a file. Throws Error. */
  explicit Emulator(const std::string &path) : Emulator(path, default_options()) {}
  Emulator(const std::string &path, const pyemu_options &options) {
    check([&](char *message, std::size_t size) {
      return pyemu_open(path.c_str(), &options, &handle_, message, size);
    });
  }

  /* Open a file that is in memory. Throws Error. */
  Emulator(const void *bytes, std::size_t size, const pyemu_options &options = default_options()) {
    check([&](char *message, std::size_t length) {
      return pyemu_open_memory(bytes, size, &options, &handle_, message, length);
    });
  }

  Emulator(Emulator &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Emulator &operator=(Emulator &&other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Emulator(const Emulator &) = delete;
  Emulator &operator=(const Emulator &) = delete;
  ~Emulator() {
    if (handle_)
      pyemu_close(&handle_, nullptr, 0);
  }

  /* Options to start from. */
  static pyemu_options default_options() {
    pyemu_options options = PYEMU_OPTIONS_INIT;
    return options;
  }

  /* The same to open a derivative that a file carries: "jvp" (tangent linear) or "vjp" (adjoint).
   */
  static pyemu_options derivative_options(const char *derivative) {
    pyemu_options options = default_options();
    options.derivative = derivative;
    return options;
  }

  /* Bind an array; an empty 'units' checks nothing. The memory must outlive the binding. */
  void bind(const std::string &name, const pyemu_array &bound, const std::string &units = "",
            int level_dim = PYEMU_LAST_DIM) {
    check([&](char *message, std::size_t size) {
      return pyemu_bind(handle_, name.c_str(), &bound, units.empty() ? nullptr : units.c_str(),
                        level_dim, message, size);
    });
  }

  /* Bind dense memory whose last dimension varies fastest. */
  template <typename T>
  void bind(const std::string &name, T *data, std::initializer_list<std::int64_t> shape,
            const std::string &units = "", int level_dim = PYEMU_LAST_DIM) {
    bind(name, array(data, std::vector<std::int64_t>(shape)), units, level_dim);
  }

  /* Say which noise: any seed, and a member of an ensemble from 0. */
  void set_noise(std::int64_t seed, std::int64_t member = 0) {
    check([&](char *message, std::size_t size) {
      return pyemu_set_noise(handle_, seed, member, message, size);
    });
  }

  /* Bind the columns' numbers in the whole model, int32 or int64. */
  void bind_ids(const pyemu_array &ids) {
    check([&](char *message, std::size_t size) {
      return pyemu_bind_ids(handle_, &ids, message, size);
    });
  }

  /* Forget all arrays. */
  void unbind() {
    check([&](char *message, std::size_t size) { return pyemu_unbind(handle_, message, size); });
  }

  /* Run on all bound columns. Noise needs the step. */
  void run(std::int64_t step = PYEMU_NO_STEP) {
    check([&](char *message, std::size_t size) { return pyemu_run(handle_, step, message, size); });
  }

  /* Run on the first 'columns' of them. */
  void run_columns(std::int64_t step, std::int64_t columns) {
    check([&](char *message, std::size_t size) {
      return pyemu_run_columns(handle_, step, columns, message, size);
    });
  }

  /* All variables, inputs first. Their strings live as long as the emulator. */
  std::vector<pyemu_variable> variables() const {
    std::vector<pyemu_variable> found(static_cast<std::size_t>(pyemu_variable_count(handle_)));
    for (std::size_t i = 0; i < found.size(); ++i)
      check([&](char *message, std::size_t size) {
        found[i].sizeof_variable = sizeof found[i];
        return pyemu_variable_info(handle_, static_cast<std::int64_t>(i), &found[i], message, size);
      });
    return found;
  }

  /* Columns of the bound arrays, -1 if none is bound. */
  std::int64_t columns() const noexcept { return pyemu_column_count(handle_); }

  /* Columns recorded in the file. */
  std::int64_t reference_columns() const noexcept { return pyemu_reference_count(handle_); }

  /* Copy the recorded values of a variable into an array. */
  void reference(const std::string &name, const pyemu_array &values,
                 int level_dim = PYEMU_LAST_DIM) const {
    check([&](char *message, std::size_t size) {
      return pyemu_reference(handle_, name.c_str(), &values, level_dim, message, size);
    });
  }

  /* Guard every later run: start from PYEMU_GUARD_INIT. */
  void set_guard(const pyemu_guard &guard) {
    check([&](char *message, std::size_t size) {
      return pyemu_set_guard(handle_, &guard, message, size);
    });
  }

  /* The columns of the last run whose outputs were left as they were, counted from 0. */
  std::vector<std::int64_t> fallback() const {
    const std::int64_t count = pyemu_guard_fallback_count(handle_);
    std::vector<std::int64_t> columns(count > 0 ? static_cast<std::size_t>(count) : 0);
    check([&](char *message, std::size_t size) {
      return pyemu_guard_fallback(handle_, columns.data(),
                                  static_cast<std::int64_t>(columns.size()), message, size);
    });
    return columns;
  }

  /* Blend an output, or all for an empty name, in every later run: start from PYEMU_BLEND_INIT. */
  void set_blend(const pyemu_blend &blend, const std::string &name = "") {
    check([&](char *message, std::size_t size) {
      return pyemu_set_blend(handle_, name.empty() ? nullptr : name.c_str(), &blend, message, size);
    });
  }

  /* Bind a weight for each column, of one output or of all. */
  void bind_weight(const pyemu_array &weights, const std::string &name = "") {
    check([&](char *message, std::size_t size) {
      return pyemu_bind_weight(handle_, name.empty() ? nullptr : name.c_str(), &weights, message,
                               size);
    });
  }

  /* Bind an array that takes an output as the emulator gives it. */
  void bind_aside(const std::string &name, const pyemu_array &bound, const std::string &units = "",
                  int level_dim = PYEMU_LAST_DIM) {
    check([&](char *message, std::size_t size) {
      return pyemu_bind_aside(handle_, name.c_str(), &bound,
                              units.empty() ? nullptr : units.c_str(), level_dim, message, size);
    });
  }

  /* Save what columns carry and what was counted, to a file or to bytes, and load it. */
  void save_state(const std::string &path) {
    check([&](char *message, std::size_t size) {
      return pyemu_save_state(handle_, path.c_str(), message, size);
    });
  }
  void load_state(const std::string &path, int what = PYEMU_STATE_ALL) {
    check([&](char *message, std::size_t size) {
      return pyemu_load_state(handle_, path.c_str(), what, message, size);
    });
  }
  std::vector<unsigned char> state() {
    const std::int64_t length = pyemu_state_size(handle_);
    std::vector<unsigned char> bytes(length > 0 ? static_cast<std::size_t>(length) : 0);
    check([&](char *message, std::size_t size) {
      return pyemu_save_state_memory(handle_, bytes.data(), length, message, size);
    });
    return bytes;
  }
  void load_state(const std::vector<unsigned char> &bytes, int what = PYEMU_STATE_ALL) {
    check([&](char *message, std::size_t size) {
      return pyemu_load_state_memory(handle_, bytes.data(), static_cast<std::int64_t>(bytes.size()),
                                     what, message, size);
    });
  }

  /* What the guard has found of budget 'index' of the card, counted from 0. */
  pyemu_budget budget(std::int64_t index) const {
    pyemu_budget found = {};
    found.sizeof_budget = sizeof found;
    check([&](char *message, std::size_t size) {
      return pyemu_budget_report(handle_, index, &found, message, size);
    });
    return found;
  }

  /* Record every later run: start from PYEMU_RECORDING_INIT. */
  void set_record(const pyemu_recording &recording) {
    check([&](char *message, std::size_t size) {
      return pyemu_set_record(handle_, &recording, message, size);
    });
  }

  /* Write what is buffered, and close the file. */
  void end_record() {
    check([&](char *message, std::size_t size) {
      return pyemu_set_record(handle_, nullptr, message, size);
    });
  }

  /* Record the bound arrays as they are, without a run; 'columns' of -1: all. */
  void record_host(std::int64_t step = PYEMU_NO_STEP, std::int64_t columns = -1) {
    check([&](char *message, std::size_t size) {
      return pyemu_record_host(handle_, step, columns, message, size);
    });
  }

  /* What has been recorded. Its strings live until the next recording. */
  pyemu_recorded recorded() const {
    pyemu_recorded found = {};
    found.sizeof_recorded = sizeof found;
    check([&](char *message, std::size_t size) {
      return pyemu_record_report(handle_, &found, message, size);
    });
    return found;
  }

  /* What the emulator has done since it was opened. */
  pyemu_counters report() const {
    pyemu_counters counters = {};
    counters.sizeof_counters = sizeof counters;
    check([&](char *message, std::size_t size) {
      return pyemu_report(handle_, &counters, message, size);
    });
    return counters;
  }

  /* The card (JSON), the engine, and the version of the library behind it. */
  std::string card() const { return text(pyemu_card(handle_)); }
  std::string engine() const { return text(pyemu_engine(handle_)); }
  std::string engine_version() const { return text(pyemu_engine_version(handle_)); }

  /* For functions of pyemu.h that have no counterpart here; NULL after a move. */
  pyemu_emulator *handle() const noexcept { return handle_; }

private:
  static std::string text(const char *found) { return found ? found : ""; }

  /* Call a function of the library; throw what it reports. */
  template <typename Function> static void check(Function function) {
    char message[2048];
    const int status = function(message, sizeof message);
    if (status != PYEMU_OK)
      throw Error(status, message);
  }

  pyemu_emulator *handle_ = nullptr;
};

} // namespace pyemu

#endif
