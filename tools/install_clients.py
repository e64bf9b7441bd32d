"""Installs the clients that the engine is tried with, as pinned in pyproject.toml, below build/clients.

The two environments and the folder of Node modules are apart, since the clients want different versions of packages.
"""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = ROOT / "build" / "clients"
ENVIRONMENTS = {"python": "clients", "instructor": "client-instructor", "fuzz": "fuzz-engine"}
OPENAI_NODE = "openai@7.59.0"


def install_group(folder: Path, group: str) -> None:
    """Install a dependency group of pyproject.toml into an environment of its own."""
    if not folder.exists():
        venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    subprocess.run([python, "-m", "pip", "install", "-q", "-U", "pip>=25.1"], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--group", f"{ROOT / 'pyproject.toml'}:{group}"], check=True)


def main() -> int:
    """Exit status 0 when all are there; without npm, the client for Node is left out and named."""
    for name, group in ENVIRONMENTS.items():
        install_group(CLIENTS / name, group)
    npm = shutil.which("npm")
    if not npm:
        print("npm was not found: openai-node is not installed.", file=sys.stderr)
        return 0
    (CLIENTS / "node").mkdir(exist_ok=True)
    command = [npm, "install", "--prefix", str(CLIENTS / "node"), "--no-audit", "--no-fund", "--silent", OPENAI_NODE]
    subprocess.run(command, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
