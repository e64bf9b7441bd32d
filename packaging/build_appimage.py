"""Builds an AppImage from the folder of build_folder.py: `build_appimage.py [--folder FOLDER] [--reuse] [--runtime FILE]`.

Needs squashfs-tools (mksquashfs). The runtime is the small program of the AppImage project that mounts what follows it; no
registry that this was written with has it as a package. Without it the folder and its file system are built, and it is said
what is missing. docs/packaging.md says what of this was tried.
"""

import argparse
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import build_folder
import desktop_files
import elf

# What every desktop has in a version of its own that fits its kernel and its graphics driver: never inside.
SYSTEM_LIBRARIES = (
    "ld-linux", "libc.", "libm.", "libdl.", "libpthread.", "librt.", "libutil.", "libresolv.", "libnsl.", "libcrypt.",
    "libgcc_s.", "libstdc++.", "libGL.", "libEGL.", "libGLX.", "libOpenGL.", "libdrm.", "libgbm.", "libX11.", "libX11-xcb.",
    "libxcb.", "libxcb-glx.", "libwayland", "libfontconfig.", "libfreetype.", "libdbus-1.", "libglib-2", "libgthread-2", "libz.",
    "libgtk-3", "libharfbuzz.", "libgraphite2.", "libgdk", "libgobject-2", "libgio-2", "libpango", "libcairo", "libatk", "libcups.",
)  # fmt: skip
APP_RUN = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="$here/usr/lib/juku/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
# A link to the AppImage that is called juku is the command line.
case "$(basename "${ARGV0:-juku-window}")" in
    juku) exec "$here/usr/lib/juku/bin/juku" "$@" ;;
    *) exec "$here/usr/lib/juku/bin/juku-window" "$@" ;;
esac
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=build_folder.OUTPUT / "juku")
    parser.add_argument("--reuse", action="store_true", help="take the folder as an earlier call has built it")
    parser.add_argument("--runtime", type=Path, help="the AppImage project's runtime (type 2) for this processor")
    arguments = parser.parse_args()
    if not arguments.reuse:
        build_folder.build(arguments.folder, "appimage")
    app = build_app_folder(arguments.folder, build_folder.OUTPUT / "Juku.AppDir")
    packed = pack(app, build_folder.OUTPUT / "juku.squashfs")
    if arguments.runtime is None:
        sys.exit(f"{packed} is built. To make it an AppImage, give --runtime FILE.")
    print(join(arguments.runtime, packed, build_folder.OUTPUT / f"Juku-{platform.machine()}.AppImage"))


def build_app_folder(folder: Path, target: Path) -> Path:
    """The folder that the AppImage mounts."""
    shutil.rmtree(target, ignore_errors=True)
    program = target / "usr" / "lib" / "juku"
    shutil.copytree(folder, program, symlinks=True)
    marker = next((program / "python" / "lib").glob("python3.*/site-packages/juku/installed_as"))
    marker.write_text("appimage\n")
    copy_libraries(program)
    version = subprocess.run([str(program / "bin" / "juku"), "--version"], capture_output=True, text=True, check=True)
    desktop_files.install(target / "usr", version.stdout.split()[-1])
    (target / "juku.desktop").symlink_to("usr/share/applications/juku.desktop")
    shutil.copyfile(
        target / "usr" / "share" / "icons" / "hicolor" / "256x256" / "apps" / "juku.png", target / "juku.png"
    )
    (target / ".DirIcon").symlink_to("juku.png")
    (target / "AppRun").write_text(APP_RUN)
    (target / "AppRun").chmod(0o755)
    return target


def copy_libraries(program: Path) -> None:
    """Copy the system's libraries that are loaded, but for those that belong to the system."""
    inside = {path.name for path in program.rglob("*.so*")}
    waiting = [name for path in elf.find_files(program) for name in elf.needed(path)]
    places, folder = elf.list_libraries(), program / "lib"
    folder.mkdir()
    while waiting:
        name = waiting.pop()
        if name in inside or name.startswith(SYSTEM_LIBRARIES) or name not in places:
            continue
        inside.add(name)
        copied = folder / name
        shutil.copy2(places[name].resolve(), copied)
        waiting += elf.needed(copied)


def pack(app: Path, target: Path) -> Path:
    target.unlink(missing_ok=True)
    options = ["-root-owned", "-noappend", "-comp", "zstd", "-quiet", "-no-progress"]
    subprocess.run(["mksquashfs", str(app), str(target), *options], check=True)
    return target


def join(runtime: Path, packed: Path, target: Path) -> Path:
    """The AppImage: the runtime, then the file system."""
    with target.open("wb") as out:
        for part in (runtime, packed):
            with part.open("rb") as file:
                shutil.copyfileobj(file, out)
    target.chmod(0o755)
    return target


if __name__ == "__main__":
    main()
