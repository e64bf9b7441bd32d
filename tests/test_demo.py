"""The whole chain in its short form: sample, real training of the real small model, exam, table."""

import os
import re
import subprocess
import sys

from core.paths import ROOT


def test_the_sample_is_taught_and_examined():
    done = subprocess.run(
        [sys.executable, "tools/demo.py", "--short"], cwd=ROOT, capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    rates = {
        kind: (int(closed), int(retrieved), int(tuned))
        for kind, closed, retrieved, tuned in re.findall(
            r"\| (\w+) \| (\d+)/\d+ \| (\d+)/\d+ \| (\d+)/\d+ \|", done.stdout
        )
    }
    # The short form asks no general questions, so the table has none.
    assert set(rates) == {"memorised", "reworded", "reverse", "applied", "not_stated"}
    # Not a claim about quality: that teaching took place, and that the base knew nothing of an invented game.
    closed, retrieved, tuned = rates["memorised"]
    assert closed <= 1
    assert tuned >= 6
    assert retrieved > closed
    assert "held-out questions right" in done.stdout
