"""The system's libraries that a window needs on Linux. Imports nothing else: tools/install.py reads it before the set-up."""

import ctypes

# What Qt loads at run time, and the Debian package that has it. Looked for by the library and not by the package,
# whose name differs between releases.
LIBRARIES = {
    "libGL.so.1": "libgl1", "libEGL.so.1": "libegl1", "libxkbcommon.so.0": "libxkbcommon0", "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1", "libglib-2.0.so.0": "libglib2.0-0", "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4", "libxcb-keysyms.so.1": "libxcb-keysyms1", "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0", "libxcb-shape.so.0": "libxcb-shape0", "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
}  # fmt: skip


def can_load(library: str) -> bool:
    """Whether the loader finds a shared library by this name."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def find_missing() -> dict[str, str]:
    """The libraries that are missing here, and the Debian package of each."""
    return {library: package for library, package in LIBRARIES.items() if not can_load(library)}
