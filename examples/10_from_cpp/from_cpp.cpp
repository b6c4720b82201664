// Longwave heating of three columns, from C++: errors are exceptions, handles close themselves.
#include <cstdio>
#include <pyemu.hpp>
#include <vector>

int main() {
  const std::int64_t n_columns = 3, n_layers = 10;
  std::vector<double> temperature, surface, heating(n_columns * n_layers);
  for (std::int64_t column = 0; column < n_columns; ++column) {
    surface.push_back(290.0 + static_cast<double>(column));
    for (std::int64_t layer = 0; layer < n_layers; ++layer)
      temperature.push_back(213.0 + 8.0 * static_cast<double>(layer));
  }

  try {
    pyemu::Emulator radiation("longwave.onnx");
    radiation.bind("air_temperature", temperature.data(), {n_columns, n_layers}, "K");
    radiation.bind("surface_temperature", surface.data(), {n_columns}, "K");
    radiation.bind("tendency_of_air_temperature_due_to_longwave_heating", heating.data(),
                   {n_columns, n_layers}, "K s-1");
    radiation.run(1);

    std::printf("engine %s, %lld columns\n", radiation.engine().c_str(),
                static_cast<long long>(radiation.columns()));
    for (std::int64_t column = 0; column < n_columns; ++column)
      std::printf("column %d: lowest layer %7.3f K day-1\n", static_cast<int>(column + 1),
                  86400 * heating[static_cast<std::size_t>(column * n_layers + n_layers - 1)]);

    radiation.bind("air_temperature", temperature.data(), {n_columns, n_layers}, "degC");
  } catch (const pyemu::Error &error) {
    std::printf("%s: %s\n", pyemu_status_name(error.status()), error.what());
  }
}
