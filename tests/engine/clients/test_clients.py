"""Clients that nobody here wrote, each in its own process and its own environment, against the engine.

`make clients` installs them below build/clients, pinned as in pyproject.toml. One that is not there is skipped by name.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.engine import BASE, ROOT, TOKEN, RunningEngine
from tests.support.patience import PATIENCE

CLIENTS = Path(os.environ.get("JUKU_CLIENTS", ROOT / "build" / "clients"))
SCRIPTS = Path(__file__).parent
COMMON = {"chat", "stream", "tools", "json_schema", "logprobs", "completions", "responses", "embeddings", "errors"}
# Script; the package that must be there; the environment below build/clients; the features that the client has.
CONTRACT: list[tuple[str, str, str, set[str]]] = [
    ("openai_python", "openai", "", {*COMMON, "models", "files", "fine_tuning"}),
    ("openai_node", "openai", "node", {*COMMON, "models", "files", "fine_tuning"}),
    ("litellm_client", "litellm", "python", COMMON),
    ("llm_client", "llm", "python", {"chat", "stream", "tools", "json_schema", "completions"}),
    ("langchain_client", "langchain_openai", "python", COMMON - {"errors"}),
    ("instructor_client", "instructor", "instructor", {"tools", "json_schema"}),
    ("inspect_client", "inspect_ai", "python", {"chat", "tools", "json_schema", "logprobs", "evaluation"}),
]


def find_command(script: str, package: str, environment: str) -> list[str] | None:
    """The command that runs a script; None where its client is not installed."""
    if environment == "node":
        node, module = shutil.which("node"), CLIENTS / "node" / "node_modules" / package
        return [node, str(CLIENTS / "node" / f"{script}.mjs")] if node and module.is_dir() else None
    python = (
        CLIENTS / environment / ("Scripts" if os.name == "nt" else "bin") / "python"
        if environment
        else Path(sys.executable)
    )
    if not python.exists():
        return None
    found = subprocess.run(
        [python, "-c", f"import importlib.util as u, sys; sys.exit(not u.find_spec('{package}'))"], check=False
    )
    return [str(python), str(SCRIPTS / f"{script}.py")] if found.returncode == 0 else None


@pytest.mark.parametrize(("script", "package", "environment", "features"), CONTRACT, ids=[row[0] for row in CONTRACT])
def test_a_client_of_others_can_use_the_engine(
    engine: RunningEngine, tmp_path: Path, script: str, package: str, environment: str, features: set[str]
) -> None:
    command = find_command(script, package, environment)
    if not command:
        pytest.skip(f"{package} is not installed for {script}: make clients")
    if environment == "node":  # modules are looked for beside the script
        shutil.copy(SCRIPTS / f"{script}.mjs", CLIENTS / "node")
    settings = {"ENGINE_URL": engine.url, "ENGINE_KEY": TOKEN, "ENGINE_MODEL": BASE, "PYTHONPATH": str(SCRIPTS)}
    settings |= {"LLM_USER_PATH": str(tmp_path), "LLM_LOAD_PLUGINS": "", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert {line.removeprefix("done ") for line in done.stdout.splitlines() if line.startswith("done ")} == features


def test_the_contract_table_in_the_documentation_is_true() -> None:
    """docs/engine.md lists each client with its features."""
    lines = (ROOT / "docs" / "engine.md").read_text("utf-8").splitlines()
    rows = [line.split("|") for line in lines if line.startswith("| `")]
    cells = {row[1].strip(" `"): {cell.strip() for cell in row[3].split(",")} for row in rows if len(row) == 5}
    assert {script: cells.get(script) for script, *_ in CONTRACT} == {
        script: features for script, *_, features in CONTRACT
    }
