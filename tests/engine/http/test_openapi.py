"""The OpenAPI document of the engine, which requests by chance are drawn from."""

import subprocess
import sys

from tests.support.engine import ROOT


def test_the_document_has_every_route_and_parameter() -> None:
    command = [sys.executable, "tools/engine_openapi.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
