"""The commands of main.py about the local engine's packages: engine install, status, remove."""

import sys
from dataclasses import asdict

import msgspec

from core.cli.console import CLEAN, INCOMPLETE, PROBLEMS, AddCommand, Arguments, print_result, progress_reporter
from core.cli.streams import print_message
from core.installation import engine_folder, engine_install, engine_plan, graphics_card
from core.language import tr
from core.progress import Reporter


def add(add_command: AddCommand) -> None:
    """Add these commands to the parser."""
    words = tr("fetch the local engine into your folder: first its size, then with --yes the files")
    install = add_command("install", _install, words, False)
    install.add_argument("--yes", action="store_true", help=tr("fetch without asking"))
    add_command("status", _status, tr("say whether the local engine is there, and where"), False)
    add_command("remove", _remove, tr("delete what “engine install” has fetched"), False)


def _install(arguments: Arguments) -> int:
    if engine_folder.is_in_own_environment():
        print_result(arguments, {"installed": True}, tr("The local engine was installed together with Juku."))
        return CLEAN
    plan = engine_plan.make_plan(Reporter(), card=graphics_card.find_card())
    lines = [
        tr("{n} packages, {size} GB to fetch; torch: {build}", n=len(plan.files), size=f"{plan.bytes / 1e9:.2f}", build=engine_plan.format_build(plan.build)),
        *plan.notes,
    ]  # fmt: skip
    print_message("\n".join(lines))
    if not (arguments.yes or _agrees()):
        data = {"installed": False, "bytes": plan.bytes, "files": [asdict(file) for file in plan.files]}
        print_result(arguments, data, tr("Nothing was fetched. To fetch it, add “--yes”."))
        return INCOMPLETE
    manifest = engine_install.install(plan, progress_reporter(tr("Local engine")))
    text = tr(
        "The local engine is ready: {device}, in {folder}",
        device=manifest.device,
        folder=engine_folder.installed_folder(),
    )
    print_result(arguments, {"installed": True, **msgspec.to_builtins(manifest)}, text)
    return CLEAN


def _agrees() -> bool:
    if not sys.stdin.isatty():
        return False
    print_message(tr("Fetch? [y/N] "), end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _status(arguments: Arguments) -> int:
    manifest = None if engine_folder.is_in_own_environment() else engine_folder.load_manifest()
    data = {"installed": engine_folder.has_engine(), **(msgspec.to_builtins(manifest) if manifest else {})}
    if manifest:
        folder, version = engine_folder.installed_folder(), manifest.packages.get("torch", "?")
        text = tr(
            "torch {version} for {device}, fetched into {folder}",
            version=version,
            device=manifest.device,
            folder=folder,
        )
    elif engine_folder.has_engine():
        text = tr("The local engine was installed together with Juku.")
    else:
        text = tr("The local engine is not on this computer. “juku engine install” fetches it.")
    print_result(arguments, data, text)
    return CLEAN if data["installed"] else PROBLEMS


def _remove(arguments: Arguments) -> int:
    removed = engine_install.remove()
    text = (
        tr("The fetched local engine was deleted.") if removed else tr("Nothing was fetched, so nothing was deleted.")
    )
    print_result(arguments, {"removed": removed}, text)
    return CLEAN
