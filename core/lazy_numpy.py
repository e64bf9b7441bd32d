"""numpy and its types, loaded when they are used first: the window starts without them.

An alias of a type is a text (`Marks: TypeAlias = "npt.NDArray[np.bool_]"`); a module with constants of numpy imports it
itself, and is imported where it is used.
"""

from typing import TYPE_CHECKING

from core.lazy_loading import LazyModule

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
else:
    np, npt = LazyModule("numpy", keeps=True), LazyModule("numpy.typing")

__all__ = ["np", "npt"]
