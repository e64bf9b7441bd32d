"""What is deployed without the window: the packages, the files, the unit."""

import ast
import importlib.util
import json
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from core.paths import ROOT

DEPLOY = ROOT / "deploy"


def required_names() -> set[str]:
    spec = importlib.util.spec_from_file_location("requirements", DEPLOY / "requirements.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {package_name(line) for line in module.read_requirements()}


def package_name(requirement: str) -> str:
    """The name of the package in a requirement, in one spelling."""
    name = requirement
    for mark in "<>=~!;[ ":
        name = name.partition(mark)[0]
    return name.lower().replace("_", "-")


def imported_modules() -> set[str]:
    """The top-level modules that the engine imports from elsewhere."""
    found = set()
    for path in (ROOT / "core" / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"core"}


def test_every_package_that_the_engine_imports_is_installed_in_the_image() -> None:
    distributions, required = packages_distributions(), required_names()
    missing = {
        module
        for module in imported_modules()
        if not {name.lower().replace("_", "-") for name in distributions.get(module, [module])} & required
    }
    assert not missing


def test_the_engine_starts_from_the_files_of_the_image(tmp_path: Path) -> None:
    app = tmp_path / "app"
    for line in (DEPLOY / "Containerfile").read_text().splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and words[1].startswith("core"):
            source, target = ROOT / words[1], app / words[1]
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    command = [sys.executable, "-m", "core.engine", "--child", "--home", str(tmp_path / "home")]
    done = subprocess.Popen(command, cwd=app, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert done.stdin and done.stdout
    done.stdin.write("a token\n")
    done.stdin.flush()
    assert json.loads(done.stdout.readline())["port"]
    done.communicate()
    assert done.returncode == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_the_unit_is_one_of_systemd() -> None:
    command = ["systemd-analyze", "verify", str(DEPLOY / "juku-engine.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "juku-engine" not in done.stderr, done.stderr
