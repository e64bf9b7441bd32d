"""Where and in which precision torch works best on this machine."""

import os
import time
from typing import Any

# Spinning threads starve whatever else runs on the same cores; must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def device() -> str:
    """`cuda`, `mps` or `cpu`."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def dtype(name: str) -> Any:
    """The torch dtype called `name`; `auto` is bfloat16 where this machine is really faster at it."""
    import torch

    if name != "auto":
        return getattr(torch, name)
    if device() == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device() == "mps":
        return torch.float32
    return torch.bfloat16 if _seconds(torch.bfloat16) < 0.7 * _seconds(torch.float32) else torch.float32


def _seconds(kind: Any) -> float:
    """The best of five products of a usual shape: about 10 ms in all."""
    import torch

    a, b = torch.randn(256, 1024).to(kind), torch.randn(1024, 1024).to(kind)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return min(times)
