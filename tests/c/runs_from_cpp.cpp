// The C++ header: errors are exceptions with a status, handles close themselves and can be moved.
#include <pyemu.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

static int failed = 0;

static void check(bool condition, const char *what) {
  if (!condition) {
    std::printf("failed: %s\n", what);
    ++failed;
  }
}

// Run 'action' and expect an error of that status whose message holds 'piece'.
template <typename Action> static void check_error(Action action, int status, const char *piece) {
  try {
    action();
    check(false, piece);
  } catch (const pyemu::Error &error) {
    check(error.status() == status && std::strstr(error.what(), piece), error.what());
  }
}

static void run_the_reference(const std::string &path) {
  pyemu::Emulator opened(path);
  pyemu::Emulator emulator = std::move(opened);
  check(opened.handle() == nullptr && emulator.handle() != nullptr, "moved");
  const std::int64_t n = emulator.reference_columns();
  std::vector<std::vector<double>> values;
  for (const pyemu_variable &v : emulator.variables()) {
    values.emplace_back(static_cast<std::size_t>(n * v.level_size), -999.0);
    const auto shape =
        v.level_name ? std::vector<std::int64_t>{n, v.level_size} : std::vector<std::int64_t>{n};
    const pyemu_array array = pyemu::array(values.back().data(), shape);
    if (v.direction == PYEMU_INPUT)
      emulator.reference(v.name, array);
    emulator.bind(v.name, array, v.units);
  }
  emulator.run(1);
  std::size_t i = 0;
  for (const pyemu_variable &v : emulator.variables()) {
    std::vector<double> expected(values[i].size());
    const auto shape =
        v.level_name ? std::vector<std::int64_t>{n, v.level_size} : std::vector<std::int64_t>{n};
    emulator.reference(v.name, pyemu::array(expected.data(), shape));
    for (std::size_t k = 0; k < expected.size(); ++k)
      check(std::fabs(values[i][k] - expected[k]) <= 1e-12 * std::fabs(expected[k]), v.name);
    ++i;
  }
  check(emulator.report().calls == 1 && emulator.columns() == n, "report");
  check(emulator.engine() == "onnxruntime" && !emulator.card().empty(), "engine and card");
}

static void make_noise(const std::string &path) {
  pyemu::Emulator emulator(path);
  const std::int64_t n = 12;
  std::vector<double> x(12), kick(60), expected(60);
  std::vector<float> memory(60), coin(12);
  std::vector<std::int32_t> ids(12);
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<std::int32_t>(7 * i);
  const pyemu_array id_array = pyemu::array(ids.data(), {n});
  emulator.bind("x", x.data(), {n});
  emulator.bind("shown_memory", memory.data(), {n, 5});
  emulator.bind("shown_kick", kick.data(), {n, 5});
  emulator.bind("shown_coin", coin.data(), {n});
  check_error([&] { emulator.run(1); }, PYEMU_ERR_ARGUMENT, "call pyemu_set_noise");
  emulator.set_noise(42, 1);
  check_error([&] { emulator.run(1); }, PYEMU_ERR_ARGUMENT, "call pyemu_bind_ids");
  emulator.bind_ids(id_array);
  check_error([&] { emulator.run(); }, PYEMU_ERR_ARGUMENT, "give run the step");
  emulator.run(1);
  const std::int64_t stream = emulator.variables()[2].noise_stream;
  pyemu::fill_noise(pyemu::array(expected.data(), {n, 5}), id_array, PYEMU_NORMAL, 42, 1, 1,
                    stream);
  check(kick == expected, "an emulator's noise is that of its stream");
  check_error(
      [&] {
        pyemu::fill_noise(pyemu::array(expected.data(), {n, 5}), id_array, 7, 42, 1, 1);
      },
      PYEMU_ERR_ARGUMENT, "expected 1");
}

static void guard_columns(const std::string &path) {
  pyemu::Emulator emulator(path);
  const std::int64_t n = 3;
  std::vector<float> temperature(15, 200.0F), surface(3, 280.0F);
  std::vector<double> pressure(18, 100.0), flux(18, -1.0), tendency(15), outgoing(3);
  pyemu_guard guard = PYEMU_GUARD_INIT;
  temperature[6] = 300.0F;
  emulator.bind("air_temperature", temperature.data(), {n, 5});
  emulator.bind("air_pressure_at_interfaces", pressure.data(), {n, 6});
  emulator.bind("surface_temperature", surface.data(), {n});
  emulator.bind("upwelling_longwave_flux_in_air_at_interfaces", flux.data(), {n, 6});
  emulator.bind("tendency_of_air_temperature_due_to_longwave_heating", tendency.data(), {n, 5});
  emulator.bind("toa_outgoing_longwave_flux", outgoing.data(), {n});
  check_error([&] { emulator.fallback(); }, PYEMU_ERR_ARGUMENT, "has no guard");
  guard.mode = PYEMU_GUARD_FALLBACK;
  emulator.set_guard(guard);
  emulator.run(5);
  check(emulator.fallback() == std::vector<std::int64_t>{1}, "the second column falls back");
  check(flux[6] == -1.0 && flux[0] == 281.0, "and keeps its outputs");
  const pyemu_budget budget = emulator.budget(0);
  check(budget.columns == 2 && budget.at_step == 5 && std::string(budget.units) == "W m-2",
        "a budget of the others");
  check_error([&] { emulator.budget(1); }, PYEMU_ERR_ARGUMENT, "no budget 1");
  pyemu_recording recording = PYEMU_RECORDING_INIT;
  check_error([&] { emulator.recorded(); }, PYEMU_ERR_ARGUMENT, "nothing has been recorded");
  recording.path = "runs_from_cpp.nc";
  recording.replace = 1;
  recording.only = PYEMU_RECORD_FLAGGED;
  emulator.set_record(recording);
  emulator.run(6);
  check_error([&] { emulator.record_host(6); }, PYEMU_ERR_ARGUMENT, "the host's own scheme");
  emulator.end_record();
  check(emulator.recorded().columns == 1 && !emulator.recorded().is_on, "the flagged column");
}

static void open_derivative(const std::string &path) {
  const float x[5] = {}, seed[5] = {1, 0, 0, 0, 0};
  float result[5] = {-1, -1, -1, -1, -1};
  pyemu_options options = pyemu::Emulator::derivative_options("vjp");
  options.engine = "native";
  pyemu::Emulator adjoint(path, options);
  adjoint.bind("x", x, {1, 5}, "K");
  adjoint.bind("adjoint_of_y", seed, {1, 5}, "W-1 m2");
  adjoint.bind("adjoint_of_x", result, {1, 5}, "K-1");
  adjoint.run();
  check(result[0] != -1.0f, "the adjoint is computed");
  check_error([&] { pyemu::Emulator none(path, pyemu::Emulator::derivative_options("gradient")); },
              PYEMU_ERR_ARGUMENT, "expected 'vjp' or 'jvp'");
}

static void report_errors(const std::string &path) {
  pyemu::Emulator emulator(path);
  float profile[15] = {};
  check_error([] { pyemu::Emulator missing("no_such_file.onnx"); }, PYEMU_ERR_FILE, "no_such_file");
  check_error(
      [&] {
        emulator.bind("air_temperature", profile, {3, 5}, "degC");
      },
      PYEMU_ERR_UNITS, "degC");
  check_error(
      [&] {
        emulator.bind("air_temperature", profile, {5, 3}, "K");
      },
      PYEMU_ERR_SIZE, "give level_dim");
  emulator.bind("air_temperature", profile, {5, 3}, "K", 0);
  check_error([&] { emulator.run(); }, PYEMU_ERR_NOT_BOUND, "surface_temperature");
  check_error([&] { pyemu::array(profile, {1, 1, 1, 1, 1, 1, 1, 1}); }, PYEMU_ERR_SIZE, "8 dim");
  emulator.unbind();
  check(emulator.columns() == -1, "unbound");
}

int main(int, char **argv) {
  const std::string path = std::string(argv[1]) + "/toy.onnx";
  run_the_reference(path);
  make_noise(std::string(argv[1]) + "/noisy.onnx");
  guard_columns(std::string(argv[1]) + "/ranged.onnx");
  open_derivative(std::string(argv[1]) + "/derivable.onnx");
  report_errors(path);
  return failed != 0;
}
