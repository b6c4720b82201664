"""Write a Python module as an emulator file: for prototypes, before there is anything to export."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pyemu.emulator import legs, reference
from pyemu.emulator.card import Card
from pyemu.emulator.errors import ExportError
from pyemu.emulator.export import ReferenceInputs, as_arrays, check_runs, checked, stamped, write
from pyemu.emulator.kinds import CARD_KEY, PYTHON_LINE, REFERENCE_KEY

LITERALS = {CARD_KEY: "CARD", REFERENCE_KEY: "REFERENCE"}


def export_python(source_path: str | Path, card: Card, reference_inputs: ReferenceInputs, path: str | Path) -> Path:
    """Write the module ``source_path`` to one ``.py`` emulator file with its card and reference columns inside.

    Main arguments: the module has a function ``f(**fields)`` that takes NumPy arrays by variable name, (column, level) or
    (column), and returns a dict of the card's outputs; ``reference_inputs`` holds two or more recorded columns of every
    input. The function is run here, on copies. Whoever opens the file runs the whole module, so a host must allow it.
    Returns the path.

    Raises:
        ExportError: inputs or outputs contradict the card, the module raises, or its numbers depend on how many columns
            it is given. Nothing is written then.
    """
    path = Path(path)
    source = _source(Path(source_path))
    inputs = as_arrays(card, reference_inputs)
    columns = card.columns(inputs)
    try:
        run = legs.python(source.encode(), card)
        found = run({name: values.copy() for name, values in inputs.items()})
    except Exception as error:  # whatever the module raises
        raise ExportError(
            f"f of {source_path} fails on the reference inputs: {type(error).__name__}: {error}"
        ) from error
    outputs = {
        variable.name: checked(card, variable, found[variable.name], columns).copy() for variable in card.outputs
    }
    card = stamped(card, "numpy")
    check_runs(run, "the module", card, inputs, outputs)
    write(path, _with_texts(source, card, inputs | outputs).encode())
    return path


def _source(path: Path) -> str:
    """The module's text; of one that is an emulator file already, without its card and columns."""
    text = path.read_text(encoding="utf-8")
    if text.split("\n", 1)[0] == PYTHON_LINE:
        text = re.sub(r"^(CARD|REFERENCE) = r'''.*?'''\n?", "", text.split("\n", 1)[1], flags=re.DOTALL | re.MULTILINE)
    for name in LITERALS.values():
        if re.search(rf"^{name} = r'''", text, re.MULTILINE):
            raise ExportError(f"{path} has a variable {name} of its own: give it another name")
    return text.rstrip() + "\n"


def _with_texts(source: str, card: Card, values: Mapping[str, np.ndarray]) -> str:
    """The texts come last, since a docstring and ``from __future__`` must come first."""
    texts = {CARD_KEY: card.to_json(), REFERENCE_KEY: reference.encode(card, values)}
    # A quote in JSON may be written as its number, so that three of them never end the literal.
    plain = {key: text.replace("'", "\\u0027") for key, text in texts.items()}
    literals = "".join(f"{name} = r'''{plain[key]}'''\n" for key, name in LITERALS.items())
    return f"{PYTHON_LINE}\n{source}\n{literals}"
