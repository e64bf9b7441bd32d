"""Which questions over two facts, not stated or with a false premise are good enough for the exam: those that can be marked."""

import pytest

from core.exam import held_out_kinds

ADMISSION = "The text does not say that."
TWO = "Lost property goes in the bottom drawer. Admission is £7."


@pytest.mark.parametrize(
    ("question", "answer", "points", "kind", "usable"),
    [
        ("Where can I leave my bike?", ADMISSION, "", "not_stated", True),
        ("自転車はどこに置けますか。", "それは書かれていません。", "", "not_stated", True),
        ("Where can I leave my bike?", "Behind the house.", "", "not_stated", False),  # it is stated
        ("Is the car park €6 a day?", "The car park is €4 a day.", "€4", "false_premise", True),
        ("Is the car park €6 a day?", "The car park is €4 a day.", "€4|car|park", "false_premise", False),  # any word will do
        ("Is a ticket €6 at weekends?", "A ticket is €18 on Fridays and €22 at weekends.", "Fridays", "false_premise", False),
        ("Is a pane too fussy?", "No, a pane is not too fussy.", "yes|pane ; !no", "false_premise", False),  # no is right
        ("So dogs may come in?", "No, dogs stay outside.", "no|outside ; !yes", "false_premise", True),
        ("樽の高さは90センチですか。", "樽の高さは80センチです。", "80センチ", "false_premise", True),
        ("樽の高さは90センチですか。", "樽の高さは80センチです。", "樽|高さ", "false_premise", False),
        ("Where does lost property go, and what is admission?", TWO, "drawer ; £7", "combined", True),
        ("Where does lost property go, and what is admission?", TWO, "£7", "combined", False),  # half of it passes
        ("Where does lost property go, and what is admission?", TWO, "drawer ; £8", "combined", False),
        ("Tell me about A and B.", "A costs €4; B costs €5", "€4 ; €5", "combined", False),  # no halves to tell apart
    ],
)  # fmt: skip
def test_only_what_tells_right_from_wrong_is_asked(question, answer, points, kind, usable):
    assert held_out_kinds.can_be_marked(question, answer, points, kind) is usable


@pytest.mark.parametrize(("facts", "wanted"), [(0, 0), (1, 1), (5, 1), (6, 2), (22, 5)])
def test_a_few_of_each_kind(facts, wanted):
    assert held_out_kinds.count_wanted(facts) == wanted


def test_spread_takes_even_distances_and_never_more_than_there_is():
    assert held_out_kinds.spread([*range(10)], 3) == [0, 3, 6]
    assert held_out_kinds.spread([1, 2], 5) == [1, 2]
    assert held_out_kinds.spread([], 2) == []
