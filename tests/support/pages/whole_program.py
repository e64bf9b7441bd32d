"""Every tab and every dialog of the program, shown one after the other with something in it: what walks over all of them need."""

import ast
import asyncio
import sqlite3
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import openai  # noqa: F401 - by this thread: PySide's import hook fails now and then where another one imports it
import shiboken6
from PySide6.QtWidgets import QDialog, QTabWidget, QWidget

from core.chat.router import Domain
from core.dataset import sample_projects
from core.dataset.filters import Filter
from core.dataset.versions import Version
from core.documents import Document
from core.generation.llm_runs import LlmRequest
from core.paths import ROOT
from core.providers import ModelOffer
from core.providers.request_code import RequestCode
from core.providers.server_presets import preset
from core.spec import facts
from core.storage.project import Project
from core.training import jobs
from core.training.preflight import Objection, PreflightReport
from core.training.submit import TrainingPlan
from tests.support.pages.dialogs import settle
from tests.support.until import until
from tools import exam_rows
from ui.main_window import MainWindow
from ui.menus.command_palette import CommandPalette, ShortcutsDialog
from ui.widgets import basics

MakeDialog = Callable[[MainWindow, Path], QDialog]
PAUSE = 0.02  # seconds in which what was added gets its place


async def fill(project: Project, speech: str) -> None:
    """The sample of a language, an exam with its answers, and a trained job."""
    await project.write("sample", sample_projects.fill, f"hobannu-{speech}")
    await project.write("exam", _fill_exam)


def _fill_exam(db: sqlite3.Connection) -> None:
    """The exam was answered by a server that is known, and that does not answer now: no engine is started."""
    exam_rows.fill(db)
    for table in ("eval_subject", "job"):
        db.execute(f"UPDATE {table} SET provider = 'nowhere'")


def _dialogs() -> dict[str, MakeDialog]:
    """How each dialog is made, by the name of its class."""
    from ui.chat.correction_dialog import CorrectionDialog
    from ui.chat.domain_dialog import DomainDialog
    from ui.chat.router_dialog import RouterDialog
    from ui.crash_dialog import CrashDialog
    from ui.dataset.approval_dialog import ApprovalDialog
    from ui.dataset.bulk_actions import BulkDialog
    from ui.dataset.conversation_editor import ToolCallDialog
    from ui.dataset.export_dialog import ExportDialog
    from ui.dataset.fact_link_dialog import FactLinkDialog, FactLinkModelDialog
    from ui.dataset.hold_out_dialog import HoldOutDialog
    from ui.dataset.import_dialog import ImportDialog
    from ui.dataset.import_source import ImportSource, recognise_all
    from ui.dataset.quarantine_dialog import QuarantineDialog
    from ui.dataset.replace_dialog import ReplaceDialog
    from ui.dataset.token_counts_dialog import TokenCountsDialog
    from ui.dataset.versions_dialog import VersionsDialog
    from ui.generation.generation_dialog import GenerationDialog
    from ui.generation.model_task_dialogs import JudgeDialog, ProbeDialog, RefineDialog
    from ui.generation.raw_replies_dialog import RawRepliesDialog
    from ui.generation.remake_dialog import RemakeDialog
    from ui.project.backups_dialog import BackupsDialog
    from ui.project.welcome_dialog import WelcomeDialog
    from ui.rescue.rescue_dialog import RescueDialog
    from ui.settings.local_engine_dialog import LocalEngineDialog
    from ui.settings.settings_dialog import SettingsDialog
    from ui.spec.document_import_dialog import DocumentImportDialog
    from ui.spec.fact_pane import SplitDialog
    from ui.spec.proposal_dialog import ProposalDialog
    from ui.spec.revisions_dialog import RevisionsDialog
    from ui.training.changed_since_dialog import ChangedSinceDialog
    from ui.training.export_model_dialog import ExportModelDialog
    from ui.training.preflight_dialog import PreflightDialog
    from ui.training.server_contents_dialog import ServerContentsDialog
    from ui.training.sweep_dialog import SweepDialog
    from ui.training.teaching_dialog import TeachingDialog
    from ui.widgets.code_dialog import CodeDialog
    from ui.widgets.json_dialog import JsonDialog
    from ui.widgets.terms_dialog import TermsDialog

    ids = array("q", [1, 2])
    plan = TrainingPlan("base", "study", {"n_epochs": 3}, seed=1, suffix="mine")
    objection = Objection("few_rows", "warning", "12 rows teach little.")
    report = PreflightReport(1, 12, 3000, 3, (0.1, 0.2), "2026-01-01", [objection])
    offer = ModelOffer("base-model", "Base", state="available", licence="MIT", has_terms=True, bytes=270_000_000)
    call = RequestCode("http://127.0.0.1:9/v1", "JUKU_KEY", {"model": "base-model", "messages": []})

    def table(folder: Path) -> ImportSource:
        path = folder / "rows.csv"
        path.write_text("frage,antwort,note\nWho?,Three.,x\nWhen?,At ten.,y\n")
        return recognise_all([ImportSource(path, path.name)])[0]

    def first_job(window: MainWindow) -> jobs.Job:
        return jobs.load_all(window.workspace.project.rows)[0]

    def first_fact(window: MainWindow) -> facts.Fact:
        return facts.load(window.workspace.project.rows)[0]

    def names(window: MainWindow) -> set[str]:
        return {fact.name for fact in facts.load(window.workspace.project.rows)[:2]}

    return {
        "ApprovalDialog": lambda w, _f: ApprovalDialog(w.workspace, w),
        "BackupsDialog": lambda w, _f: BackupsDialog(w.workspace, w),
        "BulkDialog": lambda w, _f: BulkDialog(w.workspace, ids, "add_tag", w),
        "BulkDialog of kinds": lambda w, _f: BulkDialog(w.workspace, ids, "kind", w),
        "ChangedSinceDialog": lambda w, _f: ChangedSinceDialog(w.workspace, first_job(w), w),
        "CodeDialog": lambda w, _f: CodeDialog(w.workspace, call, "base-model", w),
        "CommandPalette": lambda w, _f: CommandPalette(w),
        "CorrectionDialog": lambda w, _f: CorrectionDialog(w.workspace, "How many?", "Eleven.", False, w),
        "CrashDialog": lambda w, _f: CrashDialog(w.workspace, w),
        "DocumentImportDialog": lambda w, _f: DocumentImportDialog(Document("# Rules\n\nText.", "Rules", ["a"]), True, w),
        "DomainDialog": lambda w, _f: DomainDialog(w.workspace, Domain("Ferry", "Boats", "nowhere", "m", id=1), w),
        "ExportDialog": lambda w, _f: ExportDialog(w.workspace, Filter(), ids, w),
        "ExportModelDialog": lambda w, _f: ExportModelDialog(w.workspace, "nowhere", exam_rows.TUNED, w),
        "FactLinkDialog": lambda w, _f: FactLinkDialog(w.workspace, w),
        "FactLinkModelDialog": lambda w, _f: FactLinkModelDialog(w.workspace, [1, 2], w),
        "LocalEngineDialog": lambda w, _f: LocalEngineDialog(w.workspace, w),
        "GenerationDialog": lambda w, _f: GenerationDialog(w.workspace, None, w),
        "GenerationDialog of chosen facts": lambda w, _f: GenerationDialog(w.workspace, names(w), w),
        "GenerationDialog of more wordings": lambda w, _f: GenerationDialog(w.workspace, names(w), w, more=True),
        "HoldOutDialog": lambda w, _f: HoldOutDialog(w.workspace, w),
        "ImportDialog": lambda w, folder: ImportDialog(w.workspace, [table(folder)], w),
        "JsonDialog": lambda w, _f: JsonDialog("JSON", '{"messages": []}', parent=w),
        "JudgeDialog": lambda w, _f: JudgeDialog(w.workspace, [1, 2], w),
        "PreflightDialog": lambda w, _f: PreflightDialog(report, "Nowhere", w),
        "ProbeDialog": lambda w, _f: ProbeDialog(w.workspace, w),
        "ProposalDialog": lambda w, _f: ProposalDialog("one\ntwo\n", "one\nthree\n", "base-model", True, w),
        "QuarantineDialog": lambda w, _f: QuarantineDialog(w.workspace, w),
        "RawRepliesDialog": lambda w, _f: RawRepliesDialog([LlmRequest(1, {"fact": "f01"}, replies=["{}"])], w),
        "RefineDialog": lambda w, _f: RefineDialog(w.workspace, w),
        "RemakeDialog": lambda w, _f: RemakeDialog(w.workspace, w),
        "ReplaceDialog": lambda w, _f: ReplaceDialog(w.workspace, Filter(), w),
        "RescueDialog": lambda w, _f: RescueDialog(w.workspace, parent=w),
        "RevisionsDialog": lambda w, _f: RevisionsDialog(w.workspace, w),
        "RouterDialog": lambda w, _f: RouterDialog(w.workspace, w),
        "ServerContentsDialog": lambda w, _f: ServerContentsDialog(w.workspace, parent=w),
        "SettingsDialog": lambda w, _f: SettingsDialog(w.workspace, w),
        "ShortcutsDialog": lambda w, _f: ShortcutsDialog(w),
        "SplitDialog": lambda w, _f: SplitDialog(first_fact(w), w),
        "SweepDialog": lambda w, _f: SweepDialog(
            plan, preset("openai").ranges("supervised"), ["", "plain", "study"], [Version(7, "Before", 0.0, 120)], w
        ),
        "TeachingDialog": lambda w, _f: TeachingDialog(w.workspace, w.training_tab.teaching, w.training_tab),
        "TermsDialog": lambda w, _f: TermsDialog(w, offer, "Base, 270 MB", "The terms.\n" * 9, lambda: None),
        "TokenCountsDialog": lambda w, _f: TokenCountsDialog(w.workspace, Filter(), w),
        "ToolCallDialog": lambda w, _f: ToolCallDialog("Tool calls", "", parent=w),
        "VersionsDialog": lambda w, _f: VersionsDialog(w.workspace, w),
        "WelcomeDialog": lambda w, _f: WelcomeDialog(w.workspace, w),
    }  # fmt: skip


def dialog_names() -> set[str]:
    """The classes whose dialogs are shown."""
    return {name.split()[0] for name in _dialogs()}


def dialog_classes() -> set[str]:
    """The dialogs that the source of the window has, without those that are only a base of others."""
    bases: dict[str, list[str]] = {}
    for path in (ROOT / "ui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [ast.unparse(base) for base in node.bases]

    def is_dialog(name: str) -> bool:
        return name == "QDialog" or any(is_dialog(base) for base in bases.get(name, ()))

    found = {name for name in bases if is_dialog(name)}
    return found - {
        base for name in found for base in bases[name] if base in ("LlmRunDialog", "ModelTaskDialog", "SnapshotsDialog")
    }


async def views(window: MainWindow, folder: Path) -> AsyncIterator[tuple[str, QWidget]]:
    """Each tab with each of its pages, then each dialog with each of its pages: a name, and the window that shows it."""
    await prepare_tabs(window)
    for number, tab in enumerate(window.tab_list):
        window.tabs.setCurrentIndex(number)
        unfold(window)
        async for page in _pages(tab):
            yield f"{type(tab).__name__}{page}", tab
        if tab is window.exam_tab:
            window.exam_tab.new.setChecked(True)
            await settle(window)
            yield "ExamTab/form", tab
    async for name, dialog in dialogs(window, folder):
        yield name, dialog


async def prepare_tabs(window: MainWindow) -> None:
    """Select what fills the tabs: a row, a job, a run."""
    await until(lambda: window.dataset_tab.model.rowCount() > 10)
    await until(lambda: window.exam_tab.result.overview.compared)
    await until(lambda: window.training_tab.table.rowCount())
    basics.select_row(window.dataset_tab.table, 0)
    basics.select_row(window.training_tab.table, 0)
    await settle(window)


def unfold(window: MainWindow) -> None:
    """Show what is folded at first: the filters of the rows, the form of a training."""
    window.dataset_tab.bar.more.setChecked(True)
    window.training_tab.new.setChecked(True)


async def dialogs(window: MainWindow, folder: Path) -> AsyncIterator[tuple[str, QWidget]]:
    """Each dialog with each of its pages."""
    for name, make in _dialogs().items():
        dialog = make(window, folder)
        dialog.open()
        await settle(dialog)
        async for page in _pages(dialog):
            yield f"{name}{page}", dialog
        dialog.done(0)
        await settle(window)
        if shiboken6.isValid(dialog):
            dialog.deleteLater()


async def _pages(whole: QWidget) -> AsyncIterator[str]:
    """Show each page of the tab widgets inside `whole`, one after the other."""
    inner = [tabs for tabs in whole.findChildren(QTabWidget) if tabs.isVisibleTo(whole)]
    await asyncio.sleep(PAUSE)
    if not inner:
        yield ""
    for tabs in inner:
        before = tabs.currentIndex()
        for number in range(tabs.count()):
            tabs.setCurrentIndex(number)
            await settle(whole)
            await asyncio.sleep(PAUSE)
            yield f"/{tabs.tabText(number)}"
        tabs.setCurrentIndex(before)


def shown_children(whole: QWidget) -> Iterator[QWidget]:
    """The widgets inside `whole` that are shown now."""
    return (one for one in whole.findChildren(QWidget) if one.isVisible())
