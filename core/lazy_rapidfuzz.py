"""rapidfuzz, loaded when it is used first: the window starts without it."""

from typing import TYPE_CHECKING

from core.lazy_loading import LazyModule

if TYPE_CHECKING:
    from rapidfuzz import fuzz, process
    from rapidfuzz.distance import OSA, LCSseq
else:
    fuzz, process = LazyModule("rapidfuzz.fuzz"), LazyModule("rapidfuzz.process")
    OSA, LCSseq = LazyModule("rapidfuzz.distance.OSA"), LazyModule("rapidfuzz.distance.LCSseq")

__all__ = ["OSA", "LCSseq", "fuzz", "process"]
