"""How Juku looks: one palette for light, one for dark, and the few rules Qt's Fusion style needs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from core.paths import RESOURCES

ACCENT = "#0c756b"
THEME = "theme"  # the application's property that holds what was chosen
TEXT_SIZE = "text_size"  # the application's property with the chosen size of texts, in per cent of the system's
ICON_SIZE, BOX_SIZE, ARROW_SIZE = 16, 14, 10  # pixels of icons, of what can be ticked, and of arrows
SYSTEM_ACCENT = "system_accent"  # the application's property with the desktop's accent colour; '' for none
ROUNDING = 0.03  # of a contrast, when a shade becomes eight bits
TINT_SHARE = 0.18  # of the accent in the ground of what is chosen
TINT_TEXT_CONTRAST = 9.0  # of the text on that ground, so that coloured texts can be read there, too
QT_ACCENT = "#308cc6"  # Qt's own accent, where the desktop has none
TEXT_CONTRAST, EDGE_CONTRAST = 4.5, 3.0  # WCAG 2.2 AA: of texts, and of edges, marks and large texts
TEXT_SIZES = (80, 90, 100, 110, 125, 150, 175, 200)  # per cent of the system's, as they can be chosen
NORMAL_TEXT_SIZE = 100
SPACE = 12  # pixels between things that do not belong together; half of it between those that do
HAIR = 2  # pixels between lines that are read as one
RADIUS, SMALL_RADIUS = 5, 3  # pixels: of what holds texts and fields, and of chips and boxes
TEXT_WIDTH = 560  # pixels that a text on its own is wide at most, so that its lines can be followed
CELL_PADDING = 5  # pixels that the texts of a table begin later than Qt makes them, under their headings
FIELD_INSET = (
    5  # pixels that the text of a field of several lines begins later than Qt makes it, as in those of one line
)
BAR_HEIGHT = 6  # pixels of a bar of progress
HEADING, HEADLINE, DISPLAY = (
    1.1,
    1.25,
    1.6,
)  # sizes of letters, of the body's: titles, the one result of a page, a drop target
SERIES = ("#0f8a7e", "#cc6f06", "#6d5bd0", "#c2410c")  # told apart also by people who see red and green alike

# Texts are readable on their grounds (4.5 : 1), edges and rings can be told from theirs (3 : 1); a test measures both.
# Chosen text is not quite white on light: white letters on a dark ground look bolder than dark ones on white.
LIGHT = {
    "Window": "#f5f6f7", "WindowText": "#1c2430", "Base": "#ffffff", "AlternateBase": "#f8f9fa", "Text": "#1c2430",
    "Button": "#ffffff", "ButtonText": "#1c2430", "ToolTipBase": "#1c2430", "ToolTipText": "#ffffff",
    "PlaceholderText": "#626c7a", "Highlight": "#0a5f57", "HighlightedText": "#e3f0ee", "Link": "#0b6b62", "Mid": "#d5d9de",
    "LinkVisited": "#0b6b62", "Accent": ACCENT, "Light": "#ffffff", "Midlight": "#e6e9ed", "Dark": "#868e99", "Shadow": "#626c7a",
}  # fmt: skip
DARK = {
    "Window": "#1b1f24", "WindowText": "#e6e9ed", "Base": "#14171b", "AlternateBase": "#191d22", "Text": "#e6e9ed",
    "Button": "#262b32", "ButtonText": "#e6e9ed", "ToolTipBase": "#e6e9ed", "ToolTipText": "#14171b",
    "PlaceholderText": "#98a2b0", "Highlight": "#12796f", "HighlightedText": "#ffffff", "Link": "#4fd1c5", "Mid": "#3a414a",
    "LinkVisited": "#4fd1c5", "Accent": "#1f9e92", "Light": "#3a414a", "Midlight": "#30363e", "Dark": "#7d8590", "Shadow": "#0c0e11",
}  # fmt: skip
# What the palette has no role for: the ring of what has the focus, that of the primary button, and the ground of what is checked.
FOCUS_RINGS = (ACCENT, "#2aa89b")
PRIMARY_RINGS = ("#0b0f15", "#e6e9ed")
SELECTION_TINTS = ("#e2f1ee", "#173a37")

# What the palette is changed to where the desktop asks for high contrast.
HIGH_CONTRAST = (
    {
        "Window": "#ffffff", "Base": "#ffffff", "AlternateBase": "#ffffff", "WindowText": "#000000", "Text": "#000000",
        "ButtonText": "#000000", "PlaceholderText": "#3a3f47", "Mid": "#5b626c", "Dark": "#000000", "Midlight": "#c4c9d0",
        "ToolTipBase": "#000000",
    },
    {
        "Window": "#000000", "Base": "#000000", "AlternateBase": "#000000", "Button": "#000000", "WindowText": "#ffffff",
        "Text": "#ffffff", "ButtonText": "#ffffff", "PlaceholderText": "#c9d0da", "Mid": "#8b939e", "Dark": "#ffffff",
        "ToolTipBase": "#ffffff", "ToolTipText": "#000000",
    },
)  # fmt: skip

# What colours mean, by light and dark: (text, background)
MEANINGS = {
    "error": (("#9f1d1d", "#fdecec"), ("#ffb4b4", "#4a1f1f")),
    "warning": (("#8a5200", "#fff4de"), ("#ffd28a", "#45330f")),
    "good": (("#0b6b3a", "#e3f6ea"), ("#8fe3b4", "#123d27")),
    "note": (("#0b5a6b", "#e2f3f7"), ("#9bdcec", "#123640")),
}

SHEET = """
QTabWidget::pane {{ border: 0; border-top: 1px solid {mid}; }}
QTabBar::tab {{ padding: 9px 18px; border: 0; border-bottom: 3px solid transparent; }}
QTabBar::tab:selected {{ border-bottom-color: {accent}; font-weight: 600; }}
QTabBar::tab:hover:!selected {{ border-bottom-color: {mid}; }}
QPushButton {{ padding: 5px 14px; border: 1px solid {mid}; border-radius: {radius}px; background: {button}; }}
QPushButton:hover {{ border-color: {accent}; }}
QPushButton:pressed {{ background: {tint}; border-color: {link}; }}
QPushButton:disabled {{ color: {placeholder}; }}
QPushButton[primary="true"] {{ background: {fill}; color: white; border-color: {fill}; font-weight: 600; }}
QPushButton[primary="true"]:pressed {{ background: {highlight}; border-color: {highlight}; }}
QPushButton[primary="true"]:disabled {{ background: {window}; border-color: {mid}; color: {placeholder}; }}
QPushButton:checked {{ border-color: {link}; background: {tint}; color: {link}; }}
QToolButton[step="true"] {{ padding: 3px 8px; border: 1px solid transparent; border-radius: {radius}px; }}
QToolButton[step="true"]:hover {{ border-color: {mid}; }}
QToolButton[step="true"]:checked {{ border-color: {link}; background: {tint}; color: {link}; font-weight: 600; }}
QToolButton[step="true"]:focus {{ border-color: {ring}; }}
QToolButton[disclosure="true"] {{ padding: 1px 6px; border: 1px solid transparent; border-radius: {radius}px; background: transparent; }}
QToolButton[disclosure="true"]:hover {{ border-color: {mid}; }}
QToolButton[disclosure="true"]:focus {{ border-color: {ring}; }}
QPushButton:focus {{ border: 2px solid {ring}; padding: 4px 13px; }}
QPushButton[primary="true"]:focus {{ border-color: {primaryring}; }}
QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox {{ padding: 4px 7px; border: 1px solid {dark}; border-radius: {radius}px; background: {base}; }}
QSpinBox, QDoubleSpinBox {{ padding: 3px 7px 2px 7px; }}
QPlainTextEdit, QTextEdit, QTableView, QListView, QTreeView {{ border: 1px solid {mid}; border-radius: {radius}px; background: {base}; }}
QPlainTextEdit[readOnly="false"], QTextEdit[readOnly="false"] {{ border-color: {dark}; }}
QLineEdit:disabled, QPlainTextEdit:disabled, QTextEdit:disabled, QComboBox:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled {{ border-color: {mid}; }}
QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus {{ border: 2px solid {ring}; padding: 3px 6px; }}
QSpinBox:focus, QDoubleSpinBox:focus {{ padding: 2px 6px 1px 6px; }}
QPlainTextEdit:focus, QTextEdit:focus, QTableView:focus, QListView:focus, QTreeView:focus {{ border-color: {ring}; }}
QTableView, QListView, QTreeView {{ outline: 1px solid {ring}; }}
QTableView::item {{ padding: 0 {cellpadding}px; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox QAbstractItemView {{ border: 1px solid {dark}; border-radius: 0; padding: 2px; outline: 0; color: {text}; background: {base};
    selection-color: {highlightedtext}; selection-background-color: {highlight}; }}
QComboBox::drop-down {{ border: 0; width: {dropdown}px; }}
QComboBox::down-arrow {{ image: url({icons}/arrow-down.svg); width: {arrow}px; height: {arrow}px; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: 0; width: {updown}px; }}
QAbstractSpinBox::up-arrow {{ image: url({icons}/arrow-up.svg); width: {arrow}px; height: {arrow}px; }}
QAbstractSpinBox::down-arrow {{ image: url({icons}/arrow-down.svg); width: {arrow}px; height: {arrow}px; }}
QCheckBox::indicator, QListView::indicator, QTableView::indicator, QTreeView::indicator {{ width: {box}px; height: {box}px; border: 1px solid {placeholder}; border-radius: {smallradius}px; background: {base}; }}
QCheckBox::indicator:checked, QListView::indicator:checked, QTableView::indicator:checked, QTreeView::indicator:checked {{ background: {accent}; border-color: {accent}; image: url({icons}/check.svg); }}
QCheckBox::indicator:indeterminate, QTreeView::indicator:indeterminate {{ background: {accent}; border-color: {accent}; image: url({icons}/dash.svg); }}
QCheckBox::indicator:focus {{ border: 2px solid {ring}; width: {inner}px; height: {inner}px; }}
QCheckBox::indicator:checked:focus {{ border-color: {windowtext}; }}
QCheckBox::indicator:disabled {{ border-color: {mid}; }}
QRadioButton::indicator {{ width: {box}px; height: {box}px; border: 1px solid {placeholder}; border-radius: {round}px; background: {base}; }}
QRadioButton::indicator:checked {{ border: {dot}px solid {accent}; width: {dotted}px; height: {dotted}px; }}
QRadioButton::indicator:focus {{ border: 2px solid {ring}; width: {inner}px; height: {inner}px; }}
QRadioButton::indicator:checked:focus {{ border: {focusdot}px solid {ring}; width: {focusdotted}px; height: {focusdotted}px; }}
QRadioButton::indicator:disabled {{ border-color: {mid}; }}
QHeaderView::section {{ padding: 6px 8px; border: 0; border-bottom: 1px solid {mid}; background: {window}; font-weight: 600; }}
QTableView {{ gridline-color: transparent; }}
QTableCornerButton::section {{ border: 0; border-bottom: 1px solid {mid}; background: {window}; }}
QPushButton, QToolButton, QTabBar, QListView, QTreeView, QTableView, QComboBox, QMenu {{ icon-size: {icon}px; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QSplitter::handle {{ background: transparent; }}
QMenu {{ border: 1px solid {dark}; }}
QMenu::item {{ padding: {menugap}px {menuend}px {menugap}px {menustart}px; background: transparent; }}
QMenu::item:selected {{ background: {highlight}; color: {highlightedtext}; }}
QMenu::item:disabled {{ background: transparent; color: {placeholder}; }}
QMenu::separator {{ height: 1px; margin: {menugap}px 0; background: {mid}; }}
QMenu::indicator {{ width: {box}px; height: {box}px; left: {menugap}px; border: 0; background: transparent; }}
QMenu::indicator:checked {{ border-radius: {smallradius}px; background: {accent}; image: url({icons}/check.svg); }}
QStatusBar {{ border-top: 1px solid {mid}; }}
QStatusBar::item {{ border: 0; }}
QToolTip {{ padding: 4px; border: 0; color: {tooltiptext}; background: {tooltipbase}; }}
"""

# The looks of single widgets that the sheet above cannot tell apart.
LINK_SHEET = """QToolButton { border: 0; padding: 2px 0; color: palette(link); background: transparent; }
QToolButton:hover, QToolButton:focus { text-decoration: underline; }"""
NO_MENU_ARROW_SHEET = "QToolButton::menu-indicator { image: none; }"  # where the text says that something follows
NO_MENU_ARROW_BUTTON_SHEET = "QPushButton::menu-indicator { image: none; width: 0; }"
BARE_LIST_SHEET = "QListWidget { border: 0; background: transparent; }"  # entries that belong to the page, not to a box
ROOMY_LIST_SHEET = "QListView::item { padding: 4px; }"
NARROW_BUTTON_SHEET = "padding: 5px 6px"  # eleven in a row
OWN_MESSAGE_SHEET = "background: palette(alternate-base); border: 1px solid palette(mid);"
OTHER_MESSAGE_SHEET = "background: transparent; border: 0;"
FRAME_SHEET = f"border: 1px solid palette(mid); border-radius: {RADIUS}px;"


def apply(app: QApplication, theme: str) -> None:
    """Style the application: `theme` is 'light', 'dark', or '' for the system's, which is then followed."""
    app.setStyle("Fusion")
    app.setProperty(THEME, theme)
    hints = QGuiApplication.styleHints()
    schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
    hints.setColorScheme(schemes.get(theme, Qt.ColorScheme.Unknown))
    refresh(app)


def set_text_size(app: QApplication, size: int) -> None:
    """Scale the font to `size` per cent of the system's, before there are widgets: they compute heights from it."""
    size = max(TEXT_SIZES[0], min(TEXT_SIZES[-1], size))
    app.setProperty(TEXT_SIZE, size)
    app.setFont(sized_font(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont), size / NORMAL_TEXT_SIZE))


def fixed_font() -> QFont:
    """The system's font for code, as much larger or smaller as the texts are."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    return sized_font(font, scaled(NORMAL_TEXT_SIZE) / NORMAL_TEXT_SIZE)


def sized_font(font: QFont, size: float, bold: bool = False) -> QFont:
    """`font` so many times as large: HEADING, HEADLINE or DISPLAY."""
    other = QFont(font)
    if font.pointSizeF() > 0:
        other.setPointSizeF(font.pointSizeF() * size)
    else:  # the system gave it in pixels
        other.setPixelSize(round(font.pixelSize() * size))
    other.setBold(bold or font.bold())
    return other


def format_letters(font: QFont) -> str:
    """The size of a font for a style sheet."""
    return f"{font.pointSizeF():.2f}pt" if font.pointSizeF() > 0 else f"{font.pixelSize()}px"


def tinted_box_sheet(name: str, meaning: str) -> str:
    """The style sheet of a frame with this object name in the colours of a meaning."""
    front, back = (colour.name() for colour in colours(meaning))
    return (
        f"#{name} {{ background: {back}; border: 1px solid {front}; border-radius: {RADIUS}px; }}"
        f"#{name} QLabel, #{name} QToolButton {{ color: {front}; background: transparent; border: 0; }}"
    )


def pane_sheet(kind: str) -> str:
    """The style sheet of a widget of this class that looks like a text field."""
    return f"{kind} {{ {FRAME_SHEET} background: palette(base); }} {kind}:focus {{ border-color: palette(accent); }}"


def chip_sheet(meaning: str, is_lacking: bool = False) -> str:
    """The style sheet of a short text on a ground in the colours of its meaning; dashed where something lacks."""
    front, back = (colour.name() for colour in colours(meaning))
    edge = f"border: 1px dashed {front}; padding: 1px 5px;" if is_lacking else "padding: 2px 6px;"
    return f"color: {front}; background: {back}; border-radius: {SMALL_RADIUS}px; {edge}"


def scaled(pixels: int) -> int:
    """A length in pixels for texts of the normal size, made as much larger or smaller as the texts are."""
    app = QGuiApplication.instance()
    size = app.property(TEXT_SIZE) if app else None
    return round(pixels * (size or NORMAL_TEXT_SIZE) / NORMAL_TEXT_SIZE)


def is_dark() -> bool:
    """Whether the dark theme is in use."""
    # The chosen theme first: a plain X server keeps the system's scheme whatever is asked of it.
    app = QGuiApplication.instance()
    theme = app.property(THEME) if app else ""
    return theme == "dark" or (not theme and QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark)


def is_high_contrast() -> bool:
    """Whether the desktop asks for high contrast."""
    hints = QGuiApplication.styleHints()  # held, since PySide forgets with it what it returns
    return hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast


def colours(meaning: str) -> tuple[QColor, QColor]:
    """Text and background for 'error', 'warning', 'good' or 'note' in the present theme."""
    text, background = MEANINGS[meaning][is_dark()]
    if is_high_contrast():
        base = QGuiApplication.palette().color(QPalette.ColorRole.Base)
        return mix_colours(QColor(text), QColor("white" if is_dark() else "black"), 0.4), base
    return QColor(text), QColor(background)


def dim() -> QColor:
    """The text of what is of little weight."""
    return QGuiApplication.palette().color(QPalette.ColorRole.PlaceholderText)


def accent() -> QColor:
    """The colour of what is chosen and of bars: Juku's own, or the desktop's where it has one."""
    return QGuiApplication.palette().color(QPalette.ColorRole.Accent)


def base_colour() -> QColor:
    """The ground of texts, tables and charts."""
    return QGuiApplication.palette().color(QPalette.ColorRole.Base)


def focus_ring_colour() -> QColor:
    """The edge of what has the focus."""
    return QColor(_accent_colours(is_dark())["ring"])


def selection_tint() -> QColor:
    """The ground of what is chosen or checked; every text can be read on it."""
    return QColor(_accent_colours(is_dark())["tint"])


def contrast_ratio(one: QColor, other: QColor) -> float:
    """The contrast of two colours by WCAG, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable_shade(colour: QColor, limits: Sequence[tuple[QColor, float]]) -> QColor:
    """The shade of `colour`, as near to it as possible, with at least these contrasts to these other colours."""
    hue, saturation, lightness = colour.hslHueF(), colour.hslSaturationF(), colour.lightnessF()
    shades = sorted((step / 100 for step in range(101)), key=lambda light: abs(light - lightness))
    for light in shades:
        shade = QColor.fromHslF(max(0.0, hue), saturation, light)
        if all(contrast_ratio(shade, ground) >= least + ROUNDING for ground, least in limits):
            return shade
    return colour


def system_accent() -> QColor | None:
    """The accent colour of the desktop; None where it has none."""
    app = QGuiApplication.instance()
    found = app.property(SYSTEM_ACCENT) if app else None
    return QColor(found) if found else None


def mix_colours(one: QColor, other: QColor, share: float) -> QColor:
    """`share` (0 to 1) of `other` in `one`, opaque."""
    pairs = ((one.red(), other.red()), (one.green(), other.green()), (one.blue(), other.blue()))
    return QColor(*(round(a + (b - a) * share) for a, b in pairs))


def icon(name: str) -> QIcon:
    """The icon `name` of resources/icons."""
    return QIcon(str(RESOURCES / "icons" / f"{name}.svg"))


@contextmanager
def without_sheet(app: QApplication) -> Iterator[None]:
    """Build many widgets faster, to be dressed together at the end.

    With a style sheet Qt dresses a widget and all that is in it anew whenever one of its parents gets another parent:
    five times on the way from a form to the window, which was two thirds of the time to build that.
    """
    sheet = app.styleSheet()
    app.setStyleSheet("")
    try:
        yield
    finally:
        app.setStyleSheet(sheet)


def refresh(app: QApplication) -> None:
    """Colour everything for the present theme, accent colour and contrast."""
    is_night = is_dark()
    colours = (DARK if is_night else LIGHT) | (HIGH_CONTRAST[is_night] if is_high_contrast() else {})
    accents = _accent_colours(is_night)
    colours |= {role: accents[role] for role in ("Highlight", "Accent", "Link", "LinkVisited")}
    palette = QPalette()
    for role, colour in colours.items():
        palette.setColor(QPalette.ColorRole[role], QColor(colour))
    for role in ("WindowText", "Text", "ButtonText"):
        palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole[role], QColor(colours["PlaceholderText"]))
    app.setPalette(palette)
    app.setStyleSheet(
        SHEET.format(
            fill=accents["fill"],
            ring=accents["ring"],
            primaryring=PRIMARY_RINGS[is_night],
            tint=accents["tint"],
            icons=(RESOURCES / "icons").as_posix(),
            **{role.lower(): colour for role, colour in colours.items() if role != "PlaceholderText"},
            placeholder=colours["PlaceholderText"],
            **_sizes(),
        )
    )


def _accent_colours(is_night: bool) -> dict[str, str]:
    """The colours that come from the accent: Juku's own, or readable shades of the desktop's."""
    theme = DARK if is_night else LIGHT
    own = {
        "fill": ACCENT, "ring": FOCUS_RINGS[is_night], "tint": SELECTION_TINTS[is_night],
        **{role: theme[role] for role in ("Highlight", "Accent", "Link", "LinkVisited")},
    }  # fmt: skip
    wanted = system_accent()
    return derive_accents(wanted, theme) if wanted else own


def derive_accents(wanted: QColor, theme: dict[str, str]) -> dict[str, str]:
    """The colours of a theme that come from the accent `wanted`, each readable where it is used."""
    grounds = [QColor(theme[role]) for role in ("Base", "Window", "Button", "AlternateBase")]
    white, text = QColor("white"), QColor(theme["HighlightedText"])
    tint = mix_colours(grounds[0], wanted, TINT_SHARE)
    text_limits = [(QColor(theme["Text"]), TINT_TEXT_CONTRAST), (QColor(theme["PlaceholderText"]), TEXT_CONTRAST)]
    text_limits += [(QColor(pair[theme is DARK][0]), TEXT_CONTRAST) for pair in MEANINGS.values()]
    while any(contrast_ratio(tint, front) < least for front, least in text_limits):
        tint = mix_colours(tint, grounds[0], 0.3)
    edges = [(ground, EDGE_CONTRAST) for ground in grounds]
    fill = readable_shade(wanted, [(white, TEXT_CONTRAST)])
    link = readable_shade(wanted, [(ground, TEXT_CONTRAST) for ground in (*grounds, tint)])
    return {
        "fill": fill.name(), "tint": tint.name(), "Link": link.name(), "LinkVisited": link.name(),
        "ring": readable_shade(wanted, [*edges, (tint, EDGE_CONTRAST)]).name(),
        "Accent": readable_shade(wanted, [*edges[:1], (white, EDGE_CONTRAST)]).name(),
        "Highlight": readable_shade(wanted, [*edges[:1], (text, TEXT_CONTRAST)]).name(),
    }  # fmt: skip


def _sizes() -> dict[str, int]:
    """The lengths in the style sheet that grow with the texts."""
    box, arrow = scaled(BOX_SIZE), scaled(ARROW_SIZE)
    dot, focused = (
        max(3, round(box * 0.36)),
        max(3, round(box * 0.29)),
    )  # edges of a radio button that leave a dot or a ring
    whole = box + 2
    return {
        "icon": scaled(ICON_SIZE), "box": box, "inner": box - 2, "arrow": arrow, "round": whole // 2,
        "dot": dot, "dotted": whole - 2 * dot, "focusdot": focused, "focusdotted": whole - 2 * focused,
        "cellpadding": CELL_PADDING, "menugap": scaled(4), "menustart": scaled(12), "menuend": scaled(16),
        "dropdown": scaled(20), "updown": scaled(18), "radius": RADIUS, "smallradius": SMALL_RADIUS,
    }  # fmt: skip


def _luminance(colour: QColor) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _rgb(colour: QColor) -> tuple[float, float, float]:
    return colour.redF(), colour.greenF(), colour.blueF()
