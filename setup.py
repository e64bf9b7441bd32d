"""What pyproject.toml cannot say: the top-level folders go into one package, `juku`, so that no `core` or `ui` is installed."""

from pathlib import Path

from setuptools import find_namespace_packages, setup
from setuptools.command.build_py import build_py

FOLDERS = ("core", "ui", "resources")
ENTRY = "packaging/juku"  # the modules that belong to the package alone


FILES = ("main.py", "CHANGELOG.md")  # of the top folder; the changes are what the program shows as What’s new


class BuildWithFiles(build_py):
    """Also puts files of the top folder into the package."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for name in FILES:
                self.copy_file(name, str(Path(self.build_lib) / "juku" / name))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), *(str(Path(self.build_lib) / "juku" / name) for name in FILES)]


def find_packages(folder: str) -> list[str]:
    """The packages of one folder, also those of data. Only that folder is walked: build/ may be huge."""
    below = (f"{folder}.{name}" for name in find_namespace_packages(folder))
    return [folder, *(name for name in below if "__pycache__" not in name)]


found = [name for folder in FOLDERS for name in find_packages(folder)]
setup(
    packages=["juku", *(f"juku.{name}" for name in found)],
    package_dir={"juku": ENTRY, **{f"juku.{name}": name for name in FOLDERS}},
    cmdclass={"build_py": BuildWithFiles},
)
