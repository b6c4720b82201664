/* bridge.c - the part of the engine "python" that calls the interpreter. driver.py is its other
 * half. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "bridge.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h" /* driver_source, made from driver.py */
#include "dtype.h"

/* The functions of driver.py; set once, under the lock, and kept to the end of the process. */
static PyObject *driver;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The size of a tensor. */
struct extent {
  size_t bytes; /* of one column, or of all if it has no columns */
  int has_batch;
};

/* One module that is open. */
struct session {
  PyObject *model;
  int64_t n_tensors;
  int64_t n_inputs;
  struct extent *extents; /* of each tensor */
  char version[32];
};

/* A new reference to a function of the driver, or NULL with an exception. */
static PyObject *driver_function(const char *name) {
  PyObject *function = driver ? PyDict_GetItemString(driver, name) : NULL;
  if (!function)
    PyErr_SetString(PyExc_RuntimeError, "the driver of the engine has not been loaded");
  Py_XINCREF(function);
  return function;
}

/* Turn the exception that is set into one line. Never lets Python print or exit. */
static int fail_with_exception(const struct error *error, int status, const char *what) {
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (value && trace)
    PyException_SetTraceback(value, trace);
  PyObject *describe = driver ? driver_function("describe") : NULL;
  PyObject *line = describe && value ? PyObject_CallFunctionObjArgs(describe, value, NULL) : NULL;
  if (!line) {
    PyErr_Clear();
    line = value ? PyObject_Str(value) : NULL;
  }
  const char *text = line ? PyUnicode_AsUTF8(line) : NULL;
  fail(error, status, "%s: %s", what, text ? text : "an exception that cannot be told in words");
  PyErr_Clear();
  Py_XDECREF(line);
  Py_XDECREF(describe);
  Py_XDECREF(trace);
  Py_XDECREF(value);
  Py_XDECREF(type);
  return status;
}

static int fail_with_status(PyStatus status, const char *executable, const struct error *error) {
  return fail(error, PYEMU_ERR_ENGINE,
              "Python cannot start with the packages of '%s': %s; set PYEMU_PYTHON to the Python "
              "program of an environment with NumPy",
              executable, status.err_msg ? status.err_msg : "no reason given");
}

/*
 * Start Python as a guest: the host keeps its locale, its signal handlers and its arguments, and
 * the directory it runs in is no place to import from. The name of an environment's program leads
 * Python to that environment's packages.
 */
static int initialise(const char *executable, const struct error *error) {
  PyPreConfig before;
  PyPreConfig_InitPythonConfig(&before);
  before.configure_locale = 0;
  before.coerce_c_locale = 0;
  before.utf8_mode = 1;
  before.parse_argv = 0;
  PyStatus status = Py_PreInitialize(&before);
  if (PyStatus_Exception(status))
    return fail_with_status(status, executable, error);
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.install_signal_handlers = 0;
  config.parse_argv = 0;
#if PY_VERSION_HEX >= 0x030B0000
  config.safe_path = 1;
#endif
  status = PyConfig_SetBytesString(&config, &config.program_name, executable);
  if (!PyStatus_Exception(status))
    status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status))
    return fail_with_status(status, executable, error);
  PyEval_SaveThread(); /* whoever calls takes the interpreter, and gives it back */
  return PYEMU_OK;
}

static int load_driver(const char *executable, const struct error *error) {
  PyObject *functions = PyDict_New(), *result = NULL;
  PyObject *code = Py_CompileString(driver_source, "<pyemu>", Py_file_input);
  if (functions && code &&
      PyDict_SetItemString(functions, "__builtins__", PyEval_GetBuiltins()) == 0)
    result = PyEval_EvalCode(code, functions, functions);
  Py_XDECREF(code);
  if (result) {
    Py_DECREF(result);
    driver = functions;
    return PYEMU_OK;
  }
  Py_XDECREF(functions);
  fail_with_exception(error, PYEMU_ERR_ENGINE, "the engine 'python' needs NumPy");
  error_append(error,
               "; set PYEMU_PYTHON to the Python program of an environment with NumPy (now "
               "'%s')",
               executable);
  return PYEMU_ERR_ENGINE;
}

static int start(const char *executable, const struct error *error) {
  /* Not while holding the interpreter: the thread that has the lock may be waiting for it. */
  PyThreadState *held = Py_IsInitialized() && PyGILState_Check() ? PyEval_SaveThread() : NULL;
  pthread_mutex_lock(&lock);
  int status = Py_IsInitialized() ? PYEMU_OK : initialise(executable, error);
  if (status == PYEMU_OK && !driver) {
    PyGILState_STATE state = PyGILState_Ensure();
    status = load_driver(executable, error);
    PyGILState_Release(state);
  }
  pthread_mutex_unlock(&lock);
  if (held)
    PyEval_RestoreThread(held);
  return status;
}

/* A list of tuples (name, type, shape) of tensors, or NULL with an exception. */
static PyObject *describe_tensors(const struct engine_tensor *tensors, int64_t count) {
  PyObject *list = PyList_New(0);
  for (int64_t i = 0; list && i < count; ++i) {
    PyObject *shape = PyTuple_New(tensors[i].rank);
    for (int32_t d = 0; shape && d < tensors[i].rank; ++d)
      PyTuple_SET_ITEM(shape, d, PyLong_FromLongLong(tensors[i].shape[d]));
    PyObject *tuple =
        shape ? Py_BuildValue("(ssN)", tensors[i].name, dtype_name(tensors[i].dtype), shape) : NULL;
    if (!tuple || PyList_Append(list, tuple) != 0)
      Py_CLEAR(list);
    Py_XDECREF(tuple);
  }
  return list;
}

static int load_model(struct session *s, const struct engine_source *source,
                      const struct error *error) {
  PyObject *load = driver_function("load");
  PyObject *inputs = describe_tensors(source->tensors, source->n_inputs);
  PyObject *outputs =
      describe_tensors(source->tensors + source->n_inputs, source->n_tensors - source->n_inputs);
  PyObject *path = PyUnicode_DecodeFSDefault(source->path ? source->path : "<emulator>");
  PyObject *text = PyBytes_FromStringAndSize(source->bytes, (Py_ssize_t)source->size);
  if (load && inputs && outputs && path && text)
    s->model = PyObject_CallFunctionObjArgs(load, text, path, inputs, outputs, NULL);
  Py_XDECREF(text);
  Py_XDECREF(path);
  Py_XDECREF(outputs);
  Py_XDECREF(inputs);
  Py_XDECREF(load);
  return s->model ? PYEMU_OK
                  : fail_with_exception(error, PYEMU_ERR_GRAPH, "the module cannot be loaded");
}

/* Views of the host's memory; those of the inputs are read-only. NULL with an exception. */
static PyObject *make_views(const struct session *s, int64_t columns, void *const *tensors) {
  PyObject *views = PyList_New(0);
  for (int64_t i = 0; views && i < s->n_tensors; ++i) {
    const struct extent *e = &s->extents[i];
    Py_ssize_t size = (Py_ssize_t)(e->has_batch ? (size_t)columns * e->bytes : e->bytes);
    PyObject *view =
        PyMemoryView_FromMemory(tensors[i], size, i < s->n_inputs ? PyBUF_READ : PyBUF_WRITE);
    if (!view || PyList_Append(views, view) != 0)
      Py_CLEAR(views);
    Py_XDECREF(view);
  }
  return views;
}

/* Call a method of the model on memory of the host. */
static int call(const struct session *s, const char *method, int64_t columns, void *const *tensors,
                int status, const char *what, const struct error *error) {
  PyObject *function = driver_function("call");
  PyObject *bound = PyObject_GetAttrString(s->model, method);
  PyObject *number = PyLong_FromLongLong(columns);
  PyObject *views = make_views(s, columns, tensors);
  PyObject *result = NULL;
  if (function && bound && number && views)
    result = PyObject_CallFunctionObjArgs(function, bound, number, views, NULL);
  Py_XDECREF(views);
  Py_XDECREF(number);
  Py_XDECREF(bound);
  Py_XDECREF(function);
  int found = result ? PYEMU_OK : fail_with_exception(error, status, what);
  Py_XDECREF(result);
  return found;
}

static void destroy(void *state) {
  struct session *s = state;
  PyGILState_STATE held = PyGILState_Ensure();
  Py_XDECREF(s->model);
  PyGILState_Release(held);
  free(s->extents);
  free(s);
}

static int fill(struct session *s, const struct engine_source *source, const struct error *error) {
  const char *version = Py_GetVersion();
  snprintf(s->version, sizeof s->version, "%.*s", (int)strcspn(version, " "), version);
  s->n_tensors = source->n_tensors;
  s->n_inputs = source->n_inputs;
  s->extents = calloc((size_t)source->n_tensors, sizeof *s->extents);
  if (!s->extents)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the engine");
  for (int64_t i = 0; i < source->n_tensors; ++i) {
    const struct engine_tensor *t = &source->tensors[i];
    s->extents[i] =
        (struct extent){(size_t)t->width * dtype_size(t->dtype), t->rank > 0 && t->shape[0] == -1};
  }
  int status = load_model(s, source, error);
  if (status == PYEMU_OK && source->reference_columns > 0)
    status = call(s, "replay", source->reference_columns, source->reference_values, PYEMU_ERR_GRAPH,
                  "the function cannot run the reference columns", error);
  return status;
}

static int create(const struct engine_source *source, void **state, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  struct session *s = calloc(1, sizeof *s);
  if (!s)
    return fail(&error, PYEMU_ERR_MEMORY, "no memory for the engine");
  PyGILState_STATE held = PyGILState_Ensure();
  int status = fill(s, source, &error);
  PyGILState_Release(held);
  if (status == PYEMU_OK)
    *state = s;
  else
    destroy(s);
  return status;
}

static int run(void *state, int64_t columns, void *const *tensors, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  PyGILState_STATE held = PyGILState_Ensure();
  int status = call(state, "run", columns, tensors, PYEMU_ERR_INFERENCE,
                    "the function f of the module failed", &error);
  PyGILState_Release(held);
  return status;
}

static const char *version(void *state) {
  const struct session *s = state;
  return s->version;
}

__attribute__((visibility("default"))) const struct python_bridge *pyemu_python_bridge(void);

const struct python_bridge *pyemu_python_bridge(void) {
  static const struct engine engine = {.interface = PYEMU_ENGINE_INTERFACE,
                                       .name = "python",
                                       .create = create,
                                       .run = run,
                                       .destroy = destroy,
                                       .version = version};
  static const struct python_bridge bridge = {start, &engine};
  return &bridge;
}
