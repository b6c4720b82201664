/*
 * pyemu.h - run a trained emulator inside a model, every time step.
 *
 * This header is the whole public interface of libpyemu and its specification: what is not in here
 * is not part of the interface. It is valid C99 and valid C++ and needs no other header of ours.
 *
 * The life of an emulator is open, bind, run, close:
 *
 *     pyemu_emulator *radiation = NULL;
 *     char message[512];
 *     if (pyemu_open("radiation.onnx", NULL, &radiation, message, sizeof message) != PYEMU_OK) ...
 *     pyemu_bind(radiation, "air_temperature", &temperature, "K", PYEMU_LAST_DIM, message, ...);
 *     ... one bind for every input and every output of the emulator ...
 *     for (step = 1; step <= n_steps; ++step)
 *       pyemu_run(radiation, step, message, sizeof message);
 *     pyemu_close(&radiation, message, sizeof message);
 *
 * Errors.  Functions that can fail return one of the PYEMU_ status codes below, and write one line
 * of text into the caller's buffer 'errmsg' of 'errlen' bytes, always ended by a null character and
 * cut if the buffer is too short. The text says what was found, what was expected and what to try.
 * On success the buffer holds an empty string. 'errmsg' may be NULL or 'errlen' zero: then no text
 * is written. The library never exits, never prints, never throws, and keeps no global error state.
 *
 * Threads.  A handle belongs to one thread at a time; a second thread that calls bind, unbind, run
 * or close while another one is inside such a call gets PYEMU_ERR_BUSY. Different handles are
 * independent and may be used at the same time. Functions that only ask (pyemu_variable_count and
 * the like) may be called from any thread while no other thread is closing the handle.
 *
 * Floating-point environment.  Traps are held off inside pyemu_open and pyemu_run and the caller's
 * environment (flags, traps, rounding) is put back on return, so a host that traps on invalid
 * operations is not stopped by an engine's harmless ones.
 *
 * Memory.  Sizes are checked before memory is taken. pyemu_run takes no memory of its own after the
 * first call with a given number of columns and, where it makes noise, with given ids.
 */
#ifndef PYEMU_H
#define PYEMU_H

#include <stddef.h>
#include <stdint.h>

/* The version of the library; CMake, pkg-config and the Python package read it from here. */
#define PYEMU_VERSION_MAJOR 0
#define PYEMU_VERSION_MINOR 1
#define PYEMU_VERSION_PATCH 0

/* Raised by one when a program compiled with an older header could no longer run. */
#define PYEMU_ABI_VERSION 1

#if defined(__GNUC__)
#define PYEMU_API __attribute__((visibility("default")))
#else
#define PYEMU_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Status codes. The list is only ever appended to; a number never changes its meaning. */
enum {
  PYEMU_OK = 0,
  PYEMU_ERR_ARGUMENT = 1,     /* an argument is NULL, or outside what its function allows */
  PYEMU_ERR_MEMORY = 2,       /* memory could not be had */
  PYEMU_ERR_FILE = 3,         /* the file cannot be found, opened or read */
  PYEMU_ERR_FORMAT = 4,       /* the file is not an emulator file, or is truncated or damaged */
  PYEMU_ERR_NO_CARD = 5,      /* the file could be run but carries no emulator card */
  PYEMU_ERR_SCHEMA = 6,       /* the card was written to a newer schema than this library reads */
  PYEMU_ERR_CARD = 7,         /* the card or the reference columns break the schema */
  PYEMU_ERR_ENGINE = 8,       /* the engine or its runtime library cannot be found or loaded */
  PYEMU_ERR_GRAPH = 9,        /* the graph is refused by the engine, or disagrees with the card */
  PYEMU_ERR_INFERENCE = 10,   /* the engine failed while it ran the graph */
  PYEMU_ERR_NAME = 11,        /* the emulator has no variable of that name */
  PYEMU_ERR_UNITS = 12,       /* the units given are not those of the variable */
  PYEMU_ERR_SIZE = 13,        /* rank, level size or number of columns do not fit */
  PYEMU_ERR_KIND = 14,        /* the element type of the array cannot serve the variable */
  PYEMU_ERR_LAYOUT = 15,      /* elements of an output array share memory */
  PYEMU_ERR_NOT_BOUND = 16,   /* run was called before every variable was bound */
  PYEMU_ERR_NOT_FINITE = 17,  /* an input holds NaN, infinity, or a number too large */
  PYEMU_ERR_CLOSED = 18,      /* the emulator is not open: closed already, or never opened */
  PYEMU_ERR_BUSY = 19,        /* another thread is using this handle */
  PYEMU_ERR_UNSUPPORTED = 20, /* the file asks for something this library cannot do yet */
  PYEMU_ERR_CODE = 21,        /* the file carries code, which the host has not allowed */
  PYEMU_ERR_GUARD = 22        /* the guard has stopped a run */
};

/* Element types of arrays and variables. Appended to, never changed. PYEMU_INT64 is for the ids of
 * columns alone. */
enum { PYEMU_FLOAT32 = 1, PYEMU_FLOAT64 = 2, PYEMU_INT32 = 3, PYEMU_INT64 = 4 };

/* Direction of a variable, seen from the emulator. */
enum { PYEMU_INPUT = 1, PYEMU_OUTPUT = 2 };

/* The highest rank of an array. */
enum { PYEMU_MAX_RANK = 7 };

/* 'level_dim' of pyemu_bind: for a column the last dimension of the array is the vertical; a field
 * has its dimensions in the order of the card, or in the reverse order. */
enum { PYEMU_LAST_DIM = -1, PYEMU_REVERSED_DIMS = -2 };

/* Distributions of noise: normal with mean 0 and variance 1, uniform between 0 and 1 (never 0 or
 * 1).
 */
enum { PYEMU_NORMAL = 1, PYEMU_UNIFORM = 2 };

/* The 'step' of a host that counts none. An emulator whose noise the library makes refuses it. */
#define PYEMU_NO_STEP INT64_MIN

/* An opened emulator. */
typedef struct pyemu_emulator pyemu_emulator;

/*
 * An array in the caller's memory, described without copying it.
 *
 *   data     address of element (0, 0, ..., 0), that is, the first element in index order, which
 *            with a negative stride is not the lowest address. May be NULL only if the array has no
 *            elements.
 *   dtype    PYEMU_FLOAT32, PYEMU_FLOAT64 or PYEMU_INT32 (PYEMU_INT64 for ids).
 *   rank     number of dimensions, 0 (a scalar) to PYEMU_MAX_RANK.
 *   shape    number of elements along each dimension, 0 or more.
 *   strides  distance in bytes from one element to the next along each dimension: any value,
 *            negative ones included, and need not be a multiple of the element size.
 *
 * There is one layout rule for all languages: dimensions are listed as the caller's language writes
 * them, strides say where they lie. A Fortran array t(ncol, nlay) of real64 has shape {ncol, nlay}
 * and strides {8, 8 * ncol}; a C or NumPy array t[ncol][nlay] has strides {8 * nlay, 8}.
 */
typedef struct pyemu_array {
  void *data;
  int32_t dtype;
  int32_t rank;
  int64_t shape[7];
  int64_t strides[7];
} pyemu_array;

/*
 * Options of pyemu_open. Start from PYEMU_OPTIONS_INIT and set what you need; fields appended in
 * later versions then keep their defaults.
 *
 *   sizeof_options   sizeof(pyemu_options); tells the library which fields the caller knows.
 *   engine           "native" (runs ONNX on the CPU without another library: see below),
 *                    "onnxruntime", "stub" (replays the recorded outputs of reference column
 *                    i mod n for column i, for tests of a host), or the name of another plugin.
 *                    NULL chooses by the content of the file, whatever its name: ONNX is run by
 *                    "onnxruntime", a package of AOTInductor by "aoti", TorchScript by
 *                    "torchscript", a Python module by "python". To name one of these for a file of
 *                    another kind is an error.
 *   device           "cpu", or NULL, which is the same; "cuda:N" for NVIDIA's card number N,
 * counted from 0 ("cuda" is "cuda:0"). Engines: "onnxruntime", "aoti", "torchscript". If CUDA
 * cannot be used, or cannot run a part of the graph, open fails and says what is missing: the CPU
 * never takes over unasked. "cuda:N,cpu" asks for that
 *                    ("onnxruntime" only): the CPU runs what CUDA cannot, and all if there is no
 *                    CUDA; pyemu_device tells. Arrays may be in host memory on every device.
 *   threads          threads for one run, the calling one included, 1 or more. Default 1: the host
 *                    owns the cores. The engine computes with so many; besides, open starts
 *                    threads - 1 of libpyemu's own, which share in the conversion, transposition
 *                    and check of large arrays and end in close. They sleep outside those, block
 *                    all signals, may run where the thread that opened may, and never change a
 *                    result. A process forked from the host has none of them: its runs convert in
 *                    the calling thread alone.
 *   check_finite     1: run refuses inputs that are not finite (default); 0: no check is made.
 *   runtime_library  file name of the engine's runtime library (for "onnxruntime":
 *                    libonnxruntime.so...). NULL searches, in this order: the environment variable
 *                    PYEMU_ORT (a file, or the directory that holds it), the Python wheel of
 *                    onnxruntime beside an installed pyemu, the directory recorded when libpyemu
 *                    was configured, and the system's library path.
 *                    The torch engines want libtorch.so, or PYEMU_TORCH, of the release they were
 *                    built with; "python" wants libpython, and takes its packages from the Python
 *                    program that PYEMU_PYTHON names. What the process has loaded goes first.
 *   allow_code       1: run the code that a file carries; 0: refuse such files with PYEMU_ERR_CODE
 *                    (default). ONNX is data and needs no leave. Packages of AOTInductor,
 *                    TorchScript and Python modules are programs, which run with all rights of the
 *                    host: allow them only if you trust where they come from. The engine "stub"
 *                    runs no code and needs no leave.
 *   sha256           the SHA-256 digest that the file must have, as 64 hexadecimal digits of any
 *                    case, or NULL. A file of that digest may carry code; any other file, of
 *                    whatever kind, is refused with PYEMU_ERR_CODE.
 *   raw              1: run an ONNX file as it is, without a card: variables are the graph's inputs
 *                    and outputs, with the sizes it declares and no units; a first dimension that
 *                    it leaves open enumerates columns. For tests of engines and first trials: what
 *                    a card would check is not checked. 0: the file must have a card (default).
 *   stream           the CUDA stream (cudaStream_t) that the engine shall work on, or NULL for one
 *                    of its own. What the host has put on its stream before run is then done before
 *                    the engine reads. run returns when its outputs are complete, in any case. The
 *                    stream must live as long as the emulator. For "onnxruntime" on "cuda:N" only.
 *   precision        "real32", or NULL, which is the same: the graph computes in the types it is
 *                    written in, most often float32. "real64" ("native" only): what the graph calls
 *                    float32 is float64 everywhere, to see what rounding does. Weights are widened,
 *                    FLOAT64 arrays are read and written without rounding, a Cast to float32 does
 *                    nothing, and inputs may be as large as float64 allows; integers stay integers.
 *                    What pyemu_variable_info and the card say of types is that of the graph still.
 *
 * With the engine "native" the bits of an output of a column depend on the inputs of that column,
 * on the file and on the version of this library, and on nothing else: not on the number of
 * columns, their order, the array's layout, threads, ranks or the processor's vectors (but for the
 * sign and payload of a NaN, which IEEE 754 leaves open). It computes
 * with IEEE's rounding and tiny numbers whatever the host has set, in either precision. 'open'
 * refuses a graph that it cannot run and names the operator.
 *
 * An engine other than "native" and "stub" is a plugin libpyemu_engine_<name>.so. It is searched in
 * the directories of the environment variable PYEMU_ENGINE_PATH (separated by colons) if that is
 * set, and otherwise in the directory of libpyemu itself.
 */
typedef struct pyemu_options {
  size_t sizeof_options;
  const char *engine;
  const char *device;
  int threads;
  int check_finite;
  const char *runtime_library;
  int allow_code;
  const char *sha256;
  int raw;
  void *stream;
  const char *precision;
  const char *derivative;
} pyemu_options;

#define PYEMU_OPTIONS_INIT                                                                         \
  { sizeof(pyemu_options), NULL, NULL, 1, 1, NULL, 0, NULL, 0, NULL, NULL, NULL }

/*
 * What an emulator says of one of its variables. Set 'sizeof_variable' to sizeof(pyemu_variable)
 * before the call. The strings live as long as the emulator is open.
 *
 *   name           identifier in the file, and in pyemu_bind.
 *   standard_name  CF standard name, or an empty string if the card gives none.
 *   units          units, as in CF ("K", "W m-2", "1").
 *   level_name     name of the vertical dimension ("layer", "interface") of a column, or NULL for a
 *                  variable without.
 *   level_size     number of levels; 1 for a variable without.
 *   dtype          element type in the graph, whatever the option 'precision'. Arrays of another
 *                  real kind may be bound: they are converted.
 *   direction      PYEMU_INPUT or PYEMU_OUTPUT.
 *   is_bound       1 if an array is bound to it now, else 0.
 *   has_batch      1 if it has a value (a profile, a field) for every column or member of a batch;
 *                  0 if it has one for all of them.
 *   n_dims         number of dimensions of one value: 0, 1 for a profile, more for a field.
 *   dim_names      their names, the slowest first.
 *   dim_sizes      their sizes.
 *   noise          PYEMU_NORMAL or PYEMU_UNIFORM for an input that the library fills with noise
 *                  unless an array is bound to it; 0 for all others.
 *   noise_stream   the number of its stream, from which pyemu_fill_noise makes the same noise.
 *   noise_ar1      the coefficient of its AR(1) process, 0 for noise without memory.
 *   is_carried     1 for an output that is an input at the next step, and for that input. If
 * neither is bound, the library carries the values of every column by its id: from zeros at its
 * first run; a run at the step of the column's last one reads what that one read; a column that
 * falls back (guard) keeps what it had. Needs pyemu_bind_ids and a step. Else both must be bound,
 * and the host carries.
 */
typedef struct pyemu_variable {
  size_t sizeof_variable;
  const char *name;
  const char *standard_name;
  const char *units;
  const char *level_name;
  int64_t level_size;
  int32_t dtype;
  int32_t direction;
  int32_t is_bound;
  int32_t has_batch;
  int32_t n_dims;
  const char *dim_names[7];
  int64_t dim_sizes[7];
  int32_t noise;
  int64_t noise_stream;
  double noise_ar1;
  int32_t is_carried;
} pyemu_variable;

/*
 * What a handle has done since it was opened. Set 'sizeof_counters' to sizeof(pyemu_counters)
 * before the call. Failed runs count their time but not as calls.
 *
 *   calls           successful runs on one column or more.
 *   columns         columns of all these runs together.
 *   copied_bytes    bytes written to or read from tensors of the library because an array did not
 *                   have the layout and type of the graph.
 *   allocations     times that run took memory of the library's own (1 after the first run unless
 *                   all arrays are used in place; more only when the number of columns grew, or
 *                   noise was made for columns of new ids).
 *   open_seconds    time in pyemu_open, the engine's start included.
 *   pack_seconds    time in run to check and copy the inputs,
 *   engine_seconds  in the engine; of runs of up to 16 columns that are not copied, the check too
 *                   (after 16 such runs one in 16 is timed and counts for all),
 *   unpack_seconds  and to copy the outputs.
 */
typedef struct pyemu_counters {
  size_t sizeof_counters;
  int64_t calls;
  int64_t columns;
  int64_t copied_bytes;
  int64_t allocations;
  double open_seconds;
  double pack_seconds;
  double engine_seconds;
  double unpack_seconds;
} pyemu_counters;

/* The version of the library in use, as "major.minor.patch". Never NULL. */
PYEMU_API const char *pyemu_version(void);

/* The PYEMU_ABI_VERSION of the library in use. A program whose own PYEMU_ABI_VERSION differs must
 * not call anything else. */
PYEMU_API int pyemu_abi_version(void);

/* The name of a status code, for instance "PYEMU_ERR_UNITS"; "PYEMU_ERR_UNKNOWN" for a number that
 * is not in the list. Never NULL. */
PYEMU_API const char *pyemu_status_name(int status);

/*
 * Open the emulator file 'path'. The file is read whole, its card and reference columns are
 * checked, and the engine is made ready and its graph compared with the card.
 *
 * 'options' may be NULL for the defaults. On success '*emulator' is a new handle that the caller
 * must close; on failure it is NULL.
 *
 * A file that carries code is refused unless 'allow_code' or 'sha256' allows it (see the options).
 *
 * Errors: ARGUMENT (also if the file has not the derivative asked for), MEMORY (also if the system
 * gives fewer than 'threads'), FILE, FORMAT, NO_CARD, SCHEMA, CARD, ENGINE, GRAPH, UNSUPPORTED,
 * CODE.
 */
PYEMU_API int pyemu_open(const char *path, const pyemu_options *options, pyemu_emulator **emulator,
                         char *errmsg, size_t errlen);

/*
 * Open an emulator file that is already in memory, for instance one that a single MPI rank has read
 * and sent to the others. 'bytes' of length 'size' are only needed during the call. Otherwise as
 * pyemu_open.
 */
PYEMU_API int pyemu_open_memory(const void *bytes, size_t size, const pyemu_options *options,
                                pyemu_emulator **emulator, char *errmsg, size_t errlen);

/*
 * Bind the caller's own array to the variable 'name'. Nothing is copied now: every later run reads
 * the array if the variable is an input and writes it if it is an output, so the array must stay
 * where it is until it is bound anew, unbound, or the emulator is closed. The description '*array'
 * itself is only needed during the call. Inputs are never written to.
 *
 * 'units' is compared with the units on the card, blanks at either end ignored; NULL checks
 * nothing.
 *
 * 'level_dim' says which dimension of the array is the vertical: 0 for the first, 1 for the second,
 * PYEMU_LAST_DIM (-1) for the last. All other dimensions together enumerate the columns, the first
 * of them varying fastest. A variable with one value per column has no vertical: then every
 * dimension enumerates columns, and 'level_dim' must be PYEMU_LAST_DIM (or PYEMU_REVERSED_DIMS,
 * which means the same for columns).
 *
 * A field has the dimensions of the card, after one that enumerates the members of a batch, which
 * may be left out for a batch of one: with PYEMU_LAST_DIM in that order, as C and Python write it,
 * with PYEMU_REVERSED_DIMS in the reverse order (the batch last), as Fortran does. So a field
 * (sample, y, x) of the card is field[sample][y][x] in C and field(x, y, sample) in Fortran.
 *
 * A variable whose card gives it no batch is one value, or one field, for all columns; its array
 * has one element, or exactly those dimensions.
 *
 * Every dimension on the card must have exactly that size, and all bound arrays the same number of
 * columns: a wrong size is an error, never a broadcast. To go to another number of columns call
 * pyemu_unbind first.
 *
 * Element types: FLOAT32 and FLOAT64 arrays serve every real variable, with conversion; INT32
 * arrays serve INT32 variables, and inputs of real type. No copy at all is made in run when the
 * bytes of the array are those of the graph's tensor: same type, levels adjacent, columns one after
 * another.
 *
 * Binding a variable again replaces its array. If bind fails, an earlier binding stays.
 *
 * Errors: ARGUMENT, NAME, UNITS, SIZE, KIND, LAYOUT, CLOSED, BUSY.
 */
PYEMU_API int pyemu_bind(pyemu_emulator *emulator, const char *name, const pyemu_array *array,
                         const char *units, int level_dim, char *errmsg, size_t errlen);

/*
 * Bind an array that lies in the memory of the device the emulator runs on: 'data' is an address
 * there, as cudaMalloc, OpenACC's host_data or acc_deviceptr and OpenMP's use_device_addr give it.
 * Every later run reads and writes it in place, without any transfer. The emulator must have been
 * opened with device "cuda:N", and that card must hold the array. Some variables may be bound on
 * the device, others in host memory.
 *
 * Nothing is rearranged on the device: the bytes must be those of the graph's tensor, with the
 * variable's own element type, levels adjacent and columns one after another (in Fortran: t(nlay,
 * ncol) with 'level_dim' 0). An output must not lie over another bound array. Inputs are not
 * checked for numbers that are not finite.
 *
 * The host's work on the arrays must be complete when run is called, or be on the stream that was
 * given at open. Otherwise as pyemu_bind.
 *
 * Errors: those of pyemu_bind, UNSUPPORTED (the engine runs elsewhere, or takes no such arrays).
 * Addresses that are not on the card are refused by the next run with ARGUMENT.
 */
PYEMU_API int pyemu_bind_device(pyemu_emulator *emulator, const char *name,
                                const pyemu_array *array, const char *units, int level_dim,
                                char *errmsg, size_t errlen);

/* Forget every bound array, that of the ids too, so that arrays with another number of columns can
 * be bound. Errors: CLOSED, BUSY. */
PYEMU_API int pyemu_unbind(pyemu_emulator *emulator, char *errmsg, size_t errlen);

/*
 * Run the emulator once on the bound arrays. 'step' is the host's time step, any number but
 * PYEMU_NO_STEP; only noise depends on it (see pyemu_set_noise).
 *
 * Every variable but noise must be bound, or the error names all that are missing. If an input is
 * not finite, the error names the variable, column, level (counted from 1) and value. When run
 * fails before the engine starts (every error but INFERENCE) no output has been touched. With zero
 * columns run does nothing and succeeds.
 *
 * Errors: ARGUMENT (pyemu_bind_device, noise), MEMORY, SIZE (ids), LAYOUT, NOT_BOUND, NOT_FINITE,
 * INFERENCE, CLOSED, BUSY.
 */
PYEMU_API int pyemu_run(pyemu_emulator *emulator, int64_t step, char *errmsg, size_t errlen);

/*
 * Run the emulator on the first 'columns' of the bound columns only, 0 to as many as are bound:
 * for blocks of fixed size (nproma) of which the last is partly filled. Columns are counted in the
 * order of pyemu_bind. Outputs of all other columns are left exactly as they are, and their inputs
 * are not read. Otherwise as pyemu_run.
 *
 * Errors: those of pyemu_run, SIZE.
 */
PYEMU_API int pyemu_run_columns(pyemu_emulator *emulator, int64_t step, int64_t columns,
                                char *errmsg, size_t errlen);

/* What the guard does with a column that it flags. */
enum {
  PYEMU_GUARD_OFF = 0,      /* nothing is looked for */
  PYEMU_GUARD_COUNT = 1,    /* counts it; nothing else changes */
  PYEMU_GUARD_CLIP = 2,     /* moves inputs to the nearest bound, in a copy; else as FALLBACK */
  PYEMU_GUARD_FALLBACK = 3, /* leaves its outputs as they are, for the host's own scheme */
  PYEMU_GUARD_STOP = 4      /* run fails, and no output has been touched */
};

/* Why a column is flagged: reasons are added up. */
enum {
  PYEMU_REASON_NOT_FINITE = 1, /* a number that is NaN or infinite */
  PYEMU_REASON_INVALID = 2,    /* outside the valid range that the card gives for the variable */
  PYEMU_REASON_NOVEL = 4,      /* an input beyond 'limit' of the range seen in training */
  PYEMU_REASON_BUDGET = 8,     /* a budget on the card that does not close within its tolerance */
  PYEMU_REASON_ALL = 15
};

/*
 * Settings of the guard. Start from PYEMU_GUARD_INIT.
 *
 *   sizeof_guard   sizeof(pyemu_guard).
 *   mode           PYEMU_GUARD_OFF to PYEMU_GUARD_STOP.
 *   reasons        those that are looked for, added up. Default: all.
 *   limit          novelty above which a column is flagged. The novelty of a number is its distance
 *                  from the middle of the range seen in training at its level, in half widths of
 *                  that range: up to 1 inside. That of a column is the largest of all its inputs
 *                  and, if the card says how inputs vary together ("novelty"), the distance from
 *                  their centre in that sense; a column that is flagged for this falls back in
 *                  CLIP, too, and is counted for the input that is farthest out.
 *                  Above 0; default 1.
 *   taper          from this novelty on, up to 'limit', the emulator's outputs fade into what the
 *                  host's arrays hold before the run: with weight w = 1 - s, where s rises smoothly
 *                  (3 t^2 - 2 t^3) from 0 to 1. From 0 to 'limit'; default 0: no taper.
 */
typedef struct pyemu_guard {
  size_t sizeof_guard;
  int mode;
  int reasons;
  double limit;
  double taper;
} pyemu_guard;

#define PYEMU_GUARD_INIT                                                                           \
  { sizeof(pyemu_guard), PYEMU_GUARD_OFF, PYEMU_REASON_ALL, 1.0, 0.0 }

/*
 * Guard every later run, or end that with NULL or PYEMU_GUARD_OFF. Counts start anew. Columns are
 * judged one by one: what is wrong in one never reaches another.
 *
 * With a guard, inputs that are not finite are a reason, not an error of run; columns of arrays on
 * a device are not looked at, and refused. Of flagged columns CLIP moves inputs that are outside
 * the valid or the training range; NaN cannot be moved, so that such a column, and one with outputs
 * that are not finite or invalid, falls back.
 *
 * Errors: ARGUMENT, MEMORY, CLOSED, BUSY.
 */
PYEMU_API int pyemu_set_guard(pyemu_emulator *emulator, const pyemu_guard *guard, char *errmsg,
                              size_t errlen);

/* The reasons of every column of the last run, 0 for those that were not flagged: 'columns' must be
 * as many as it had. Errors: ARGUMENT, SIZE, CLOSED. */
PYEMU_API int pyemu_guard_reasons(const pyemu_emulator *emulator, int32_t *reasons, int64_t columns,
                                  char *errmsg, size_t errlen);

/* How many columns of the last run fell back: their outputs were left as they were. -1 if there is
 * no guard. */
PYEMU_API int64_t pyemu_guard_fallback_count(const pyemu_emulator *emulator);

/* Which these are, in rising order, counted from 0: the first 'room' of them. Errors: ARGUMENT,
 * CLOSED. */
PYEMU_API int pyemu_guard_fallback(const pyemu_emulator *emulator, int64_t *columns, int64_t room,
                                   char *errmsg, size_t errlen);

/*
 * How often the guard has found one reason in variable 'name' since it was set, by element: level
 * of a column, or place in a field as the card orders it. 'counts' has as many as one value of the
 * variable. Errors: ARGUMENT, NAME, SIZE, CLOSED.
 */
PYEMU_API int pyemu_guard_counts(const pyemu_emulator *emulator, const char *name, int reason,
                                 int64_t *counts, int64_t size, char *errmsg, size_t errlen);

/*
 * What the guard has found of one budget since it was set. A budget is a sum that the card says is
 * zero in every column; what is left of it, its residual, is computed in double precision from what
 * goes into the engine and what comes out. Set 'sizeof_budget' to sizeof(pyemu_budget) before the
 * call. The strings live as long as the emulator is open.
 *
 *   name, units    as on the card.
 *   tolerance      largest residual that the card allows, by magnitude.
 *   columns        residuals computed: one for each column of each run that did not fall back for
 *                  its inputs; those that are not finite are left out.
 *   exceeded       of these, the ones beyond the tolerance.
 *   mean, rms      mean and root mean square of the residuals.
 *   largest        the largest by magnitude, with its sign,
 *   at_step        the step that run was given, and
 *   at_column      the column, counted from 0. -1 if there is none.
 */
typedef struct pyemu_budget {
  size_t sizeof_budget;
  const char *name;
  const char *units;
  double tolerance;
  int64_t columns;
  int64_t exceeded;
  double mean;
  double rms;
  double largest;
  int64_t at_step;
  int64_t at_column;
} pyemu_budget;

/* Number of budgets on the card. 0 for NULL. */
PYEMU_API int64_t pyemu_budget_count(const pyemu_emulator *emulator);

/* Tell of budget 'index' (0 to count - 1) in '*budget'. Needs a guard whose reasons include
 * PYEMU_REASON_BUDGET. Errors: ARGUMENT, CLOSED. */
PYEMU_API int pyemu_budget_report(const pyemu_emulator *emulator, int64_t index,
                                  pyemu_budget *budget, char *errmsg, size_t errlen);

/* Whose outputs are recorded: those of the engine, or what the host's arrays hold when it calls
 * pyemu_record_host, which are then those of its own scheme. */
enum { PYEMU_RECORD_RUNS = 0, PYEMU_RECORD_HOST = 1 };

/* Which columns are recorded: all, or those that the guard has flagged. */
enum { PYEMU_RECORD_ALL = 0, PYEMU_RECORD_FLAGGED = 1 };

/*
 * What is recorded, and where. Start from PYEMU_RECORDING_INIT and set 'path'.
 *
 *   sizeof_recording  sizeof(pyemu_recording).
 *   path              the NetCDF file that is created. "{rank}" in it becomes 'rank', four digits
 *                     or more: every rank writes a file of its own.
 *   rank              of this process, for the path and for the file; -1 (default): none.
 *   replace           1: replace a file of that name; 0: refuse it (default).
 *   source            PYEMU_RECORD_RUNS (default) or PYEMU_RECORD_HOST.
 *   only              PYEMU_RECORD_ALL (default) or PYEMU_RECORD_FLAGGED, for which a guard must be
 *                     set.
 *   every_column      record columns whose id is a multiple of it (without ids: whose place among
 *                     those of the call is). Default 1.
 *   first_step,       record runs at steps from 'first_step' to 'last_step' of which the distance
 *   last_step, every  from 'first_step' (where that is not set, from step 0) is a multiple of
 *                     'every'. Runs with PYEMU_NO_STEP are counted instead. Default: all.
 *   max_bytes         the file does not grow beyond it: the recording ends instead, which is no
 *                     error. Default: 1 GiB.
 *   buffer            columns that are kept before they are written; 0 (default): about 4 MiB.
 *   library           file name of netcdf-c (libnetcdf.so...), looked at when the process records
 *                     for the first time. NULL (default): the environment variable PYEMU_NETCDF,
 *                     then what the process has loaded, then the system's library path.
 */
typedef struct pyemu_recording {
  size_t sizeof_recording;
  const char *path;
  int32_t rank;
  int replace;
  int source;
  int only;
  int64_t every_column;
  int64_t first_step;
  int64_t last_step;
  int64_t every;
  int64_t max_bytes;
  int64_t buffer;
  const char *library;
} pyemu_recording;

#define PYEMU_RECORDING_INIT                                                                       \
  {                                                                                                \
    sizeof(pyemu_recording), NULL, -1, 0, PYEMU_RECORD_RUNS, PYEMU_RECORD_ALL, 1, INT64_MIN,       \
        INT64_MAX, 1, (int64_t)1 << 30, 0, NULL                                                    \
  }

/*
 * Record every later run in a NetCDF file (CDF-5, CF conventions), for 'pyemu replay' and
 * 'pyemu data from-record'. NULL ends the recording: what is buffered is written, the file closed.
 * A new recording ends the old one; pyemu_close does, too.
 *
 * The file has the dimension "column", a row for each recorded column of each run. Its inputs are
 * what the engine was given, noise and what the guard has clipped included; its outputs what the
 * engine computed, before anything is mixed with the host's; both in the type that the engine
 * computes in. Further variables tell the step, the number of the recorded call, the place in it,
 * the id (pyemu_bind_ids) and the guard's reasons; attributes hold the card, the SHA-256 of the
 * emulator file, engine, versions and key of the noise. Runs that fail are not recorded.
 *
 * A recording never makes a run fail. If something goes wrong later than here (a full disk, arrays
 * on a device, ids of another number than the columns), it ends and pyemu_record_report tells why;
 * the file keeps what was written. The results of runs are those without a recording.
 *
 * Runs of the engine "native" that are recorded go by way of tensors. netCDF may be used by one
 * thread at a time: libpyemu takes turns with itself, a host that uses netCDF in another thread
 * while an emulator records must see to that.
 *
 * Errors: ARGUMENT, FILE (there already, cannot be created), MEMORY, UNSUPPORTED (netCDF cannot be
 * loaded), CLOSED, BUSY. An earlier recording then goes on.
 */
PYEMU_API int pyemu_set_record(pyemu_emulator *emulator, const pyemu_recording *recording,
                               char *errmsg, size_t errlen);

/*
 * Record the bound arrays of the first 'columns' columns (-1: of all) as they are now, without a
 * run: the inputs and outputs of the host's own scheme, from which an emulator can be trained. The
 * recording must have source PYEMU_RECORD_HOST. With PYEMU_RECORD_FLAGGED, columns are those that
 * the guard has flagged in the last run: for a host that has computed these itself.
 *
 * Errors: ARGUMENT, MEMORY, SIZE, LAYOUT, NOT_BOUND, CLOSED, BUSY.
 */
PYEMU_API int pyemu_record_host(pyemu_emulator *emulator, int64_t step, int64_t columns,
                                char *errmsg, size_t errlen);

/*
 * What has been recorded since the last pyemu_set_record that was not NULL. Set 'sizeof_recorded'
 * to sizeof(pyemu_recorded) before the call. The strings live until the next pyemu_set_record or
 * pyemu_close.
 *
 *   path     the file.
 *   is_on    1 until the recording has ended.
 *   status   PYEMU_OK, or why it ended early.
 *   stopped  the same in words; an empty string if it goes on, or was ended by the host. Reaching
 *            'max_bytes' has words, but is no error.
 *   calls    runs, or calls of pyemu_record_host, that were recorded,
 *   columns  their columns that are in the file or in the buffer,
 *   bytes    and the size of the file.
 *   seconds  spent in runs and calls on recording; creating the file is not counted.
 */
typedef struct pyemu_recorded {
  size_t sizeof_recorded;
  const char *path;
  int is_on;
  int status;
  const char *stopped;
  int64_t calls;
  int64_t columns;
  int64_t bytes;
  double seconds;
} pyemu_recorded;

/* Tell in '*recorded' what has been recorded. Errors: ARGUMENT (nothing was set), CLOSED. */
PYEMU_API int pyemu_record_report(const pyemu_emulator *emulator, pyemu_recorded *recorded,
                                  char *errmsg, size_t errlen);

/*
 * How much of an output goes to the host's array: weight * emulator + (1 - weight) * what the array
 * holds before the run. Start from PYEMU_BLEND_INIT.
 *
 *   sizeof_blend   sizeof(pyemu_blend).
 *   from           the weight before 'first_step', 0 to 1. Default 1.
 *   to             the weight from 'last_step' on, 0 to 1. Default 1. Between the two steps the
 *                  weight is from + (to - from) * (step - first_step) / (last_step - first_step).
 *   first_step     the steps of the ramp, as run is given them. Equal ones make a step: 'from'
 *   last_step      before it, 'to' from it on. Default 0.
 *
 * A constant weight has 'from' equal to 'to'. Where the weight is 0 the host's numbers are not
 * touched, where it is 1 they are those of the emulator, to the bit. Between, the mix is computed
 * in double precision and rounded to the type of the array.
 */
typedef struct pyemu_blend {
  size_t sizeof_blend;
  double from;
  double to;
  int64_t first_step;
  int64_t last_step;
} pyemu_blend;

#define PYEMU_BLEND_INIT                                                                           \
  { sizeof(pyemu_blend), 1.0, 1.0, 0, 0 }

/*
 * Blend output 'name', or all real outputs that are not carried (pyemu_variable) for NULL, in every
 * later run; 'blend' NULL ends that. A guard that lets a column fade or fall back multiplies the
 * weight. An output of integers cannot be mixed, nor can arrays on a device; a weight of its own
 * for each column comes with pyemu_bind_weight.
 *
 * Errors: ARGUMENT, NAME, KIND, CLOSED, BUSY.
 */
PYEMU_API int pyemu_set_blend(pyemu_emulator *emulator, const char *name, const pyemu_blend *blend,
                              char *errmsg, size_t errlen);

/*
 * Bind an array of weights, one for each column, for output 'name', or for all real outputs with a
 * batch for NULL: it is read in place by every run, and multiplies the weight of the blend (1 if
 * none is set). A FLOAT32 or FLOAT64 array of any rank and stride, in the order of the columns of
 * other arrays. 'array' NULL or pyemu_unbind end it.
 *
 * Errors: ARGUMENT, NAME, SIZE, KIND, CLOSED, BUSY. Weights that are not from 0 to 1 are refused by
 * run with ARGUMENT, arrays of another number of columns with SIZE.
 */
PYEMU_API int pyemu_bind_weight(pyemu_emulator *emulator, const char *name,
                                const pyemu_array *array, char *errmsg, size_t errlen);

/*
 * Bind an array that takes output 'name' as the emulator gives it, whatever the blend and the guard
 * do: with a weight of 0, the emulator runs side by side with the host's own scheme. Otherwise as
 * pyemu_bind; 'array' NULL or pyemu_unbind end it.
 *
 * Errors: those of pyemu_bind.
 */
PYEMU_API int pyemu_bind_aside(pyemu_emulator *emulator, const char *name, const pyemu_array *array,
                               const char *units, int level_dim, char *errmsg, size_t errlen);

/*
 * Close '*emulator', free all it holds and set '*emulator' to NULL. Bound arrays are left as they
 * are. A NULL 'emulator' is allowed and does nothing. Closing a second time, when '*emulator' is
 * NULL, returns PYEMU_ERR_CLOSED and does nothing else.
 *
 * Errors: CLOSED, BUSY (the emulator then stays open).
 */
PYEMU_API int pyemu_close(pyemu_emulator **emulator, char *errmsg, size_t errlen);

/* Number of variables, inputs first, then outputs, each in the order of the card. 0 for NULL. */
PYEMU_API int64_t pyemu_variable_count(const pyemu_emulator *emulator);

/* Describe variable 'index' (0 to count - 1) in '*variable'.
 * Errors: ARGUMENT, CLOSED. */
PYEMU_API int pyemu_variable_info(const pyemu_emulator *emulator, int64_t index,
                                  pyemu_variable *variable, char *errmsg, size_t errlen);

/* Find the variable 'name' and put its index into '*index'; the error lists the names there are.
 * Errors: ARGUMENT, NAME, CLOSED. */
PYEMU_API int pyemu_variable_find(const pyemu_emulator *emulator, const char *name, int64_t *index,
                                  char *errmsg, size_t errlen);

/* Number of columns of the arrays bound now; -1 if none is bound, or for NULL. */
PYEMU_API int64_t pyemu_column_count(const pyemu_emulator *emulator);

/* The card, as the JSON text in the file, null-terminated. It lives as long as the emulator is
 * open. NULL for NULL. */
PYEMU_API const char *pyemu_card(const pyemu_emulator *emulator);

/* The name of the engine that runs this emulator. It lives as long as the emulator is open. NULL
 * for NULL. */
PYEMU_API const char *pyemu_engine(const pyemu_emulator *emulator);

/* The version of the library behind the engine ("1.31.1"). It lives as long as the emulator is
 * open. Never NULL. */
PYEMU_API const char *pyemu_engine_version(const pyemu_emulator *emulator);

/* Where the emulator runs: "cpu" or "cuda:N". It lives as long as the emulator is open. NULL for
 * NULL. */
PYEMU_API const char *pyemu_device(const pyemu_emulator *emulator);

/* Tell in '*counters' what the handle has done and how long it took.
 * Errors: ARGUMENT, CLOSED. */
PYEMU_API int pyemu_report(const pyemu_emulator *emulator, pyemu_counters *counters, char *errmsg,
                           size_t errlen);

/* Number of reference columns recorded in the file, 1 or more. 0 for NULL. */
PYEMU_API int64_t pyemu_reference_count(const pyemu_emulator *emulator);

/*
 * Copy the recorded values of variable 'name' (input or output) into the caller's array, which must
 * have as many columns as pyemu_reference_count says (a variable without batch: one value).
 * 'level_dim' as in pyemu_bind. Real values are converted to the array's real type.
 *
 * Errors: ARGUMENT, NAME, SIZE, KIND, LAYOUT, CLOSED.
 */
PYEMU_API int pyemu_reference(const pyemu_emulator *emulator, const char *name,
                              const pyemu_array *array, int level_dim, char *errmsg, size_t errlen);

/*
 * Noise. A card may say of an input that it is noise (pyemu_variable). If no array is bound to it,
 * run fills it with random numbers before the engine starts. They are made by Philox 4x32-10 and
 * depend on the seed, the member, the step, the stream, the column's id and the element, and on
 * nothing else: not on blocks, their order, threads, ranks or the processor. To have noise the host
 * calls pyemu_set_noise and pyemu_bind_ids; run fails if it has not.
 *
 * With an AR(1) coefficient a, each element of each column is a process x = a x + sqrt(1 - a^2) e
 * of normal noise e, which a run advances by one. A column's first value is drawn for that step
 * with the variance of the process, 1. The handle keeps the values by id, so that one handle may
 * serve many blocks of columns; every column belongs to one handle. A run at the step of the
 * column's last one (a retry, a sub-cycle) has the same noise and advances nothing. An array that
 * is bound to the variable is used as it is, and leaves the memory alone.
 */

/*
 * Say which noise. 'seed' is any number; 'member' is the member of an ensemble, 0 to 2^31 - 1. All
 * ranks give the same. If they are others than before, the memory of AR(1) processes is forgotten:
 * open a handle for each member.
 *
 * Errors: ARGUMENT, CLOSED, BUSY.
 */
PYEMU_API int pyemu_set_noise(pyemu_emulator *emulator, int64_t seed, int64_t member, char *errmsg,
                              size_t errlen);

/*
 * Bind the ids of the columns: for each its number in the whole model, 0 or more, the same on
 * whichever rank and in whichever block it is. 'ids' is an INT32 or INT64 array of any rank and
 * stride with as many elements as there are columns, in the order of the columns of other arrays.
 * It is read in place by every run that makes noise, like an input; pyemu_run_columns reads the
 * first 'columns'. Two columns of one run must not have the same id.
 *
 * Errors: ARGUMENT, SIZE, KIND, CLOSED, BUSY. Ids that are negative, there twice, or of another
 * number than the columns are refused by run with ARGUMENT and SIZE.
 */
PYEMU_API int pyemu_bind_ids(pyemu_emulator *emulator, const pyemu_array *ids, char *errmsg,
                             size_t errlen);

/*
 * Fill an array with noise, without an emulator: the numbers that an emulator with that seed and
 * member makes at 'step' for a variable of that stream, without AR(1). 'stream' is 0 to 2^31 - 1, a
 * choice of the host's own. 'ids' as in pyemu_bind_ids, but an id may be there twice: the columns
 * then have the same noise.
 *
 * 'array' is FLOAT32 or FLOAT64, each with numbers of its own, of any strides. If it has as many
 * elements as there are ids, there is one for each column; else dimension 'level_dim' (0 for the
 * first, PYEMU_LAST_DIM for the last) enumerates the elements of a column, all others the columns,
 * the first of them varying fastest.
 *
 * Errors: ARGUMENT, SIZE, KIND, LAYOUT. The array is then untouched.
 */
PYEMU_API int pyemu_fill_noise(int32_t distribution, int64_t seed, int64_t member, int64_t step,
                               int64_t stream, const pyemu_array *ids, const pyemu_array *array,
                               int level_dim, char *errmsg, size_t errlen);

/*
 * State: what a handle carries from step to step. A run that is stopped, saved, loaded by another
 * process and continued has the bits of one that was not stopped. The state holds
 *   - the noise's seed and member;
 *   - for every column, by its id, the memory of AR(1) processes, and what is carried
 *     (pyemu_variable);
 *   - what the guard has counted, and what it has found of the budgets.
 * A ramp of a blend depends on the step that run is given, and needs nothing.
 *
 * A state belongs to the file that the emulator was opened from. Columns are found by id, so that
 * the states of many ranks can be loaded by fewer or more: each loads those of all, the first
 * without PYEMU_STATE_MORE, the others with it. Let one rank alone load the counts then, so that
 * their sum over the ranks is right.
 */
enum {
  PYEMU_STATE_COLUMNS = 1, /* what columns carry; what is there is forgotten */
  PYEMU_STATE_COUNTS = 2,  /* the guard's counts and budgets, instead of those that are there */
  PYEMU_STATE_ALL = 3,
  PYEMU_STATE_MORE = 4 /* besides: keep what is there. Of two rows of a column the later step
                          stays; counts are added up */
};

/*
 * Save the state to a file. It is written under another name first and then renamed: a process that
 * dies leaves the old file. Errors: ARGUMENT, FILE, MEMORY, CLOSED, BUSY.
 */
PYEMU_API int pyemu_save_state(pyemu_emulator *emulator, const char *path, char *errmsg,
                               size_t errlen);

/*
 * Load a state: 'what' is PYEMU_STATE_COLUMNS, PYEMU_STATE_COUNTS or PYEMU_STATE_ALL, plus
 * PYEMU_STATE_MORE if need be. If it fails, but for MEMORY, nothing has changed.
 *
 * Errors: ARGUMENT (of another emulator file, seed or member; counts without a guard to take them),
 * FILE, FORMAT (no state, truncated or damaged), MEMORY, CLOSED, BUSY.
 */
PYEMU_API int pyemu_load_state(pyemu_emulator *emulator, const char *path, int what, char *errmsg,
                               size_t errlen);

/* The bytes that the state has now. -1 for NULL. */
PYEMU_API int64_t pyemu_state_size(pyemu_emulator *emulator);

/* The same to a buffer of at least so many bytes, for hosts that write their own restart files.
 * Errors: ARGUMENT, SIZE, CLOSED, BUSY. */
PYEMU_API int pyemu_save_state_memory(pyemu_emulator *emulator, void *buffer, int64_t size,
                                      char *errmsg, size_t errlen);

/* And from one: 'size' may be larger than the state. Errors: those of pyemu_load_state but FILE. */
PYEMU_API int pyemu_load_state_memory(pyemu_emulator *emulator, const void *buffer, int64_t size,
                                      int what, char *errmsg, size_t errlen);

#ifdef __cplusplus
}
#endif

#endif /* PYEMU_H */
