"""No widget has sizes, colours or letters of its own: they come from ui/style.py, as docs/style.md says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QMenu

from ui import style

ROOT = Path(__file__).resolve().parents[2]
UI = ROOT / "ui"
HEX_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{8})\b")
SPACING = {"setContentsMargins", "setSpacing", "setHorizontalSpacing", "setVerticalSpacing", "addSpacing"}
SIZES = {f"set{most}{side}" for most in ("Fixed", "Minimum", "Maximum") for side in ("Width", "Height", "Size")} | {
    "resize"
}
SECTIONS = {
    "setColumnWidth",
    "resizeSection",
    *(f"set{which}SectionSize" for which in ("Minimum", "Maximum", "Default")),
}
# What paints, and what it paints with: a number in one of these calls is a length in pixels.
PAINTING = {
    *(f"draw{what}" for what in ("Ellipse", "Line", "Pixmap", "Point", "Polygon", "Rect", "Text")), "fillRect", "adjusted",
    "translate", "translated", "marginsAdded", "marginsRemoved", "setWidthF", "moveTo", "lineTo", "QMargins", "QPen", "QPoint",
    "QPointF", "QRect", "QRectF", "mkPen", *(f"set{side}" for side in ("Left", "Top", "Right", "Bottom", "Width", "Height")),
}  # fmt: skip
SHEET_LENGTH = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)(?:px|pt|em)\b")
LETTERS = {"setPointSize", "setPointSizeF", "setPixelSize"}
SCALE = {-1, 0, style.HAIR, *(style.SPACE // part for part in (3, 2, 1)), 2 * style.SPACE, 4 * style.SPACE}
ROLES = {
    "Text": "texts", "PlaceholderText": "texts of little weight", "Link": "links, checked buttons",
    "Accent": "bars, ticks, the chosen tab", "Highlight": "the chosen row", "Dark": "edges of fields", "Mid": "dividing lines",
}  # fmt: skip
MEANINGS = {
    "error": "what failed or is wrong", "warning": "what lacks or needs a look", "good": "what is right, covered, better",
    "note": "what is said beside the work",
}  # fmt: skip
# What a line is excused for: the file, a piece of the line, and why.
EXCUSED = {
    ("ui/training/job_table.py", "QPen(rim, 4)"): "an icon, on a grid of 32 that is made smaller",
    ("ui/training/job_table.py", "QRectF(7, 7, 18, 18)"): "an icon, on a grid of 32 that is made smaller",
    ("ui/widgets/printing.py", "PAGE_STYLE"): "points on paper",
    ("ui/widgets/screen_fit.py", "ASSUMED_FRAME"): "the frame of the window manager, which does not grow",
    ("ui/widgets/severity_icon.py", ""): "icons, on a grid of 32 that is made smaller",
    ("ui/widgets/drop_overlay.py", "drawRoundedRect"): "as round as it is inset",
}


def sources() -> Iterator[tuple[Path, ast.Module, list[str]]]:
    for path in sorted(UI.rglob("*.py")):
        if path != UI / "style.py":
            text = path.read_text(encoding="utf-8")
            yield path, ast.parse(text), text.splitlines()


def test_sizes_colours_and_letters_come_from_the_style():
    found = []
    for path, tree, lines in sources():
        name = path.relative_to(ROOT).as_posix()
        for line, fault in faults(tree):
            if not any(name == file and piece in lines[line - 1] for file, piece in EXCUSED):
                found.append(f"{name}:{line}: {fault}: {lines[line - 1].strip()}")
    assert not found, "\n".join(found)


def test_what_a_table_is_stands_in_one_place():
    """Selection, the Tab key, headings: `tables.set_up`. The grid has a model of its own, and its cells are selected."""
    alone = {"setSelectionBehavior", "setTabKeyNavigation", "setHighlightSections", "setShowGrid"}
    places = {
        UI / "widgets" / "tables.py",
        UI / "dataset" / "grid_view.py",
        UI / "dataset" / "grid_header.py",
        UI / "training" / "training_form.py",
    }
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree, _lines in sources()
        if path not in places
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in alone
    ]
    assert found == []


def test_the_page_has_the_colours_of_the_program(qapp):
    page = (ROOT / "docs" / "style.md").read_text(encoding="utf-8")
    assert [line for line in (*role_lines(), *meaning_lines()) if line not in page] == []


def role_lines() -> list[str]:
    """The lines of the page's table of roles."""
    found = []
    for role, use in ROLES.items():
        cells = []
        for theme in (style.LIGHT, style.DARK):
            colour = theme[role]
            cells += [f"`{colour}`", " · ".join(contrast(colour, theme[ground]) for ground in ("Base", "Window"))]
        found.append(f"| {use} (`{role}`) | {' | '.join(cells)} |")
    return found


def meaning_lines() -> list[str]:
    """The lines of the page's table of meanings."""
    found = []
    for meaning, themes in style.MEANINGS.items():
        cells = [cell for front, back in themes for cell in (f"`{front}` on `{back}`", contrast(front, back))]
        found.append(f"| {meaning} | {MEANINGS[meaning]} | {' | '.join(cells)} |")
    return found


def contrast(one: str, other: str) -> str:
    return f"{style.contrast_ratio(QColor(one), QColor(other)):.1f}"


@pytest.mark.parametrize(("file", "piece"), EXCUSED)
def test_what_is_excused_is_still_there(file, piece):
    assert piece in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("layout.setSpacing(7)", "a space off the scale"),
        ("layout.setSpacing(style.SPACE // 4)", "a space off the scale"),
        ("layout.setContentsMargins(0, style.SPACE, 5, 0)", "a space off the scale"),
        ("layout.setContentsMargins(*[style.SPACE] * 4)", ""),
        ("layout.setSpacing(spacing)", ""),
        ("field.setFixedWidth(90)", "a size that does not grow with the texts"),
        ("field.setFixedWidth(WIDTH)", "a size that does not grow with the texts"),
        ("dialog.resize(max(self.width(), 640), self.height())", "a size that does not grow with the texts"),
        ("field.setFixedWidth(style.scaled(WIDTH))", ""),
        ("field.setFixedHeight(3 * self.fontMetrics().height() + style.SPACE)", ""),
        ('label.setStyleSheet("padding: 3px")', "a style sheet of its own"),
        ('label.setStyleSheet(f"Box {{ {style.FRAME_SHEET} }}")', ""),
        ("font.setPointSizeF(font.pointSizeF() * 1.2)", "letters off the scale"),
        ('INK = "#1c2430"', "a colour of its own"),
        ('pen.setColor(QColor("red"))', "a colour of its own"),
        ("painter.drawRoundedRect(box, 4, 4)", "corners off the scale"),
        ("field.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))", "letters off the scale"),
        ("table.setColumnWidth(3, 90)", "a size that does not grow with the texts"),
        ("table.setColumnWidth(3, min(MOST, width))", "a size that does not grow with the texts"),
        ("header.setDefaultSectionSize(self.fontMetrics().height() + 10)", "a size that does not grow with the texts"),
        ("table.setColumnWidth(3, style.scaled(90))", ""),
        ("return QSize(480, 160)", "a size that does not grow with the texts"),
        ("return QSize(style.scaled(480), lines + bar)", ""),
        ("painter.drawLine(QPoint(0, 7), place)", "a length off the scale, in painting"),
        ("place = rect.adjusted(6, 0, -10, -3)", "a length off the scale, in painting"),
        ("pen = QPen(colour, 2.5)", "a length off the scale, in painting"),
        ("pen = QPen(colour, 1.5)", ""),
        ("place.setTop(place.bottom() - 3)", "a length off the scale, in painting"),
        ("painter.drawEllipse(place, 4, 4)", ""),
        ("painter.drawText(place, flags, str(count) if count < 100 else more)", ""),
        ('SHEET = "h2 {{ margin-top: 22px; }}"', "a length off the scale, in a sheet"),
        ('SHEET = "h2 {{ margin-top: 24px; border: 1px solid {line}; }}"', ""),
        ('SHEET = "h1 {{ font-size: xx-large; }}"', "letters off the scale"),
    ],
)  # fmt: skip
def test_faults_are_found(code, fault):
    assert [text for _line, text in faults(ast.parse(code))] == ([fault] if fault else [])


def faults(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and HEX_COLOUR.search(node.value):
            yield node.lineno, "a colour of its own"
        if isinstance(node, ast.Attribute) and node.attr == "FixedFont":
            yield node.lineno, "letters off the scale"
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from ((node.lineno, fault) for fault in faults_of_sheet(node.value.value))
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if fault := fault_of_call(name, node.args):
                yield node.lineno, fault


def fault_of_call(name: str, arguments: list[ast.expr]) -> str:
    if name in SPACING and not all(map(is_on_scale, arguments)):
        return "a space off the scale"
    if name in SIZES and any(map(has_pixels, arguments)):
        return "a size that does not grow with the texts"
    if name == "QSize" and any(map(has_pixels, arguments)):
        return "a size that does not grow with the texts"
    if name in SECTIONS and has_pixels(arguments[-1]):
        return "a size that does not grow with the texts"
    if name in LETTERS:
        return "letters off the scale"
    if name == "setStyleSheet" and any(has_literal_sheet(one) for one in arguments):
        return "a style sheet of its own"
    if name == "QColor" and arguments and all(isinstance(one, ast.Constant) for one in arguments):
        return "a colour of its own"
    if name == "drawRoundedRect" and any(isinstance(one, ast.Constant) for one in arguments):
        return "corners off the scale"
    if name in PAINTING and any(is_off_scale(number) for one in arguments for number in find_lengths(one)):
        return "a length off the scale, in painting"
    return ""


def faults_of_sheet(text: str) -> list[str]:
    """What is wrong with a constant that holds a style sheet: lengths off the scale, letters of its own."""
    if not re.search(r"\{\{? *[\w-]+:", text):
        return []
    found = {
        "a length off the scale, in a sheet" for length in SHEET_LENGTH.findall(text) if is_off_scale(float(length))
    }
    return [*found, *({"letters off the scale"} if re.search(r"font-size:\s*(?![{\s])", text) else ())]


def is_off_scale(length: float) -> bool:
    """Whether it is neither on the scale nor a hair line."""
    return abs(length) > style.HAIR and abs(length) not in SCALE


def find_lengths(node: ast.expr) -> Iterator[float]:
    """The numbers that are written in an argument as lengths: not as factors, and not in calls inside of it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield node.value
    elif isinstance(node, ast.UnaryOp):
        yield from find_lengths(node.operand)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield from find_lengths(node.left)
        yield from find_lengths(node.right)
    elif isinstance(node, ast.IfExp):
        yield from find_lengths(node.body)
        yield from find_lengths(node.orelse)


def is_on_scale(argument: ast.expr) -> bool:
    code = compile(ast.Expression(argument.value if isinstance(argument, ast.Starred) else argument), "", "eval")
    try:
        value = eval(code, {"style": style})
    except NameError:  # computed elsewhere, but not with numbers here
        return not any(isinstance(node, ast.Constant) for node in ast.walk(argument))
    return set(value if isinstance(value, list) else [value]) <= SCALE


def has_pixels(node: ast.expr) -> bool:
    """Whether pixels are written here, as a number or as a constant of the module, and do not go through `scaled`."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int) and node.value > 1
    if isinstance(node, ast.Name):
        return node.id.isupper()
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.FloorDiv):
        return False  # so many lines, or a share
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") not in ("max", "min"):
        return False  # `scaled`, or what a widget needs
    parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else ast.iter_child_nodes(node)
    return any(has_pixels(part) for part in parts if isinstance(part, ast.expr))


def has_literal_sheet(argument: ast.expr) -> bool:
    texts = [one.value for one in ast.walk(argument) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return any(re.search(r"[-\w]+:\s*[\w#]", text) for text in texts)


def test_an_entry_of_a_menu_that_is_not_ticked_has_no_box(qapp, qtbot):
    style.refresh(qapp)
    menu = QMenu()
    qtbot.addWidget(menu)
    action = menu.addAction("Full screen")
    action.setCheckable(True)
    place = menu.actionGeometry(action)

    def colours():
        picture = menu.grab(place).toImage()
        column = range(3, style.scaled(20))
        return {picture.pixel(x, y) for x in column for y in range(2, picture.height() - 2)}

    assert len(colours()) == 1
    action.setChecked(True)
    assert len(colours()) > 1
