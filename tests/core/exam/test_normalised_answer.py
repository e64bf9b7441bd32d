"""An answer is normalised once, however many key points are searched in it."""

from core.exam import key_points
from core.exam.key_points import NormalisedAnswer


def normalised_texts(monkeypatch, answer, points) -> list[str]:
    """The texts that are normalised while `answer` is judged, those of the question left out."""
    key_points.judge_points("", points)  # the question is read
    seen: list[str] = []
    normalise = key_points.normalise
    monkeypatch.setattr(key_points, "normalise", lambda text: seen.append(text) or normalise(text))
    assert all(point.is_met for point in key_points.judge_points(answer, points))
    return seen


def test_each_clause_is_normalised_once_for_all_points(monkeypatch):
    assert normalised_texts(monkeypatch, "Three players, a ball.", "3 players ; ball|goal ; !foot ; !six") == [
        "three players", " a ball", "", "three players, a ball.", "Three players, a ball.",
    ]  # fmt: skip


def test_other_forms_are_made_only_where_an_alternative_is_not_found(monkeypatch):
    assert normalised_texts(monkeypatch, "Three players.", "3 players ; 3") == ["three players", ""]


def test_the_forms_of_an_answer():
    answer = NormalisedAnswer("Six kilometres, 1.5 hours. 二キロ", "kilometre")
    marks = str.maketrans("\u1681\u1682", ",.")
    assert answer.clauses.translate(marks) == "6 kilometre , 1.5 hour . 2 kilometre"
    assert answer.smallest_units.translate(marks) == "6000000 millimetre , 5400 second . 2000000 millimetre"
    assert answer.without_marks == "6 kilometre 1.5 hour 2 kilometre"
    assert answer.normal == "6 kilometre 1.5 hour 2キロ"
    assert NormalisedAnswer("!").clauses == ""
