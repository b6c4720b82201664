"""The Spack recipe, without Spack: it loads, its version is that of the header, and CMake knows every option it gives."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from pyemu.runtime import version

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "packaging" / "spack" / "spack_repo" / "pyemu" / "packages" / "libpyemu" / "package.py"


class Spec:
    """As much of a concrete Spack spec as the recipe asks for."""

    def __init__(self, variants: set[str], prefix: Path) -> None:
        self.variants, self.prefix = variants, prefix

    def satisfies(self, text: str) -> bool:
        assert text[0] == "+", "the stand-in knows variants alone"
        return text[1:] in self.variants

    def __getitem__(self, name: str) -> Spec:
        return self


class CMakePackage:
    """Stand-in for Spack's base class; it writes definitions as Spack does."""

    spec: Spec

    def define(self, name: str, value: Any) -> str:
        kind = "BOOL" if isinstance(value, bool) else "STRING"
        return f"-D{name}:{kind}={'ON' if value is True else 'OFF' if value is False else value}"

    def define_from_variant(self, name: str, variant: str) -> str:
        assert variant in self.directives["variant"], f"the recipe has no variant {variant}"
        return self.define(name, self.spec.satisfies(f"+{variant}"))


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> type[Any]:
    """Load the recipe with stand-ins that record its directives."""
    directives: dict[str, list[str]] = {name: [] for name in ("version", "variant", "license", "depends_on")}
    spack = types.ModuleType("spack.package")
    for name, calls in directives.items():
        setattr(spack, name, lambda text, *_, calls=calls, **__: calls.append(text))
    found = types.SimpleNamespace(directories=["/opt/onnxruntime/lib"])
    spack.find_libraries = lambda *_, **__: found  # type: ignore[attr-defined]
    base = types.ModuleType("spack_repo.builtin.build_systems.cmake")
    base.CMakePackage = CMakePackage  # type: ignore[attr-defined]
    for name in ("spack", "spack_repo", "spack_repo.builtin", "spack_repo.builtin.build_systems"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, spack.__name__, spack)
    monkeypatch.setitem(sys.modules, base.__name__, base)
    specification = importlib.util.spec_from_file_location("libpyemu_recipe", RECIPE)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(CMakePackage, "directives", directives, raising=False)
    return module.Libpyemu


def test_version_and_directives(recipe: type[Any]) -> None:
    assert recipe.directives["version"] == [version()]
    assert {"c", "fortran"} <= set(recipe.directives["depends_on"])
    assert recipe.directives["license"] == ["Apache-2.0"]


@pytest.mark.parametrize("variants", [set(), {"onnxruntime"}], ids=["bare", "onnxruntime"])
def test_cmake_knows_the_options(recipe: type[Any], variants: set[str], tmp_path: Path) -> None:
    package = recipe()
    package.spec = Spec(variants, tmp_path)
    arguments = package.cmake_args()
    done = subprocess.run(
        ["cmake", "-S", ROOT, "-B", tmp_path, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "not used by the project" not in done.stderr
    cache = (tmp_path / "CMakeCache.txt").read_text()
    assert all(argument.removeprefix("-D").split(":")[0] + ":" in cache for argument in arguments)
    targets = subprocess.run(
        ["cmake", "--build", tmp_path, "--target", "help"], capture_output=True, text=True, check=True
    ).stdout
    assert ("pyemu_engine_onnxruntime" in targets) == ("onnxruntime" in variants)
    assert "pyemu_mpi" not in targets
