"""Export writes what torch computes, or nothing."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from toy_emulator import HEATING, UPWELLING, ToyLongwave, toy_card, toy_inputs

from pyemu.emulator import EmulatorFile, ExportError, legs
from pyemu.emulator.compare import budget_residuals
from pyemu.emulator.export import export_onnx


class Wrong(ToyLongwave):
    """A toy whose outputs pass through ``change`` after the forward pass."""

    def __init__(self, change) -> None:
        super().__init__()
        self.change = change

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.change(super().forward(*tensors))


def refused(module: torch.nn.Module, tmp_path: Path, inputs: dict | None = None) -> str:
    """The message of a refused export, after a look that nothing was written."""
    path = tmp_path / "refused.onnx"
    with pytest.raises(ExportError) as caught:
        export_onnx(module, toy_card(), inputs or toy_inputs(), path)
    assert list(tmp_path.iterdir()) == []
    return str(caught.value)


def test_recorded_outputs_are_those_of_torch(toy_path: Path) -> None:
    file = EmulatorFile.open(toy_path)
    with torch.no_grad():
        expected = ToyLongwave()(*(torch.from_numpy(values) for values in toy_inputs().values()))
    for variable, tensor in zip(file.card.outputs, expected, strict=True):
        np.testing.assert_array_equal(file.reference[variable.name], tensor.numpy())


def test_graph_has_the_names_of_the_card_and_one_file(toy_path: Path) -> None:
    model = onnx.load(toy_path, load_external_data=False)
    assert [value.name for value in model.graph.input] == list(toy_inputs())
    assert {opset.domain for opset in model.opset_import} == {""}
    assert [path.name for path in toy_path.parent.iterdir()] == [toy_path.name]


def test_file_holds_no_path_of_the_machine(toy_path: Path) -> None:
    assert not re.findall(rb"[^\s]*(?:site-packages|toy_emulator\.py)[^\s]*", toy_path.read_bytes())


def test_every_number_of_columns_gives_the_same_column(toy_path: Path) -> None:
    run = legs.onnxruntime(toy_path.read_bytes())
    inputs = toy_inputs(40, seed=11)
    together = run(inputs)
    alone = run({name: values[17:18] for name, values in inputs.items()})
    np.testing.assert_allclose(alone[UPWELLING][0], together[UPWELLING][17], rtol=2e-6)


def test_constants_of_the_float64_tail_keep_their_digits(toy_path: Path) -> None:
    """A constant rounded to float32 would leave a residual near 1e-6 W m-2."""
    inputs = toy_inputs(200, seed=5)
    outputs = legs.onnxruntime(toy_path.read_bytes())(inputs)
    (row,) = budget_residuals(toy_card(), inputs | outputs)
    assert row.max_abs_residual < 1e-11


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x * 0.1234567891234,
        lambda x: 0.1234567891234 / x,
        lambda x: x - 0.1234567891234,
        lambda x: torch.clamp(x, min=0.1234567891234),
        lambda x: torch.where(x > 0.5, x, 0.1234567891234),
        lambda x: x**0.1234567891234,
    ],
    ids=["mul", "div", "sub", "clamp", "where", "pow"],
)
def test_double_constants_are_exact_in_every_operation(operation) -> None:
    from pyemu.emulator.scalars import EXACT_SCALARS

    class Module(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return operation(x)

    values = torch.linspace(0.05, 1.0, 12, dtype=torch.float64).reshape(3, 4)
    program = torch.onnx.export(
        Module().eval(),
        (values,),
        input_names=["x"],
        output_names=["y"],
        custom_translation_table=EXACT_SCALARS,
        verbose=False,
    )
    found = legs.onnxruntime(program.model_proto.SerializeToString())({"x": values.numpy()})["y"]
    np.testing.assert_allclose(found, operation(values).numpy(), rtol=1e-15)


def test_export_is_repeatable(toy_path: Path, tmp_path: Path) -> None:
    again = export_onnx(ToyLongwave(), toy_card(), toy_inputs(), tmp_path / "again.onnx")
    assert again.read_bytes() == toy_path.read_bytes()


def test_tensors_serve_as_reference_inputs(tmp_path: Path) -> None:
    tensors = {name: torch.from_numpy(values) for name, values in toy_inputs().items()}
    path = export_onnx(ToyLongwave(), toy_card(), tensors, tmp_path / "folder" / "toy.onnx")
    np.testing.assert_array_equal(EmulatorFile.open(path).reference["air_temperature"], toy_inputs()["air_temperature"])


def test_random_layer_is_refused(tmp_path: Path) -> None:
    noisy = Wrong(lambda outputs: (outputs[0] + torch.rand_like(outputs[0]), *outputs[1:]))
    assert "ONNX Runtime differs from torch" in refused(noisy, tmp_path)


def test_statistics_over_the_batch_are_refused(tmp_path: Path) -> None:
    """Right for the recorded columns together, wrong for one column alone."""
    coupled = Wrong(lambda outputs: (outputs[0] - outputs[0].mean(dim=0, keepdim=True), *outputs[1:]))
    assert "differs from torch at 1 columns per call" in refused(coupled, tmp_path)


def test_budget_that_does_not_close_is_refused(tmp_path: Path) -> None:
    leaking = Wrong(lambda outputs: (outputs[0], outputs[1], outputs[2] * 1.01))
    assert "budget 'longwave_column_energy' does not close" in refused(leaking, tmp_path)


def test_wrong_number_of_outputs_is_refused(tmp_path: Path) -> None:
    message = refused(Wrong(lambda outputs: outputs[:2]), tmp_path)
    assert "a tuple of 2, expected a tuple of 3" in message


def test_wrong_precision_is_refused(tmp_path: Path) -> None:
    single = Wrong(lambda outputs: (*outputs[:2], outputs[2].float()))
    assert f"'{HEATING}' is float32[12, 6], its card says float64[12, 6]" in refused(single, tmp_path)


def test_output_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    broken = Wrong(lambda outputs: (outputs[0] / 0.0, *outputs[1:]))
    assert f"'{UPWELLING}' is not finite in 84 places" in refused(broken, tmp_path)


def test_missing_input_is_named(tmp_path: Path) -> None:
    inputs = toy_inputs()
    inputs["humidity"] = inputs.pop("specific_humidity")
    assert "missing ['specific_humidity'], not on the card ['humidity']" in refused(ToyLongwave(), tmp_path, inputs)


def test_wrong_number_of_levels_is_named(tmp_path: Path) -> None:
    inputs = toy_inputs()
    inputs["air_temperature"] = inputs["air_temperature"][:, :-1]
    assert "'air_temperature' is float32[12, 5], its card says float32[12, 6]" in refused(
        ToyLongwave(), tmp_path, inputs
    )


def test_one_reference_column_is_too_few(tmp_path: Path) -> None:
    assert "1 reference column found, expected 2 or more" in refused(ToyLongwave(), tmp_path, toy_inputs(1))


def test_module_without_a_graph_is_refused(tmp_path: Path) -> None:
    class Branching(Wrong):
        def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            outputs = super().forward(*tensors)
            return outputs if float(outputs[0].sum()) > 0.0 else outputs[::-1]

    assert "torch cannot export Branching to ONNX" in refused(Branching(lambda outputs: outputs), tmp_path)
