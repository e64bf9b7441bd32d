"""On a screen of a scale factor, which Qt takes at the start of a process, no text is cut either: the walk in a child process."""

import os
import subprocess
import sys

import pytest
from PySide6.QtWidgets import QApplication

from core.paths import ROOT
from tests.support import cut_texts
from tests.support.patience import PATIENCE

FACTOR, SPEECH = "QT_SCALE_FACTOR", "JUKU_TEST_SPEECH"
ROOM = (1024, 612)  # of a small screen, in pixels that don't depend on the factor


@pytest.mark.parametrize(("factor", "speech"), [("1.5", "ja"), ("2", "en")])
def test_the_walk_in_a_child_process_finds_nothing(factor, speech):
    name = f"{__file__}::{test_nothing_is_cut_at_the_factor_of_this_process.__name__}"
    env = os.environ | {FACTOR: factor, SPEECH: speech}
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
    done = subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(FACTOR not in os.environ or SPEECH not in os.environ, reason="the test above runs it")
def test_nothing_is_cut_at_the_factor_of_this_process(whole):
    assert QApplication.instance().devicePixelRatio() == float(os.environ[FACTOR])
    found, speech = [], os.environ[SPEECH]

    async def look(name, root, window):
        found.extend(f"{name}: {text}" for text in cut_texts.faults_of_view(root, window, ROOM, speech))

    whole(look, speech, 100, ROOM)
    assert found == []
