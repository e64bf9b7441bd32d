"""The editor of one quarantined line: its text or its bytes, the problems, and the button that adds it."""

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QFontDatabase
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
        self._entry: UnreadLine | None = None
        self._wanted: int | None = None
        self._drafts: dict[int, str] = {}
        self._place = basics.label(wrap=True)
        self._encoding = DropDown()
        self._encoding.setAccessibleName(tr("Encoding of the bytes"))
        self._encoding.addItems(ENCODINGS)
        self._encoding.activated.connect(lambda _index: self._on_encoding())
        self._bytes = QCheckBox(tr("Bytes"))
        self._bytes.toggled.connect(lambda _on: self._show_view())
        self.text, self.hex = _build_field(tr("The line's text")), _build_field(tr("The line's bytes"))
        self.hex.setReadOnly(True)
        self.text.textChanged.connect(self._on_text)
        self._state = basics.Note()
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
        head.addWidget(self._encoding)
        head.addWidget(self._bytes)
        foot = QHBoxLayout()
        foot.addWidget(self._state, 1)
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
        self._entry = None

    def show_line(self, id: int | None) -> None:
        """Show the line `id`, read in another thread."""
        if id is not None and self._entry is not None and id == self._entry.id:
            return
        self._keep_draft()
        self._wanted, self._entry = id, None
        self.setEnabled(False)
        if id is None:
            self._show()
        else:
            self._workspace.tasks.start("", self._load(id), self)

    async def _load(self, id: int) -> None:
        found = await self._workspace.project.read(quarantine.fetch, [id])
        if id == self._wanted:
            self._entry = found.get(id)
            self._show()

    def _show(self) -> None:
        entry = self._entry
        self.setEnabled(entry is not None)
        self._place.setText(
            tr("{file}, line {line}: {reason}", file=entry.source, line=f"{entry.line:,}", reason=entry.message)
            if entry
            else ""
        )
        with QSignalBlocker(self._encoding):
            self._encoding.setCurrentText("utf-8")
        self._fill(self._drafts.get(entry.id, self._read()) if entry else "")
        self._show_view()

    def _fill(self, text: str) -> None:
        self.text.setPlainText(text)
        self._unread = (
            document_text(self.text.document()) if self._entry and self._entry.id not in self._drafts else None
        )
        editable = self._entry is not None and self._is_whole(self._entry)
        self.text.setReadOnly(not editable)
        self._check()

    def _is_whole(self, entry: UnreadLine) -> bool:
        return entry.length == len(entry.raw) and len(entry.raw) <= MAX_EDITED_BYTES

    def _read(self) -> str:
        """The bytes as text in the chosen encoding; bytes that do not fit are shown as \\xNN."""
        assert self._entry is not None
        return self._entry.raw[:MAX_EDITED_BYTES].decode(self._encoding.currentText(), "backslashreplace")

    def _keep_draft(self) -> None:
        if self._entry is None:
            return
        typed = document_text(self.text.document())
        if typed != self._unread:
            self._drafts[self._entry.id] = typed

    def _on_encoding(self) -> None:
        if self._entry is not None:
            self._drafts.pop(self._entry.id, None)
            self._fill(self._read())

    def _on_text(self) -> None:
        self._check()

    def _edited_text(self) -> str:
        return row_json.join_json_lines(document_text(self.text.document()))

    def _check(self) -> None:
        entry = self._entry
        if entry is None:
            self._state.show_text("")
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
        if typed == self._unread and checked.text is None and self._encoding.currentText() == "utf-8":
            found = [entry.message]  # for bytes that are not UTF-8, their replacements would be reported
        worst = "error" if any(problem.severity == "error" for problem in checked.problems) else "warning"
        self._state.show_text("\n".join(found) or tr("This row has no errors: import it."), worst if found else "good")

    def _show_too_long(self, entry: UnreadLine) -> None:
        self.put_back.setEnabled(False)
        self._mend.hide()
        size = basics.format_bytes(entry.length)
        words = tr("The line is {size} long: only its beginning is shown. Fix it in its file.", size=size)
        self._state.show_text(words, "warning")

    def _show_view(self) -> None:
        bytes_wanted = self._bytes.isChecked()
        self.text.setVisible(not bytes_wanted)
        self.hex.setVisible(bytes_wanted)
        self._encoding.setEnabled(not bytes_wanted)
        if bytes_wanted:
            self.hex.setPlainText(hex_dump(self._entry.raw[:MAX_HEX_BYTES]) if self._entry else "")

    def _on_mend(self) -> None:
        if self._entry is not None and (mended := quarantine.repair_line(self._entry)) is not None:
            self.text.setPlainText(mended)

    def _on_put_back(self) -> None:
        assert self._entry is not None
        id, typed = self._entry.id, self._edited_text()
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
    field.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    field.setAccessibleName(name)
    return field
