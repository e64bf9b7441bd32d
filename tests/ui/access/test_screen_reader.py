"""The program used over AT-SPI by a real client in a real X session: names are read, a button pressed, cells read."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import language, settings
from core.language import tr
from core.paths import ROOT
from core.storage.project import Project
from tests.support.pages import whole_program
from tests.support.pages.windows import settings_without_server
from tests.support.patience import PATIENCE

SYSTEM_PYTHON = Path("/usr/bin/python3")
BUS = Path("/usr/libexec/at-spi-bus-launcher")


def has_client() -> bool:
    """Whether the packages at-spi2-core and python3-pyatspi are there."""
    return (
        SYSTEM_PYTHON.exists()
        and BUS.exists()
        and not subprocess.run([SYSTEM_PYTHON, "-c", "import pyatspi"], capture_output=True).returncode
    )


@pytest.mark.skipif("JUKU_TEST_DISPLAY" not in os.environ, reason="needs an X server: run tools/test.sh")
@pytest.mark.skipif(not has_client(), reason="needs the Debian packages at-spi2-core and python3-pyatspi")
@pytest.mark.parametrize("speech", ["en", "ja"])
def test_a_screen_reader_finds_reads_and_presses(tmp_path, speech):
    language.set_language(speech)
    path = tmp_path / "read.juku"
    project = Project(path)
    asyncio.run(whole_program.fill(project, speech))
    project.close()
    chosen = settings_without_server(language=speech)
    settings.save(chosen)
    env = os.environ | {
        "DISPLAY": os.environ["JUKU_TEST_DISPLAY"], "QT_QPA_PLATFORM": "xcb", "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
    }  # fmt: skip
    names = {
        "spec": tr("Spec"), "spec text": tr("Text of the spec"), "preview": tr("Preview"), "examples": tr("Examples"),
        "grid": tr("Rows"), "split": tr("Split"), "filters": tr("Filters"), "exam": tr("Exam"), "results": tr("Results of the subjects"),
    }  # fmt: skip
    window = subprocess.Popen([sys.executable, "main.py", str(path)], cwd=ROOT, env=env)
    try:
        client = ROOT / "tests" / "support" / "screen_reader.py"
        done = subprocess.run(
            [SYSTEM_PYTHON, client, json.dumps(names)], env=env, capture_output=True, text=True, timeout=PATIENCE
        )
    finally:
        window.terminate()
        window.wait()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["spec text"].startswith("Rule 0")
    assert found["preview is checked"]
    assert found["grid rows"] > 100 and found["grid columns"][1] == tr("Question")
    assert len(found["grid cell"]) > 8
    assert found["split drop-down"] == tr("All splits")
    assert found["exam columns"] == [tr("Subject"), tr("Held out")]
    assert "%" in found["exam cell"]
