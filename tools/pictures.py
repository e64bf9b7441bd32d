"""Makes the pictures of README and guide from the running program, in both languages, light and dark: `make pictures`.

The first time it teaches a small model the sample in each language, and examines it; that takes ten to twenty minutes,
and is kept in build/pictures. After that it takes a few minutes. Needs Xvfb, a window manager such as openbox, and
gnome-keyring; no display.
`--only exam spec` makes some of the pictures, `--list` names them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.picture_scenes import NAMES, SCREEN  # noqa: E402 - found only now

KEPT = ROOT / "build" / "pictures"
TARGET = ROOT / "resources" / "guide" / "pictures"
LANGUAGES, THEMES = ("en", "ja"), ("light", "dark")
# SmolLM2 speaks no Japanese. Gemma is taken where it has been fetched, which asks for its terms.
MODELS = {"en": ("smollm2-135m-instruct",), "ja": ("gemma-3-270m", "smollm2-135m-instruct")}
PROJECT_NAMES = {"en": "Hobannu", "ja": "ホバンヌ"}
USER = "anna"  # whose home folder is in some of the pictures
# The desktop's keyring, unlocked, without which the settings would say that there is none.
UNLOCK = "printf pictures | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1"
KEYRING = ("dbus-run-session", "--", "sh", "-c", f'{UNLOCK}; exec "$@"', "sh")
WINDOW_MANAGERS = ("openbox", "xfwm4", "metacity", "icewm", "fluxbox")
X_WAIT, SCENE_LIMIT = 0.1, 600  # seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES), help="these pictures")
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=list(LANGUAGES))
    parser.add_argument("--themes", nargs="+", choices=THEMES, default=list(THEMES))
    parser.add_argument("--teach", action="store_true", help="teach the sample again")
    parser.add_argument("--list", action="store_true", help="name the pictures")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(NAMES))
        return 0
    status = 0
    for language in arguments.languages:
        folder = KEPT / language
        if arguments.teach or not (folder / "model.txt").exists():
            teach(language, folder)
        with x_server() as display:
            for theme in arguments.themes:
                status |= take(language, theme, folder, display, arguments.only)
    print(f"{sum(path.stat().st_size for path in TARGET.rglob('*.webp')):,} bytes in {TARGET.relative_to(ROOT)}")
    return status


def environment(language: str, home: Path, data: Path) -> dict[str, str]:
    """Folders of its own, so that nothing of this person or computer is in a picture."""
    own = {
        "JUKU_DATA": data, "JUKU_CONFIG": home / "config", "JUKU_LOG": home / "juku.log", "HOME": home,
        "XDG_RUNTIME_DIR": home / "run", "XDG_DATA_HOME": home / ".local" / "share",
    }  # fmt: skip
    return os.environ | {name: str(path) for name, path in own.items()} | {"LANGUAGE": language}


def teach(language: str, folder: Path) -> None:
    """Make the project of a language: the sample, a model taught its study rows, and an exam of both models."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    project = folder / f"{PROJECT_NAMES[language]}.juku"
    with tempfile.TemporaryDirectory() as home:
        env = environment(language, Path(home), folder / "data")

        def juku(*words: str, capture: bool = False) -> str:
            line = [sys.executable, str(ROOT / "main.py"), *words]
            done = subprocess.run(line, env=env, check=True, text=True, stdout=subprocess.PIPE if capture else None)
            return done.stdout or ""

        listed = json.loads(juku("models", "list", "--json", capture=True))["models"]
        offered = {one["id"] for one in listed if one["state"] == "ready"}
        model = next(name for name in MODELS[language] if name in offered)
        juku("new", str(project), "--sample", f"hobannu-{language}")
        juku("train", str(project), "--model", model, "--rows", "study", "--yes")
        tuned = json.loads(juku("jobs", "list", str(project), "--json", capture=True))["jobs"][0]["result"]
        juku("exam", str(project), "--model", model, tuned, "--condition", "closed", "open", "--general")
    (folder / "model.txt").write_text(model)


@contextmanager
def x_server() -> Iterator[str]:
    """An X server with a window manager, as a desktop has them."""
    read, write = os.pipe()
    size = f"{SCREEN[0]}x{SCREEN[1]}x24"
    line = ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp"]
    server = subprocess.Popen(line, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as answer:
        display = f":{answer.readline().strip()}"
    found = next(filter(shutil.which, WINDOW_MANAGERS), None)
    manager = found and subprocess.Popen([found], env=os.environ | {"DISPLAY": display}, stderr=subprocess.DEVNULL)
    time.sleep(X_WAIT)
    try:
        yield display
    finally:
        for process in filter(None, (manager, server)):
            process.terminate()
            process.wait()


@contextmanager
def own_home() -> Iterator[Path]:
    """A home folder with a name that can be in a picture; it goes when the pictures have been taken."""
    home = Path(tempfile.gettempdir()) / "home" / USER
    home.mkdir(parents=True)  # another run would take away what this one uses
    try:
        (home / "run").mkdir(mode=0o700)
        (home / ".local" / "share" / "keyrings").mkdir(parents=True)
        yield home
    finally:
        shutil.rmtree(home)


def take(language: str, theme: str, folder: Path, display: str, names: list[str]) -> int:
    """Walk through the program in one language and theme; the exit status."""
    target = TARGET / language
    target.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{PROJECT_NAMES[language]}.juku"
    with own_home() as home:
        documents, data = home / "Documents", home / ".local" / "share" / "juku"
        documents.mkdir(parents=True)
        shutil.copytree(folder / "data", data)
        project = documents / kept.name
        shutil.copyfile(kept, project)
        env = environment(language, home, data) | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        scenes = [sys.executable, str(ROOT / "tools" / "picture_scenes.py"), language, theme, str(project), str(target)]
        done = subprocess.run([*KEYRING, *scenes, *names], env=env, timeout=SCENE_LIMIT)
        if done.returncode == 0:
            shutil.copyfile(project, kept)  # with the chat, so that the next pictures have the same
    return int(done.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
