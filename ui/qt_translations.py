"""Qt's own texts (Open, Cancel, …) in the screen's language: from Qt's catalog, and from Juku's for what that lacks."""

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from core.language import tr


class QtTextTranslator(QTranslator):
    """Translates Qt's own texts where Qt's catalog does not, because it is older or was left out of a bundle."""

    def __init__(self, parent: QApplication) -> None:
        super().__init__(parent)
        self._words = _texts()

    def isEmpty(self) -> bool:
        return False

    def translate(self, context: str, source: str, disambiguation: str | None = None, n: int = -1) -> str:
        return self._words.get((context, source), "")


def translate(app: QApplication, chosen: str) -> None:
    """Speak `chosen`, 'en' or 'ja', from now on; dates and numbers, too."""
    QLocale.setDefault(QLocale(chosen))
    for before in app.findChildren(QTranslator):  # of another language
        app.removeTranslator(before)
        before.deleteLater()
    if chosen == "en":
        return
    app.installTranslator(QtTextTranslator(app))  # the newest is asked first
    translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if translator.load(QLocale(chosen), "qtbase", "_", folder):
        app.installTranslator(translator)


def _texts() -> dict[tuple[str, str], str]:
    """What we say for Qt's texts, by context and text; the window uses no others of those that can be missing."""
    theme = {
        "OK": "OK", "Cancel": tr("Cancel"), "Close": tr("Close"), "Save": tr("Save"), "Open": tr("Open"),
        "&Yes": tr("&Yes"), "&No": tr("&No"), "Discard": tr("Discard"),
    }  # fmt: skip
    dialog = {
        "&Look in:": tr("&Look in:"), "Look in:": tr("&Look in:"), "&File name:": tr("&File name:"),
        "File &name:": tr("&File name:"), "Files of &type:": tr("Files of &type:"), "Directory:": tr("Folder:"),
        "&Open": tr("&Open"), "&Save": tr("&Save"), "&Choose": tr("&Choose"),
    }  # fmt: skip
    kinds = {"Drive": tr("Drive"), "Folder": tr("Folder"), "File": tr("File"), "Unknown": tr("Unknown"),
             "File Folder": tr("Folder"), "%1 File": tr("%1 file")}  # fmt: skip
    field = {
        "&Undo": tr("&Undo"), "&Redo": tr("&Redo"), "Cu&t": tr("Cu&t"), "&Copy": tr("&Copy"), "&Paste": tr("&Paste"),
        "Delete": tr("Delete"), "Select All": tr("Select all"),
    }  # fmt: skip
    contexts = {
        "QPlatformTheme": theme, "QDialogButtonBox": theme, "QFileDialog": dialog, "QAbstractFileIconProvider": kinds,
        "QWidgetTextControl": field, "QLineEdit": field,
    }  # fmt: skip
    return {(context, text): ours for context, words in contexts.items() for text, ours in words.items()}
