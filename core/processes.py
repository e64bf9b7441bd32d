"""Other processes: when one started, which with its id identifies it since ids are used again, and how a child is ended."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

PROC_FOLDER = Path("/proc")
UNKNOWN_START = "?"  # the process exists, but its start time cannot be read


def start_time(pid: int) -> str | None:
    """When a process started, as text in the system's own format; None where there is no such process."""
    if not 0 < pid < 2**31:
        return None
    if sys.platform == "win32":
        return _start_from_windows(pid)
    return _start_from_proc(pid) if (PROC_FOLDER / "self" / "stat").exists() else _start_from_ps(pid)


def _start_from_proc(pid: int) -> str | None:
    """The id of the machine's boot, and the clock ticks since then."""
    try:
        # The name in brackets may hold spaces and brackets; the start is the 22nd field, the 20th behind it.
        fields = (
            (PROC_FOLDER / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return UNKNOWN_START if _is_running(pid) else None  # another account's may be hidden from us (hidepid)
    if fields[0] in ("Z", "X"):  # ended; its parent has not noticed yet
        return None
    boot = ""
    with contextlib.suppress(OSError):
        boot = (PROC_FOLDER / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {fields[19]}"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # which only asks
    except ProcessLookupError:
        return False
    except OSError:  # there is one, that is not ours
        pass
    return True


def _start_from_ps(pid: int) -> str | None:
    found = subprocess.run(  # noqa: S603 - a number
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None


def _start_from_windows(pid: int) -> str | None:
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(0x1000, False, pid)  # the right to ask, and nothing else
    if not handle:
        return UNKNOWN_START if kernel.GetLastError() == 5 else None  # another account's, which does not let us ask
    times = [ctypes.c_uint64() for _number in range(4)]
    done = kernel.GetProcessTimes(handle, *(ctypes.byref(one) for one in times))
    code = ctypes.c_uint32()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return str(times[0].value) if done and code.value == 259 else None


def end_process(process: subprocess.Popen[bytes], seconds: float) -> None:
    """End a child that ends when its standard input does; after `seconds` it is killed. Both its pipes are closed."""
    assert process.stdin
    assert process.stdout
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
