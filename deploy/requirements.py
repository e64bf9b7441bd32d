"""Prints what the engine alone needs, one requirement a line, without the window's packages: `python deploy/requirements.py`.

The versions are those of pyproject.toml.
"""

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
BASE = ("filelock", "msgspec", "numpy", "platformdirs")  # of the program's own dependencies
EXTRAS = ("engine", "fast", "metrics", "quantization")


def read_requirements() -> list[str]:
    """The requirements as pip reads them. Raises LookupError when the project no longer has one of `BASE`."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    by_name = {re.split(r"[^\w-]", line)[0].lower(): line for line in project["dependencies"]}
    lines = [by_name[name] for name in BASE]
    for extra in EXTRAS:
        lines += [line for line in project["optional-dependencies"][extra] if not line.startswith("juku[")]
    return lines


if __name__ == "__main__":
    print("\n".join(read_requirements()))
