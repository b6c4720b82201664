"""Grey radiation as emulator files: a stand-in with which the coupling to PlaSim is tested, NOT an emulator of RRTMG.

    python examples/plasim/grey.py FOLDER

writes ``grey_longwave.onnx`` and ``grey_shortwave.onnx``. They read and write what emulators of radiation do, and are physics in
a few lines: layers that absorb and emit without regard to wavelength, clouds as more of both, reflection without scattering back
and forth. Nothing in them was trained; a climate with them is a grey planet's.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from pyemu.constants import STANDARD_GRAVITY, STEFAN_BOLTZMANN
from pyemu.emulator import Card, Provenance, Variable
from pyemu.emulator.export import export_onnx

N_LAYERS = 10  # of PlaSim
ATMOSPHERE = (
    "air_temperature", "air_pressure_at_interfaces", "specific_humidity", "mole_fraction_of_ozone_in_air",
    "mole_fraction_of_carbon_dioxide_in_air", "mass_fraction_of_cloud_liquid_water_in_air",
    "mass_fraction_of_cloud_ice_in_air", "cloud_area_fraction",
)  # fmt: skip
INPUTS = {
    "longwave": (*ATMOSPHERE, "surface_temperature", "surface_longwave_emissivity"),
    "shortwave": (*ATMOSPHERE, "surface_albedo", "cosine_of_solar_zenith_angle", "toa_incoming_shortwave_flux"),
}
DIFFUSE = 1.66  # of the vertical path, for radiation from all directions
CONDENSATE = {"longwave": 100.0, "shortwave": 60.0}  # m2 kg-1, extinction of cloud water


class GreyColumn(torch.nn.Module):
    """What both bands share: paths of absorbers by layer, and the mixture of a clear and an overcast part."""

    def paths(self, pressure, humidity, ozone, carbon_dioxide, liquid, ice):
        """Water vapour [kg m-2], ozone [1e-4 kg m-2], well-mixed gases (1 for the air of 400 ppm), condensate [kg m-2]."""
        mass = (pressure[:, 1:] - pressure[:, :-1]) / STANDARD_GRAVITY
        mixed = mass / 1.0e4 * torch.sqrt(carbon_dioxide[:, None] / 4.0e-4)
        return humidity * mass, 1.66e4 * ozone * mass, mixed, (liquid + ice) * mass

    def mixed(self, cover, clear, overcast):
        """Fluxes up and down at all interfaces, by the cloud cover."""
        share = cover[:, None]
        return tuple(share * cloudy + (1.0 - share) * free for free, cloudy in zip(clear, overcast, strict=True))


class GreyLongwave(GreyColumn):
    """Layers absorb and emit; the surface emits, and reflects the rest."""

    def forward(self, temperature, pressure, humidity, ozone, carbon_dioxide, liquid, ice, cover, surface, emissivity):
        """Fluxes up and down [W m-2]."""
        water, ozone_path, mixed, condensate = self.paths(pressure, humidity, ozone, carbon_dioxide, liquid, ice)
        depth = 0.08 * water + 0.001 * ozone_path + 0.6 * mixed
        emitted = STEFAN_BOLTZMANN * temperature * temperature * temperature * temperature
        ground = STEFAN_BOLTZMANN * surface * surface * surface * surface
        clear = self._fluxes(depth, emitted, emissivity, ground)
        overcast = self._fluxes(depth + CONDENSATE["longwave"] * condensate, emitted, emissivity, ground)
        return self.mixed(cover, clear, overcast)

    def _fluxes(self, depth, emitted, emissivity, ground):
        through = torch.exp(-DIFFUSE * depth)
        n_layers = depth.shape[1]
        down = [torch.zeros_like(ground)]
        for k in range(n_layers):
            down.append(down[-1] * through[:, k] + emitted[:, k] * (1.0 - through[:, k]))
        up = [emissivity * ground + (1.0 - emissivity) * down[-1]]
        for k in reversed(range(n_layers)):
            up.append(up[-1] * through[:, k] + emitted[:, k] * (1.0 - through[:, k]))
        return torch.stack(up[::-1], dim=1), torch.stack(down, dim=1)


class GreyShortwave(GreyColumn):
    """Layers absorb on the slant path, clouds and the surface reflect."""

    def forward(
        self, temperature, pressure, humidity, ozone, carbon_dioxide, liquid, ice, cover, albedo, cosine, incoming
    ):
        """Fluxes up and down [W m-2]."""
        water, ozone_path, mixed, condensate = self.paths(pressure, humidity, ozone, carbon_dioxide, liquid, ice)
        warm = 1.0 + 1.0e-6 * (temperature - 250.0)  # lines widen, a little: every input counts
        depth = warm * (0.008 * torch.sqrt(water + 1.0e-9) + 0.0005 * ozone_path + 0.01 * mixed)
        reflected = 0.06 * (pressure[:, 1:] - pressure[:, :-1]) / 1.0e5
        cloud = CONDENSATE["shortwave"] * condensate
        clear = self._fluxes(depth, reflected, albedo, cosine, incoming)
        overcast = self._fluxes(depth, reflected + (1.0 - reflected) * cloud / (cloud + 8.0), albedo, cosine, incoming)
        return self.mixed(cover, clear, overcast)

    def _fluxes(self, depth, reflected, albedo, cosine, incoming):
        slant = torch.exp(-depth / (cosine[:, None] + 0.05))
        diffuse = torch.exp(-DIFFUSE * depth)
        n_layers = depth.shape[1]
        down = [incoming]
        for k in range(n_layers):
            down.append(down[-1] * slant[:, k] * (1.0 - reflected[:, k]))
        up = [albedo * down[-1]]
        for k in reversed(range(n_layers)):
            up.append(up[-1] * diffuse[:, k] * (1.0 - reflected[:, k]) + down[k] * slant[:, k] * reflected[:, k])
        return torch.stack(up[::-1], dim=1), torch.stack(down, dim=1)


def write(band: str, path: Path, *, n_layers: int = N_LAYERS) -> Path:
    """Write the file of a band."""
    net = {"longwave": GreyLongwave(), "shortwave": GreyShortwave()}[band]
    columns = _columns(band, n_layers)
    card = Card.model_validate(
        {
            "name": f"grey_{band}",
            "version": "1",
            "summary": "Grey radiation, to test couplings with; no emulator of any scheme",
            "licence": "Apache-2.0",
            "vertical_order": "top_first",
            "dimensions": {"layer": n_layers, "interface": n_layers + 1},
            "inputs": [Variable.of(name, dtype="float32") for name in INPUTS[band]],
            "outputs": [
                Variable.of(f"{way}welling_{band}_flux_in_air_at_interfaces", dtype="float32") for way in ("up", "down")
            ],
            "provenance": Provenance(data_sha256="0" * 64, code_version="0", created="2026-01-01T00:00:00+00:00"),
        }
    )
    return export_onnx(net, card, columns, path)


def _columns(band: str, n_layers: int, n: int = 16) -> dict[str, np.ndarray]:
    """Recorded columns of the file: from the tropics to the pole, some of them cloudy."""
    warm = np.linspace(0.0, 1.0, n)
    depth = (np.arange(n_layers + 1.0) / n_layers)[None]
    middle = 0.5 * (depth[:, 1:] + depth[:, :-1])
    surface = 245.0 + 55.0 * warm
    temperature = np.maximum(surface[:, None] * middle**0.19, 200.0)
    cloudy = np.where(np.arange(n) % 2, 1.0e-4, 0.0)[:, None] * (np.abs(middle - 0.6) < 0.2)
    every = {
        "air_temperature": temperature,
        "air_pressure_at_interfaces": 0.01 + 1.0e5 * np.broadcast_to(depth, (n, n_layers + 1)),
        "specific_humidity": 0.02 * warm[:, None] * middle**3,
        "mole_fraction_of_ozone_in_air": np.broadcast_to(4.0e-6 * (1.0 - middle) ** 4 + 3.0e-8, (n, n_layers)),
        "mole_fraction_of_carbon_dioxide_in_air": np.full(n, 3.6e-4),
        "mass_fraction_of_cloud_liquid_water_in_air": cloudy * (temperature > 260.0),
        "mass_fraction_of_cloud_ice_in_air": cloudy * (temperature <= 260.0),
        "cloud_area_fraction": np.where(np.arange(n) % 2, np.linspace(0.1, 1.0, n), 0.0),
        "surface_temperature": surface,
        "surface_longwave_emissivity": np.where(np.arange(n) % 4 < 2, 0.98, 1.0),
        "surface_albedo": np.linspace(0.7, 0.06, n),
        "cosine_of_solar_zenith_angle": np.linspace(0.05, 1.0, n),
        "toa_incoming_shortwave_flux": 1360.85 * np.linspace(0.05, 1.0, n),
    }
    return {name: np.ascontiguousarray(every[name], np.float32) for name in INPUTS[band]}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for band in INPUTS:
        print(write(band, folder / f"grey_{band}.onnx"))
