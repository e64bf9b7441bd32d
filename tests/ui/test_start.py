"""What must hold before the window is there."""

import subprocess
import sys

from core.paths import ROOT

# As pydantic is while another thread imports it: whoever asks it for what it does not have gets an ImportError.
HALF_MADE = """
def __getattr__(name):
    raise ImportError(f"cannot import {name} from a partially initialized module")
"""
START = """
import asyncio, sys
from ui import app

async def show(chosen, found, *_more):
    import half_made

app.show = show
sys.exit(app.run([]))
"""


def test_an_import_asks_no_module_for_attributes(tmp_path):
    """PySide's own hook does: the models of a whole session were lost by it, when Ctrl+2 came early."""
    (tmp_path / "half_made.py").write_text(HALF_MADE)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{START}"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
