/* bridge.cpp - the torch engines as the core knows them. No exception leaves this file. */
#include <c10/util/Exception.h>
#include <torch/version.h>

#include <new>

extern "C" {
#include "bridge.h"
#include "error.h"
}
#include "session.hpp"

namespace {

/* torch's messages are pages with traces of its own code. Keep the line that says what happened:
 * the first, or for TorchScript the one after its trace of the model. */
std::string first_line(const std::string &message) {
  const std::string mark = "RuntimeError: ";
  size_t start = message.rfind(mark);
  start = start == std::string::npos ? 0 : start + mark.size();
  start = message.find_first_not_of(" \n", start);
  if (start == std::string::npos)
    return "no reason given";
  return message.substr(start, message.find('\n', start) - start);
}

/* Do it; an exception becomes a status and one line. */
template <class Action>
int guarded(const error *error, int status, const char *what, Action action) noexcept {
  try {
    try {
      action();
      return PYEMU_OK;
    } catch (const Failure &failure) {
      return fail(error, failure.status, "%s", failure.message.c_str());
    } catch (const std::bad_alloc &) {
      return fail(error, PYEMU_ERR_MEMORY, "no memory for the engine");
    } catch (const c10::Error &e) {
      return fail(error, status, "torch could not %s: %s", what,
                  first_line(e.what_without_backtrace()).c_str());
    } catch (const std::exception &e) {
      return fail(error, status, "torch could not %s: %s", what, first_line(e.what()).c_str());
    }
  } catch (...) { /* also of the texts above */
    return fail(error, status, "torch could not %s", what);
  }
}

int create(const engine_source *source, Session::Load load, const char *what, void **state,
           char *errmsg, size_t errlen) {
  error error = error_in(errmsg, errlen);
  std::unique_ptr<Session> session;
  int status = guarded(&error, PYEMU_ERR_GRAPH, what,
                       [&] { session = std::make_unique<Session>(*source, load); });
  if (status == PYEMU_OK && source->reference_columns > 0)
    status = guarded(&error, PYEMU_ERR_GRAPH, "run the model on the reference columns",
                     [&] { session->replay(*source); });
  if (status == PYEMU_OK)
    *state = session.release();
  return status;
}

int create_aoti(const engine_source *source, void **state, char *errmsg, size_t errlen) {
  return create(source, load_package, "load the package", state, errmsg, errlen);
}

int create_torchscript(const engine_source *source, void **state, char *errmsg, size_t errlen) {
  return create(source, load_script, "load the TorchScript module", state, errmsg, errlen);
}

int run(void *state, int64_t columns, void *const *tensors, char *errmsg, size_t errlen) {
  error error = error_in(errmsg, errlen);
  int status = guarded(&error, PYEMU_ERR_INFERENCE, "run the model",
                       [&] { static_cast<Session *>(state)->run(columns, tensors); });
  return status == PYEMU_OK || status == PYEMU_ERR_MEMORY ? status : PYEMU_ERR_INFERENCE;
}

void destroy(void *state) {
  error none = error_in(nullptr, 0);
  guarded(&none, PYEMU_ERR_ENGINE, "close", [&] { delete static_cast<Session *>(state); });
}

const char *version(void *) { return TORCH_VERSION; }

} // namespace

extern "C" __attribute__((visibility("default"))) const engine *
pyemu_torch_bridge(const char *name);

extern "C" const engine *pyemu_torch_bridge(const char *name) {
  static const auto make = [](const char *called, decltype(engine::create) creator) {
    engine made = {};
    made.interface = PYEMU_ENGINE_INTERFACE;
    made.name = called;
    made.create = creator;
    made.run = run;
    made.destroy = destroy;
    made.version = version;
    return made;
  };
  static const engine engines[] = {make("aoti", create_aoti),
                                   make("torchscript", create_torchscript)};
  for (const engine &found : engines)
    if (std::string(found.name) == name)
      return &found;
  return nullptr;
}
