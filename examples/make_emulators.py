"""Make the emulator files of the examples: ``python make_emulators.py [DIRECTORY]``.

Both emulate longwave radiation in a grey atmosphere: ten layers of the same mass, of which each lets the share
exp(-depth) of a flux pass and emits the rest of sigma T**4 up and down. Nothing is trained: the graph holds the scheme's
own formula, so that an example can tell whether what it prints is right. An emulator of your own comes from
``pyemu export``; this file shows what such a file consists of.
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from pyemu.emulator import Card, Provenance, Variable

N_LAYER = 10
OPTICAL_DEPTH = 0.3  # of one layer
STEFAN_BOLTZMANN = 5.67e-8  # W m-2 K-4
HEATING_BY_FLUX = 9.81 / (1004.0 * 1.0e4)  # of a layer of 1e4 Pa, K s-1 per W m-2
CARBON_DIOXIDE = 4e-4  # for which the optical depth is the above, mol mol-1

# The net upward flux through every interface [W m-2], in double precision, and from it the heating.
SCHEME = """
  air = Cast<to = 11>(air_temperature)
  air_4 = Pow(air, four)
  surface = Cast<to = 11>(surface_temperature)
  surface_4 = Pow(surface, four)
  emitted = Mul(surface_4, emissivity)
  emitted_column = Unsqueeze(emitted, last)
  minus_depth = Neg(depth)
  passed = Exp(minus_depth)
  layer_emissivity = Sub(one, passed)
  layer_exponent = Mul(layer_distance, minus_depth)
  layer_passed = Exp(layer_exponent)
  layer_signed = Mul(layer_passed, layer_sign)
  layer_weight = Mul(layer_signed, layer_emissivity)
  surface_exponent = Mul(surface_distance, minus_depth)
  surface_weight = Exp(surface_exponent)
  net_layers = MatMul(air_4, layer_weight)
  net_surface = Mul(emitted_column, surface_weight)
  net_sum = Add(net_layers, net_surface)
  net = Mul(net_sum, sigma)
  heating = MatMul(net, divergence)
  tendency_of_air_temperature_due_to_longwave_heating = Cast<to = 1>(heating)
"""

LONGWAVE = f"""
longwave (float[column, {N_LAYER}] air_temperature, float[column] surface_temperature)
    => (float[column, {N_LAYER}] tendency_of_air_temperature_due_to_longwave_heating) {{
  emissivity = Identity(one)
  depth = Identity(depth_now)
  {SCHEME}
}}"""

# Land emits 0.95 of what the sea does; the optical depth grows by a tenth with e times as much carbon dioxide.
LONGWAVE_LAND = f"""
longwave_land (float[column, {N_LAYER}] air_temperature, float[column] surface_temperature,
               int32[column] land_binary_mask, double mole_fraction_of_carbon_dioxide_in_air)
    => (float[column, {N_LAYER}] tendency_of_air_temperature_due_to_longwave_heating,
        double[column] toa_outgoing_longwave_flux) {{
  emissivity = Gather(emissivities, land_binary_mask)
  ratio = Div(mole_fraction_of_carbon_dioxide_in_air, carbon_dioxide_now)
  log_ratio = Log(ratio)
  more_depth = Mul(log_ratio, depth_by_log)
  depth = Add(depth_now, more_depth)
  {SCHEME}
  toa_outgoing_longwave_flux = Gather<axis = 1>(net, first)
}}"""


def constants() -> dict[str, np.ndarray]:
    """What the graphs name and do not compute. Layers and interfaces are counted from the top."""
    layer, interface = np.arange(N_LAYER)[:, None], np.arange(N_LAYER + 1)[None, :]
    is_above = interface <= layer  # an interface above a layer: the flux from there is upward
    return {
        "four": np.array(4.0),
        "one": np.array(1.0),
        "last": np.array([1]),
        "first": np.array(0),
        "sigma": np.array(STEFAN_BOLTZMANN),
        "depth_now": np.array(OPTICAL_DEPTH),
        "depth_by_log": np.array(0.1 * OPTICAL_DEPTH),
        "carbon_dioxide_now": np.array(CARBON_DIOXIDE),
        "emissivities": np.array([1.0, 0.95]),
        "layer_sign": np.where(is_above, 1.0, -1.0),
        "layer_distance": np.where(is_above, layer - interface, interface - 1 - layer).astype(float),
        "surface_distance": np.arange(N_LAYER, -1, -1.0),
        "divergence": HEATING_BY_FLUX * (np.eye(N_LAYER + 1, N_LAYER, -1) - np.eye(N_LAYER + 1, N_LAYER)),
    }


def variable(name: str, units: str, dims: tuple[str, ...], dtype: str) -> Variable:
    """Say of an input or output what bind checks."""
    return Variable(name=name, standard_name=name, units=units, dims=dims, dtype=dtype)


def make_card(name: str, summary: str, inputs: list[Variable], outputs: list[Variable]) -> Card:
    """Say what a host must know of an emulator besides its graph."""
    return Card(
        name=name,
        version="1",
        summary=summary,
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions={"layer": N_LAYER},
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        provenance=Provenance(data_sha256="0" * 64, code_version="examples", created="2026-01-01T00:00:00Z"),
    )


def longwave_card() -> Card:
    """The card of ``longwave.onnx``."""
    inputs = [
        variable("air_temperature", "K", ("column", "layer"), "float32"),
        variable("surface_temperature", "K", ("column",), "float32"),
    ]
    heating = variable("tendency_of_air_temperature_due_to_longwave_heating", "K s-1", ("column", "layer"), "float32")
    return make_card("longwave", "Grey longwave radiation", inputs, [heating])


def longwave_land_card() -> Card:
    """The card of ``longwave_land.onnx``: the mask is an integer, carbon dioxide is one number for all columns."""
    card = longwave_card()
    inputs = [
        variable("land_binary_mask", "1", ("column",), "int32"),
        variable("mole_fraction_of_carbon_dioxide_in_air", "mol mol-1", (), "float64"),
    ]
    outgoing = variable("toa_outgoing_longwave_flux", "W m-2", ("column",), "float64")
    summary = "Grey longwave radiation over land and sea"
    return make_card("longwave_land", summary, [*card.inputs, *inputs], [*card.outputs, outgoing])


def recorded_inputs() -> dict[str, np.ndarray]:
    """Four columns that travel in the file, so that anyone can see whether it still computes the same."""
    random = np.random.default_rng(2026)
    return {
        "air_temperature": np.linspace(210, 290, N_LAYER) + random.uniform(-10, 10, (4, N_LAYER)),
        "surface_temperature": random.uniform(280, 300, 4),
        "land_binary_mask": np.array([0, 1, 0, 1]),
        "mole_fraction_of_carbon_dioxide_in_air": np.array(2 * CARBON_DIOXIDE),
    }


def write(path: Path, text: str, card: Card) -> None:
    """Write graph, card and recorded columns into one ONNX file."""
    graph = onnx.parser.parse_graph(text)
    used = {name for node in graph.node for name in node.input}
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants().items() if name in used
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    columns = {v.name: recorded_inputs()[v.name].astype(v.dtype) for v in card.inputs}
    outputs = ReferenceEvaluator(model).run(None, columns)
    columns.update(zip((v.name for v in card.outputs), outputs, strict=True))
    encoded = {name: base64.b64encode(values.tobytes()).decode() for name, values in columns.items()}
    reference = json.dumps({"columns": 4, "encoding": "base64-le", "values": encoded})
    onnx.helper.set_model_props(model, {"pyemu": card.to_json(), "pyemu_reference": reference})
    path.write_bytes(model.SerializeToString(deterministic=True))


def main() -> None:
    """Write both files."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    directory.mkdir(parents=True, exist_ok=True)
    write(directory / "longwave.onnx", LONGWAVE, longwave_card())
    write(directory / "longwave_land.onnx", LONGWAVE_LAND, longwave_land_card())


if __name__ == "__main__":
    main()
