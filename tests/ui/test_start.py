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


# What takes longer to import than the empty window takes to be painted, together.
HEAVY = (
    "asyncio", "qasync", "sqlite3", "msgspec", "filelock", "PySide6.QtNetwork", "core.settings", "core.storage.project",
    "ui.workspace", "ui.window_parts", "ui.widgets.basics",
)  # fmt: skip
# What the window needs only when it is used, whatever it shows.
UNUSED = ("numpy", "rapidfuzz", "openai", "torch", "core.text.questions.make", "core.checks.clean_row_prefilter")
FRAME = """
import sys
from ui import app

first = app.show_frame

def show_frame(look, found):
    window = first(look, found)
    print(window.isVisible(), [name for name in {heavy} if name in sys.modules])
    sys.exit()

app.show_frame = show_frame
app.run([])
"""


def imported(code):
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_the_empty_window_is_shown_before_anything_heavy_is_imported():
    assert imported(FRAME.format(heavy=(*HEAVY, *UNUSED))) == "True []"


def test_what_is_not_used_at_the_start_is_not_imported_for_it():
    code = (
        f"import sys; from ui import app; app.load_window(); print([name for name in {UNUSED} if name in sys.modules])"
    )
    assert imported(code) == "[]"


def test_a_module_and_a_pattern_are_loaded_when_they_are_used():
    code = """
import sys
from core.lazy_loading import LazyModule, lazy_pattern
lazy, digits, wrong = LazyModule("colorsys"), lazy_pattern(r"[0-9]+"), lazy_pattern("(")
before = "colorsys" in sys.modules
print(before, lazy.rgb_to_hsv(0, 0, 0), digits.findall("1 and 23"), digits.pattern, digits.sub("n", "4"))
"""
    assert imported(code) == "False (0.0, 0.0, 0) ['1', '23'] [0-9]+ n"
