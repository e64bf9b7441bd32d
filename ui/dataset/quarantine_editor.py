"""The editor of one quarantined line: its text or its bytes, the problems, and the button that adds it."""

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from core import checks
from core.dataset import quarantine, row_json
from core.dataset.quarantine import UnreadLine
from core.language import tr
from ui import style
from ui.widgets import basics
from ui.widgets.drop_down import DropDown
from ui.widgets.json_dialog import format_problem, mark_json_error
from ui.widgets.text_fields import document_text
from ui.workspace import Workspace

ENCODINGS = ("utf-8", "cp932", "euc-jp", "iso-2022-jp", "cp1252", "cp1251", "utf-16-le", "utf-16-be")
MAX_HEX_BYTES = 64 * 1024  # bytes that are shown as such
MAX_EDITED_BYTES = 1024 * 1024  # bytes of a line that a text field still takes at once
HEX_BYTES_PER_LINE = 16  # bytes in a row


class QuarantineEditor(QWidget):
    """Edits one line that could not be read.

    What was typed into others is kept until they are added or `forget` is called.
    """

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.entry: UnreadLine | None = None
        self._wanted: int | None = None
        self._drafts: dict[int, str] = {}
        self._place = basics.label(wrap=True)
        self.encoding_box = DropDown()
        self.encoding_box.setAccessibleName(tr("Encoding of the bytes"))
        self.encoding_box.addItems(ENCODINGS)
        self.encoding_box.activated.connect(lambda _index: self._on_encoding())
        self.bytes_box = QCheckBox(tr("Bytes"))
        self.bytes_box.toggled.connect(lambda _on: self._show_view())
        self.text, self.hex = _build_field(tr("The line's text")), _build_field(tr("The line's bytes"))
        self.hex.setReadOnly(True)
        self.text.textChanged.connect(self._on_text)
        self.state_note = basics.Note()
        self._mend = QPushButton(tr("Fix"))
        self._mend.clicked.connect(self._on_mend)
        self.put_back = basics.primary_button(tr("Import the line"))
        self.put_back.clicked.connect(self._on_put_back)
        self._lay_out()
        self.show_line(None)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._place, 1)
        head.addWidget(basics.label(tr("Encoding"), dim=True))
        head.addWidget(self.encoding_box)
        head.addWidget(self.bytes_box)
        foot = QHBoxLayout()
        foot.addWidget(self.state_note, 1)
        for button in (self._mend, self.put_back):
            button.setAutoDefault(False)
            foot.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, style.SPACE // 2, 0, 0)
        column.setSpacing(style.SPACE // 2)
        column.addLayout(head)
        column.addWidget(self.text, 1)
        column.addWidget(self.hex, 1)
        column.addLayout(foot)

    def drafts(self) -> int:
        """How many lines were edited and not added."""
        self._keep_draft()
        return len(self._drafts)

    def forget(self) -> None:
        """Drop what was typed and not saved."""
        self._drafts.clear()
        self.entry = None

    def show_line(self, id: int | None) -> None:
        """Show the line `id`, read in another thread."""
        if id is not None and self.entry is not None and id == self.entry.id:
            return
        self._keep_draft()
        self._wanted, self.entry = id, None
        self.setEnabled(False)
        if id is None:
            self._show()
        else:
            self._workspace.tasks.start("", self._load(id), self)

    async def _load(self, id: int) -> None:
        found = await self._workspace.project.read(quarantine.fetch, [id])
        if id == self._wanted:
            self.entry = found.get(id)
            self._show()

    def _show(self) -> None:
        entry = self.entry
        self.setEnabled(entry is not None)
        self._place.setText(
            tr("{file}, line {line}: {reason}", file=entry.source, line=f"{entry.line:,}", reason=entry.message)
            if entry
            else ""
        )
        with QSignalBlocker(self.encoding_box):
            self.encoding_box.setCurrentText("utf-8")
        self._fill(self._drafts.get(entry.id, self._read()) if entry else "")
        self._show_view()

    def _fill(self, text: str) -> None:
        self.text.setPlainText(text)
        self._unread = document_text(self.text.document()) if self.entry and self.entry.id not in self._drafts else None
        editable = self.entry is not None and self._is_whole(self.entry)
        self.text.setReadOnly(not editable)
        self._check()

    def _is_whole(self, entry: UnreadLine) -> bool:
        return entry.length == len(entry.raw) and len(entry.raw) <= MAX_EDITED_BYTES

    def _read(self) -> str:
        """The bytes as text in the chosen encoding; bytes that do not fit are shown as \\xNN."""
        assert self.entry is not None
        return self.entry.raw[:MAX_EDITED_BYTES].decode(self.encoding_box.currentText(), "backslashreplace")

    def _keep_draft(self) -> None:
        if self.entry is None:
            return
        typed = document_text(self.text.document())
        if typed != self._unread:
            self._drafts[self.entry.id] = typed

    def _on_encoding(self) -> None:
        if self.entry is not None:
            self._drafts.pop(self.entry.id, None)
            self._fill(self._read())

    def _on_text(self) -> None:
        self._check()

    def _edited_text(self) -> str:
        return row_json.join_json_lines(document_text(self.text.document()))

    def _check(self) -> None:
        entry = self.entry
        if entry is None:
            self.state_note.show_text("")
            self._mend.hide()
            self.put_back.setEnabled(False)
            return
        if not self._is_whole(entry):
            self._show_too_long(entry)
            return
        typed = document_text(self.text.document())
        checked = checks.check_line(typed.encode("utf-8", "surrogatepass"))
        writable = not self._workspace.project.read_only
        locked = "" if writable else tr("The project is read-only.")
        basics.set_enabled(self.put_back, locked if checked.text is not None else tr("Fix the errors first."))
        self._mend.setVisible(checked.text is None and quarantine.repair_line(entry) is not None)
        mark_json_error(self.text, typed if checked.text is None else "")
        found = [format_problem(problem, typed) for problem in checked.problems[:3]]
        if typed == self._unread and checked.text is None and self.encoding_box.currentText() == "utf-8":
            found = [entry.message]  # for bytes that are not UTF-8, their replacements would be reported
        worst = "error" if any(problem.severity == "error" for problem in checked.problems) else "warning"
        self.state_note.show_text(
            "\n".join(found) or tr("This row has no errors: import it."), worst if found else "good"
        )

    def _show_too_long(self, entry: UnreadLine) -> None:
        self.put_back.setEnabled(False)
        self._mend.hide()
        size = basics.format_bytes(entry.length)
        words = tr("The line is {size} long: only its beginning is shown. Fix it in its file.", size=size)
        self.state_note.show_text(words, "warning")

    def _show_view(self) -> None:
        bytes_wanted = self.bytes_box.isChecked()
        self.text.setVisible(not bytes_wanted)
        self.hex.setVisible(bytes_wanted)
        self.encoding_box.setEnabled(not bytes_wanted)
        if bytes_wanted:
            self.hex.setPlainText(hex_dump(self.entry.raw[:MAX_HEX_BYTES]) if self.entry else "")

    def _on_mend(self) -> None:
        if self.entry is not None and (mended := quarantine.repair_line(self.entry)) is not None:
            self.text.setPlainText(mended)

    def _on_put_back(self) -> None:
        assert self.entry is not None
        id, typed = self.entry.id, self._edited_text()
        self._drafts.pop(id, None)
        self._unread = document_text(self.text.document())  # handed over: no draft any more
        label = tr("Import a fixed line")
        self._workspace.tasks.start("", self._workspace.project.write(label, quarantine.repair, id, typed))


def hex_dump(raw: bytes) -> str:
    """A hex dump: offset, bytes, and ASCII characters."""
    lines = []
    for at in range(0, len(raw), HEX_BYTES_PER_LINE):
        part = raw[at : at + HEX_BYTES_PER_LINE]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part)
        lines.append(f"{at:08x}  {part.hex(' '):<{3 * HEX_BYTES_PER_LINE}} {letters}")
    return "\n".join(lines)


def _build_field(name: str) -> QPlainTextEdit:
    field = QPlainTextEdit(tabChangesFocus=True)
    field.setFont(style.fixed_font())
    field.setAccessibleName(name)
    return field
