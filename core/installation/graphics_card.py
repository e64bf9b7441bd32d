"""Which build of torch fits this computer: one for its NVIDIA card and driver, or one for the processor."""

import shutil
import subprocess
from dataclasses import dataclass

QUERY = ("--query-gpu=driver_version,name", "--format=csv,noheader")
QUERY_SECONDS = 20
# The oldest driver of each generation of CUDA, and the names that torch's builds for it have, the newest first.
CUDA_BUILDS = ((580, ("cu132", "cu130")), (525, ("cu129", "cu128", "cu126")))
CPU_BUILD = "cpu"


@dataclass(frozen=True, slots=True)
class GraphicsCard:
    """An NVIDIA card, and the first number of its driver's version."""

    name: str
    driver: int


def find_card() -> GraphicsCard | None:
    """The first NVIDIA card whose driver answers; None where there is none."""
    program = shutil.which("nvidia-smi")
    if not program:
        return None
    try:
        done = subprocess.run([program, *QUERY], capture_output=True, text=True, timeout=QUERY_SECONDS)  # noqa: S603 - fixed
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_card(done.stdout) if done.returncode == 0 else None


def parse_card(lines: str) -> GraphicsCard | None:
    """The card of `nvidia-smi`'s answer, such as "580.65.06, NVIDIA H200"."""
    driver, _comma, name = (lines.strip().splitlines() or [""])[0].partition(",")
    major = driver.strip().partition(".")[0]
    return GraphicsCard(name.strip(), int(major)) if major.isdigit() else None


def list_builds(card: GraphicsCard | None) -> list[str]:
    """The builds of torch to try, the best first; the last one works everywhere."""
    builds = [name for driver, names in CUDA_BUILDS if card and card.driver >= driver for name in names]
    return [*builds, CPU_BUILD]
