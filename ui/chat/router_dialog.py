"""The router: which of several fine-tuned models a question goes to, why, and how often that is right."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core.chat import router
from core.chat.router import (
    CALLING,
    NO_DOMAIN,
    OFFLINE,
    ConfusionMatrix,
    Domain,
    OfflineRouter,
    RoutedQuestion,
    RouterChoice,
)
from core.errors import JukuError
from core.language import tr, trn
from core.progress import Reporter
from core.providers import Sampling, chat_messages
from core.storage.project import Changes
from core.storage.schema import Table
from ui import style
from ui.chat.domain_dialog import DomainDialog
from ui.widgets import basics, server_texts
from ui.widgets.chat_model_row import ChatModelRow
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.widgets.tables import TextTable
from ui.workspace import Workspace


class RouterDialog(QDialog):
    """Manages the domains that the router chooses from, tries it out, and examines it. Not modal."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Router"))
        self._workspace = workspace
        self.known_domains: list[Domain] = []
        self._choice: Domain | None = None
        self._work = LatestTask(workspace, self)
        self.note, self.line = basics.Note(), ProgressLine(self._work)
        self._make_domains()
        self._make_ways()
        self._make_try()
        self._make_exam()
        self._lay_out()
        self._connect()
        self._show_buttons()
        self.load()

    def _make_domains(self) -> None:
        self.domains = TextTable(tr("Domains"), [tr("Domain"), tr("About"), tr("Model"), tr("Server")], even=2)
        self.add, self.change, self.remove = (
            QPushButton(text) for text in (tr("&Add…"), tr("&Change…"), tr("&Remove"))
        )

    def _make_ways(self) -> None:
        self.offline = QRadioButton(tr("&Offline: by keywords of the domains"))
        self.calling = QRadioButton(tr("By a chat &model with function calling"))
        self.offline.setChecked(True)
        self.model = ChatModelRow(self._workspace, "router", demanding=False)
        self.model.batch.setParent(None)

    def _make_try(self) -> None:
        self.question, self.ask = QLineEdit(), basics.primary_button(tr("Route"))
        self.question.setPlaceholderText(tr("A question"))
        self.question.setAccessibleName(tr("Question"))
        self.chosen, self.why = basics.heading(""), basics.label(wrap=True, dim=True)
        self._show_domain("")
        self.answer = QPlainTextEdit(readOnly=True)
        self.answer.setAccessibleName(tr("Answer"))
        self.answer.setPlaceholderText(tr("The chosen model's answer appears here."))

    def _make_exam(self) -> None:
        self.examine = QPushButton(tr("&Test the router"))
        self.verdict = basics.label(wrap=True)
        self.table = TextTable(tr("Confusion matrix"), [tr("Correct domain")])
        self.wrong = TextTable(tr("Wrongly routed"), [tr("Question"), tr("Correct domain"), tr("Routed to"), tr("Why")], even=1)  # fmt: skip

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        self.ask.setAutoDefault(False)  # Enter in the field presses it already
        for button in (self.add, self.change, self.remove):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.addStretch()
        ways = QVBoxLayout()
        for part in (self.offline, self.calling, self.model):
            ways.addWidget(part)
        pages = QTabWidget(documentMode=True)
        pages.tabBar().setDrawBase(False)
        pages.addTab(self._build_try_out(), tr("Try it"))
        pages.addTab(self._examining(), tr("Start an exam"))
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.domains, 1)
        layout.addLayout(buttons)
        layout.addLayout(ways)
        layout.addWidget(pages, 2)
        layout.addWidget(self.note)
        below = QHBoxLayout()
        below.addWidget(self.line, 1)
        below.addWidget(basics.close_button_box(self))
        layout.addLayout(below)
        self.resize(style.scaled(820), style.scaled(720))

    def _build_try_out(self) -> QWidget:
        row = QHBoxLayout()
        row.addWidget(self.question, 1)
        row.addWidget(self.ask)
        return basics.column(row, self.chosen, self.why, self.answer)

    def _examining(self) -> QWidget:
        row = QHBoxLayout()
        row.addWidget(self.examine)
        row.addWidget(self.verdict, 1)
        self.examine.setAutoDefault(False)
        return basics.column(row, self.table, self.wrong)

    def _connect(self) -> None:
        self.add.clicked.connect(lambda _checked: self.edit(Domain("", "", "", "")))
        self.change.clicked.connect(lambda _checked: self.edit(self.known_domains[self.domains.line()]))
        self.remove.clicked.connect(lambda _checked: self._on_remove())
        self.domains.chosen.connect(lambda _line: self._show_buttons())
        self.ask.clicked.connect(lambda _checked: self._on_ask())
        self.question.textChanged.connect(lambda _text: self._show_buttons())
        self.question.returnPressed.connect(self.ask.click)
        self.examine.clicked.connect(lambda _checked: self._on_examine())
        for way in (self.offline, self.calling):
            way.toggled.connect(lambda _on: self._show_buttons())
        self.model.changed.connect(self._show_buttons)
        self.finished.connect(lambda _result: self._work.stop())

    def open(self) -> None:
        """Not modal, as `QDialog.open` would be."""
        self.show()

    def routing_method(self) -> str:
        """How a question is routed: by a call of a model, or offline."""
        return CALLING if self.calling.isChecked() else OFFLINE

    def load(self) -> None:
        """Read the domains from the project; stopped when the dialog is closed."""
        loading = self._workspace.tasks.start("", self._load(), self)
        self.finished.connect(lambda _result: loading.cancel())  # it may be closed before it has them

    async def _load(self) -> None:
        project, way = self._workspace.project, self.routing_method()
        self.known_domains, found = await project.read(
            lambda db: (router.load_domains(db), router.load_last_results(db, way))
        )
        lines = [
            (
                one.name,
                one.description,
                basics.short_model_name(one.model),
                server_texts.server_title(self._workspace, one.provider),
            )
            for one in self.known_domains
        ]
        self.domains.show_lines(lines, tr("No domains yet"), tr("Each fine-tuned model handles one domain. Add "
                                                                "what it was taught, ideally its project, and "
                                                                "each question is routed to the model of its "
                                                                "domain."))  # fmt: skip
        self._show_result(found)
        self._show_buttons()

    def _show_buttons(self) -> None:
        able = bool(self.known_domains) and (self.offline.isChecked() or bool(self.model.model_id()))
        self.model.setVisible(self.calling.isChecked())
        for button in (self.change, self.remove):
            button.setEnabled(self.domains.line() >= 0)
        reason = "" if able else tr("Choose a model.") if self.known_domains else tr("Add a domain first.")
        basics.set_enabled(self.ask, reason or ("" if self.question.text().strip() else tr("Enter a question.")))
        sources = any(one.source for one in self.known_domains)
        basics.set_enabled(
            self.examine, reason or ("" if sources else tr("None of the domains has a project with questions."))
        )

    def edit(self, domain: Domain) -> None:
        """Open a dialog for `domain`, and save it when the dialog is accepted."""
        dialog = DomainDialog(self._workspace, domain, self)
        dialog.decided.connect(lambda edited: self._workspace.tasks.start("", self._store(edited)))
        dialog.open()

    async def _store(self, domain: Domain) -> Changes:
        if any(one.name == domain.name and one.id != domain.id for one in self.known_domains):
            raise JukuError(tr("The domain “{name}” already exists", name=domain.name), tr("Choose another name."))
        changes = await self._workspace.project.write("", router.store, domain)
        await self._load()
        return changes

    def _on_remove(self) -> None:
        self._workspace.tasks.start("", self._remove(self.known_domains[self.domains.line()].id))

    async def _remove(self, id: int) -> Changes:
        changes = await self._workspace.project.write("", router.delete, id)
        await self._load()
        return changes

    async def _build_chooser(self) -> router.Choose:
        """What passes a question on, in the chosen way."""
        if self.routing_method() == OFFLINE:
            return OfflineRouter(self.known_domains).choose
        provider, model, known = (
            await self._workspace.provider(self.model.provider()),
            self.model.model_id(),
            self.known_domains,
        )

        async def choose(question: str) -> RouterChoice:
            return await router.choose_by_function_call(provider, model, known, question)

        return choose

    def _on_ask(self) -> None:
        question = self.question.text().strip()
        self.note.show_text("")
        self.answer.clear()
        self._show_domain(tr("Choosing…"))
        self._work.start(lambda _reporter: self._ask(question))

    async def _ask(self, question: str) -> None:
        try:
            choice = await (await self._build_chooser())(question)
            self._show_choice(choice)
            if domain := next((one for one in self.known_domains if one.name == choice.domain), None):
                provider = await self._workspace.provider(domain.provider)
                messages = chat_messages(domain.system_prompt, question)
                await provider.chat(domain.model, messages, Sampling(), lambda _index, text: self._append(text))
        except JukuError as error:
            self._fail(error)

    def _append(self, text: str) -> None:
        cursor = self.answer.textCursor()
        cursor.movePosition(cursor.MoveOperation.End)
        cursor.insertText(text)

    def _show_choice(self, choice: RouterChoice) -> None:
        shares = " · ".join(f"{name} {share:.0%}" for name, share in choice.scores.items())
        domain = choice.domain if choice.domain != NO_DOMAIN else tr("None of these")
        self._show_domain(domain, "\n".join(filter(None, (choice.reason, shares))))

    def _show_domain(self, domain: str, why: str = "") -> None:
        for label, text in ((self.chosen, domain), (self.why, why)):
            label.setText(text)
            label.setVisible(bool(text))

    def _fail(self, error: JukuError) -> None:
        self._show_domain("")
        self.note.show_text("\n".join(filter(None, (error.title, error.message))), "error")

    def _on_examine(self) -> None:
        self.note.show_text("")
        self._work.start(self._examine, tr("Testing the router"))

    async def _examine(self, reporter: Reporter) -> Changes | None:
        try:
            asked = router.load_test_questions(self.known_domains)
            found = await router.measure_routing(
                self._workspace.project, await self._build_chooser(), self.routing_method(), asked, reporter
            )
        except JukuError as error:
            self._fail(error)
            return None
        self._show_result(found)
        return Changes("", records={Table.ROUTE})

    def _show_result(self, found: Sequence[RoutedQuestion]) -> None:
        table = router.count_confusions(self.known_domains, found)
        names = [name or tr("None of these") for name in table.names]
        self.table.name_columns([tr("Correct domain"), *names])
        lines = [
            (name, *(str(count or "") for count in counts)) for name, counts in zip(names, table.counts, strict=True)
        ]
        self.table.show_lines(lines if found else [], tr("No exam yet"), tr("The exam questions of each domain's "
                                                                            "project, and general questions that "
                                                                            "belong to none, are routed and "
                                                                            "counted."))  # fmt: skip
        self._colour_cells(table)
        wrong = [one for one in found if one.wanted != one.chosen]
        none = tr("None of these")
        self.wrong.show_lines(
            [(one.question, one.wanted or none, one.chosen or none, one.reason) for one in wrong],
            tr("None") if found else "", tr("Every question was routed to the right domain.") if found else "",
        )  # fmt: skip
        share = f"{table.right / table.total:.0%}" if table.total else ""
        self.verdict.setText(trn("{right} of {n} question was routed to the right domain ({share}).",
                                 "{right} of {n} questions were routed to the right domain ({share}).", table.total, right=table.right,
                                 share=share) if found else "")  # fmt: skip

    def _colour_cells(self, table: ConfusionMatrix) -> None:
        for row, counts in enumerate(table.counts):
            for column, count in enumerate(counts):
                if count and self.table.table.rowCount():
                    self.table.colour(row, column + 1, style.colours("good" if row == column else "error")[0])
