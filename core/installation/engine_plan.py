"""What would be fetched for the local engine: which files, from where, how large. Nothing is fetched yet."""

import importlib.metadata
import json
import os
import re
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import JukuError
from core.installation import graphics_card, package_download, pip_process, torch_index
from core.installation.graphics_card import CPU_BUILD, GraphicsCard
from core.installation.package_download import PackageFile
from core.language import tr
from core.paths import ROOT
from core.progress import Reporter

INDEX_VARIABLE = "JUKU_TORCH_INDEX"  # an index of torch's builds; {build} in it is replaced by cpu, cu128, …
BUILD_PLACEHOLDER = "{build}"
EXTRA = "engine"
TORCH = "torch"
AT_ONCE = 8  # sizes that are asked for at a time
CUDA_PREFIXES = ("nvidia-", "cuda-")


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """The files to fetch, the build of torch they are for ("" is the index's usual one), and what to say about them."""

    files: tuple[PackageFile, ...]
    build: str = ""
    notes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()  # of pip: where the files are listed

    @property
    def bytes(self) -> int:
        """The sum of all sizes that are known."""
        return sum(file.bytes or 0 for file in self.files)

    @property
    def unknown_sizes(self) -> int:
        """The number of files whose size the server does not say."""
        return sum(file.bytes is None for file in self.files)


def find_requirements(root: Path = ROOT) -> list[str]:
    """The packages of the extra `engine`: of the checkout, else of the installed package. Raises `JukuError`."""
    source = root / "pyproject.toml"
    if source.exists():
        found: list[str] = tomllib.loads(source.read_text(encoding="utf-8"))["project"]["optional-dependencies"][EXTRA]
        return found
    try:
        listed = importlib.metadata.requires("juku") or []
    except importlib.metadata.PackageNotFoundError:
        listed = []
    marked = re.compile(rf"""\s*;\s*extra\s*==\s*["']{EXTRA}["']\s*$""")
    names = [marked.sub("", line) for line in listed if marked.search(line)]
    if not names:
        raise JukuError(
            tr("This installation does not say what the local engine needs"),
            tr("Its description is missing. Install Juku again."),
        )
    return names


def make_plan(
    reporter: Reporter, requirements: Sequence[str] | None = None, card: GraphicsCard | None = None
) -> EnginePlan:
    """Ask the index what is to be fetched, and the servers how large it is.

    `card`: the one to fetch a build for. Raises `JukuError` where pip finds no answer, and `Cancelled`.
    """
    wanted = list(requirements if requirements is not None else find_requirements())
    address = os.environ.get(INDEX_VARIABLE, "").strip()
    plan = _resolve_builds(wanted, address, card, reporter) if address else _resolve_usual(wanted, card, reporter)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sizes = list(pool.map(package_download.find_size, plan.files))
    reporter.check()
    files = tuple(
        PackageFile(file.name, file.version, file.url, file.sha256, size)
        for file, size in zip(plan.files, sizes, strict=True)
    )
    return EnginePlan(files, plan.build, (*plan.notes, *_describe(files, card, bool(address))), plan.options)


def _resolve_usual(wanted: list[str], card: GraphicsCard | None, reporter: Reporter) -> EnginePlan:
    """What the index has; where its usual build of torch does not fit the card, that of an index which has one."""
    usual = EnginePlan(_resolve(wanted, (), reporter))
    wants_cuda = len(graphics_card.list_builds(card)) > 1
    torch = next((line for line in wanted if line.startswith(TORCH)), "")
    if not torch or _has_cuda(usual.files) == wants_cuda:
        return usual
    address = torch_index.find_index(torch, reporter)
    if not address:
        return usual
    options = ("--extra-index-url", address)
    try:
        files = _resolve(wanted, options, reporter)
    except JukuError:
        return usual
    build = next((file.version.partition("+")[2] for file in files if file.name == TORCH), "")
    return EnginePlan(files, build, options=options) if _has_cuda(files) == wants_cuda else usual


def _has_cuda(files: Sequence[PackageFile]) -> bool:
    return any(file.name.startswith(CUDA_PREFIXES) or "+cu" in file.version for file in files)


def _resolve_builds(wanted: list[str], address: str, card: GraphicsCard | None, reporter: Reporter) -> EnginePlan:
    """The best build for the card that the index of the user's setting has. Raises `JukuError` where it has none."""
    builds = graphics_card.list_builds(card) if BUILD_PLACEHOLDER in address else [""]
    for build in builds:
        options = ("--extra-index-url", address.replace(BUILD_PLACEHOLDER, build))
        try:
            files = _resolve(wanted, options, reporter)
        except JukuError:
            if build == builds[-1]:
                raise
        else:
            if not build or any(f"+{build}" in file.version for file in files):
                return EnginePlan(files, build, options=options)
    note = tr("{address} has no build of torch that fits; the usual one is fetched.", address=INDEX_VARIABLE)
    return EnginePlan(files, "", (note,), options)


def _resolve(wanted: list[str], options: Sequence[str], reporter: Reporter) -> tuple[PackageFile, ...]:
    line = ["install", "--dry-run", "--ignore-installed", "--only-binary", ":all:", "--report", "-", *options, *wanted]
    report = json.loads(pip_process.run(line, reporter))
    return tuple(map(_read_file, report["install"]))


def _read_file(entry: dict[str, Any]) -> PackageFile:
    source, metadata = entry["download_info"], entry["metadata"]
    hashes = source.get("archive_info", {}).get("hashes", {})
    name = re.sub(r"[-_.]+", "-", metadata["name"]).lower()
    return PackageFile(name, metadata["version"], source["url"], hashes.get("sha256", ""))


def _describe(files: Sequence[PackageFile], card: GraphicsCard | None, has_address: bool) -> list[str]:
    """What a person should know before they agree, in sentences."""
    notes = []
    has_cuda = _has_cuda(files)
    setting = tr("An index of torch’s builds in {name} changes that.", name=INDEX_VARIABLE)
    if has_cuda and card is None:
        notes.append(
            tr("This build brings CUDA, of no use without an NVIDIA card.") + ("" if has_address else f" {setting}")
        )
    if card and not has_cuda:
        words = tr("This build does not use the card {card}.", card=card.name)
        notes.append(words + ("" if has_address else f" {setting}"))
    if card and not graphics_card.list_builds(card)[:-1]:
        notes.append(
            tr("The driver of {card} is too old for CUDA 12: torch computes on the processor.", card=card.name)
        )
    if unchecked := [file.name for file in files if not file.sha256]:
        notes.append(tr("The index has no checksum of: {names}", names=", ".join(unchecked)))
    return notes


def format_build(build: str) -> str:
    """A build of torch in words."""
    if build == CPU_BUILD:
        return tr("for the processor")
    if re.fullmatch(r"cu\d{3}", build):
        return tr("for CUDA {version}", version=f"{build[2:-1]}.{build[-1]}")
    return build or tr("the index’s usual build")
