"""The types of the arrays that the fast check of many lines works with; it needs no numpy at import."""

from typing import TypeAlias

from core.lazy_numpy import np, npt

Places: TypeAlias = "npt.NDArray[np.int64]"
Marks: TypeAlias = "npt.NDArray[np.bool_]"
Bytes: TypeAlias = "npt.NDArray[np.uint8]"
Words: TypeAlias = "npt.NDArray[np.uint64]"
Digests: TypeAlias = "npt.NDArray[np.uint64]"  # of lines

WORD = 8  # bytes of a word, which are compared at once
