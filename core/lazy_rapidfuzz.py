"""rapidfuzz, loaded when it is used first: the window starts without it."""

from typing import TYPE_CHECKING

from core.lazy_loading import LazyModule

if TYPE_CHECKING:
    from rapidfuzz import fuzz, process
    from rapidfuzz.distance import OSA, LCSseq
else:
    fuzz, process = LazyModule("rapidfuzz.fuzz", keeps=True), LazyModule("rapidfuzz.process", keeps=True)
    OSA, LCSseq = (LazyModule(f"rapidfuzz.distance.{name}", keeps=True) for name in ("OSA", "LCSseq"))

__all__ = ["OSA", "LCSseq", "fuzz", "process"]
