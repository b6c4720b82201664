"""Print every dependency that pyproject.toml names, extras included, one per line: torch is installed before."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
groups = [project["dependencies"], *project["optional-dependencies"].values()]
print("\n".join(sorted({name for group in groups for name in group if not name.startswith("torch")})))
