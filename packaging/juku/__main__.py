"""`python -m juku`: the same as the command `juku`."""

import sys

from juku.entry import start

sys.exit(start())
