"""The device and dtype with which torch is fastest on this machine."""

import os
import time
from pathlib import Path
from typing import Any

# Read by torch's libraries when they are loaded, so before torch is imported.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads starve whatever else runs on the same cores
    # oneDNN and ideep keep the compiled product of each shape that occurred, a thousand of them: batches have ever new
    # numbers of tokens, and a training of 48 steps grew by half a gigabyte. A step needs some twenty.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32",
    "LRU_CACHE_CAPACITY": "32",
}
CONTAINER = Path("/sys/fs/cgroup")  # what Linux says of the container that this process runs in
for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)


def default_device() -> str:
    """`cuda`, `mps` or `cpu`."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def resolve_dtype(name: str) -> Any:
    """The torch dtype called `name`; `auto`: bfloat16 where it is measured to be faster, else float32."""
    import torch

    if name != "auto":
        return getattr(torch, name)
    if default_device() == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if default_device() == "mps":
        return torch.float32
    return torch.bfloat16 if _matmul_seconds(torch.bfloat16) < 0.7 * _matmul_seconds(torch.float32) else torch.float32


def has_bf16_instructions() -> bool:
    """Whether this processor multiplies bf16 itself (AVX512-BF16, AMX). Its answer never changes, as a measurement can."""
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported())


def available_bytes() -> int:
    """The memory that one more process can have now, in bytes: of the graphics card, else as `available_ram_bytes`."""
    import torch

    return int(torch.cuda.mem_get_info()[0]) if default_device() == "cuda" else available_ram_bytes()


def available_ram_bytes() -> int:
    """The free memory of the computer, or of the container that this process runs in, in bytes."""
    import psutil

    available = int(psutil.virtual_memory().available)
    try:
        limit, used = _container_limit(), int((CONTAINER / "memory.current").read_text())
        counts = dict(line.split() for line in (CONTAINER / "memory.stat").read_text().splitlines())
        return min(available, limit - used + int(counts["inactive_file"]))  # the file cache gives way
    except (OSError, ValueError, KeyError):  # no container, or one without a limit
        return available


def total_ram_bytes() -> int:
    """The memory of the computer, or of the container that this process runs in, in bytes."""
    import psutil

    total = int(psutil.virtual_memory().total)
    try:
        return min(total, _container_limit())
    except (OSError, ValueError):  # no container, or one without a limit
        return total


def _container_limit() -> int:
    """In bytes. Raises OSError where there is no container, ValueError where it has no limit."""
    return int((CONTAINER / "memory.max").read_text())


def _matmul_seconds(dtype: Any) -> float:
    """The fastest of five matrix products of a usual shape, in seconds; about 10 ms in all."""
    import torch

    a, b = torch.randn(256, 1024).to(dtype), torch.randn(1024, 1024).to(dtype)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return min(times)
