"""`pythonw -m juku.window FILE`: the same as the command `juku-window`, for shortcuts and file types."""

import sys

from juku.entry import start_window

sys.exit(start_window())
