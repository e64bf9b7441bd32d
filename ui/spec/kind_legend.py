"""What the six numbers of a fact count: each kind of row in the order of the numbers, and how many are wanted."""

from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from core.exam.fact_coverage import KINDS, STUDY_PLAN
from core.language import tr
from ui import style
from ui.generation.generation_dialog import kind_texts
from ui.spec.fact_table import row_kind_titles
from ui.widgets import basics
from ui.widgets.flow_layout import FlowLayout


class KindLegend(QWidget):
    """The legend of the fact table's numbers: one line, or two where there is little room."""

    def __init__(self) -> None:
        super().__init__()
        layout = FlowLayout(self, gap=style.SPACE)
        layout.addWidget(basics.label(tr("Rows wanted for a fact, in this order:"), dim=True))
        titles, explanations = row_kind_titles(), kind_texts()
        for kind in KINDS:
            layout.addWidget(_build_entry(f"{STUDY_PLAN[kind]}", titles[kind], explanations[kind][1]))
        words = tr("A number with a dashed edge is lower than the study plan wants.")
        layout.addWidget(_build_entry("0", tr("too few"), words, is_lacking=True))
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)


def _build_entry(number: str, title: str, explanation: str, is_lacking: bool = False) -> QWidget:
    chip = basics.Chip("warning" if is_lacking else "good", is_lacking)
    chip.setText(number)
    entry = QWidget()
    row = QHBoxLayout(entry)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(style.SPACE // 3)
    row.addWidget(chip)
    row.addWidget(basics.label(title, dim=True))
    basics.explain(entry, explanation)
    return entry
