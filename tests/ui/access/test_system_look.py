"""What the desktop changes while the program runs is followed: colours, contrast, accent, and the size of its font."""

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from tests.support.until import until
from ui import style, system_look
from ui.system_look import SystemLook


@pytest.fixture
def look(qapp, dressed):
    style.apply(qapp, "")
    look = SystemLook(qapp)
    yield look
    look.deleteLater()


def test_a_change_of_the_scheme_colours_everything_anew(run, qapp, look):
    """Through Qt's own signal. The offscreen platform has no scheme: the theme stands in for what the desktop has then."""

    async def go():
        for theme, scheme, palette in (
            ("dark", Qt.ColorScheme.Dark, style.DARK),
            ("light", Qt.ColorScheme.Light, style.LIGHT),
        ):
            qapp.setProperty(style.THEME, theme)
            qapp.styleHints().colorSchemeChanged.emit(scheme)
            await until(lambda palette=palette: style.base_colour().name() == palette["Base"])

    run(go())


def test_a_chosen_theme_stays_whatever_the_desktop_does(run, qapp, look):
    style.apply(qapp, "light")
    look.apply()
    assert qapp.palette().color(QPalette.ColorRole.Base).name() == style.LIGHT["Base"]


def test_a_desktop_without_an_accent_leaves_ours(qapp, look):
    look.apply()
    assert style.system_accent() is None
    assert style.accent().name() == style.LIGHT["Accent"]


def test_the_accent_of_the_desktop_is_used_in_readable_shades(qapp, look):
    qapp.setProperty(style.SYSTEM_ACCENT, "#ffff00")
    style.refresh(qapp)
    accent = style.accent()
    assert accent.hslHue() == QColor("#ffff00").hslHue()
    assert style.contrast_ratio(accent, style.base_colour()) >= style.EDGE_CONTRAST


def test_another_font_of_the_desktop_is_told(run, qapp, qtbot, look, monkeypatch):
    """Told to each window as a change of its theme."""
    told, window = [], QWidget()
    qtbot.addWidget(window)
    look.watch(window)
    look.font_changed.connect(lambda: told.append(True))
    larger = QFont(system_look.system_font())
    larger.setPointSizeF(larger.pointSizeF() * 2)

    async def go():
        monkeypatch.setattr(system_look, "system_font", lambda: larger)
        QApplication.sendEvent(window, QEvent(QEvent.Type.ThemeChange))
        await until(lambda: told)

    run(go())


def test_high_contrast_is_stronger_than_the_usual_palettes():
    for usual, strong in zip((style.LIGHT, style.DARK), style.HIGH_CONTRAST, strict=True):
        for text, ground in (
            ("Text", "Base"),
            ("PlaceholderText", "Base"),
            ("PlaceholderText", "Window"),
            ("Mid", "Base"),
        ):
            merged = usual | strong
            least = 7.0 if text != "Mid" else 3.0
            assert style.contrast_ratio(QColor(merged[text]), QColor(merged[ground])) >= least, (text, ground)
