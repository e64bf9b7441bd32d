"""The legend of the fact table's six numbers names each kind in their order, with what is wanted."""

from PySide6.QtWidgets import QLabel

from core.exam.fact_coverage import KINDS, STUDY_PLAN
from ui.spec.fact_table import row_kind_titles
from ui.spec.kind_legend import KindLegend


def test_it_names_the_numbers_in_their_order(qtbot):
    legend = KindLegend()
    qtbot.addWidget(legend)
    texts = [label.text() for label in legend.findChildren(QLabel)]
    wanted = [text for kind in KINDS for text in (str(STUDY_PLAN[kind]), row_kind_titles()[kind])]
    assert texts == [texts[0], *wanted, "0", "too few"]


def test_it_is_wrapped_where_there_is_little_room(qtbot):
    legend = KindLegend()
    qtbot.addWidget(legend)
    assert legend.heightForWidth(300) > legend.heightForWidth(2000) > 0
