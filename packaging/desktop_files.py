"""The files by which a desktop knows Juku: menu entry, icons, file type, description for software centres."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ICON = HERE.parent / "resources" / "icons" / "juku.svg"
SIZES = (16, 24, 32, 48, 64, 128, 256, 512)  # pixels
APPLICATION_ID = "org.juku.Juku"


def install(prefix: Path, version: str) -> None:
    """Write all files below `prefix`, such as /usr, and check them where the checkers are installed."""
    share = prefix / "share"
    places = {
        share / "applications" / "juku.desktop": (HERE / "linux" / "juku.desktop").read_text(encoding="utf-8"),
        share / "mime" / "packages" / "juku.xml": (HERE / "linux" / "juku.xml").read_text(encoding="utf-8"),
        share / "metainfo" / f"{APPLICATION_ID}.metainfo.xml": build_metainfo(version),
    }
    for path, text in places.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    write_icons(share / "icons" / "hicolor")
    check(*places)


def build_metainfo(version: str) -> str:
    """The description for software centres, with the version and the day of the build."""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    text = (HERE / "linux" / f"{APPLICATION_ID}.metainfo.xml").read_text(encoding="utf-8")
    return text.replace("@VERSION@", version).replace("@DATE@", time.strftime("%Y-%m-%d", time.gmtime(seconds)))


def write_icons(folder: Path) -> None:
    """The icon as SVG and as PNG in all sizes, drawn by Qt."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QSize
    from PySide6.QtGui import QGuiApplication, QIcon

    application = QGuiApplication.instance() or QGuiApplication([])
    icon = QIcon(str(ICON))
    for size in SIZES:
        path = folder / f"{size}x{size}" / "apps" / "juku.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not icon.pixmap(QSize(size, size), 1.0).save(str(path)):
            sys.exit(f"{path} cannot be written.")
    scalable = folder / "scalable" / "apps" / "juku.svg"
    scalable.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ICON, scalable)
    del application


def check(desktop: Path, _mime: Path, metainfo: Path) -> None:
    """Let desktop-file-validate and appstreamcli look, where they are installed. Exits with what they find."""
    for command in (
        ["desktop-file-validate", str(desktop)],
        ["appstreamcli", "validate", "--no-net", "--explain", str(metainfo)],
    ):
        if not shutil.which(command[0]):
            print(f"Not checked: {command[0]} is not installed.", file=sys.stderr)
            continue
        done = subprocess.run(command, capture_output=True, text=True)
        print(done.stdout.strip() or f"{command[0]}: nothing to say")
        if done.returncode:
            sys.exit(done.stderr)


if __name__ == "__main__":
    install(Path(sys.argv[1]), sys.argv[2])
