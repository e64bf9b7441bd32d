"""The check of the whole set: what it finds among rows, where it keeps it, and when it looks again."""

import asyncio
import json
from dataclasses import replace
from itertools import islice, product

import pytest

from core.checks import RULES
from core.dataset import bulk_edits
from core.dataset import examples as dataset_examples
from core.dataset.row_json import read_texts
from core.progress import Reporter
from core.review import finding_texts, findings
from core.spec import facts, spec
from core.text import contradicting_answers
from tests.support.projects import new_example


def row(question, answer="It is.", split="train", system="", **fields):
    return new_example(question, answer, system=system, split=split, **fields)


def other_rows(count):
    """Rows with nothing to be found in them."""
    names = "ball court goal team referee whistle half line corner bench jersey coach"
    pairs = product(names.split(), repeat=2)
    return [row(f"Which {one} goes with the {two}?", f"The {two}.") for one, two in islice(pairs, count)]


def check(project, *examples):
    asyncio.run(project.write("Add", dataset_examples.add, examples))
    return asyncio.run(findings.refresh(project, Reporter()))


def found(project, *rules):
    return [(one.rule, one.cluster, one.example) for one in findings.load(project.rows) if one.rule in rules]


def test_every_rule_is_known_and_has_words(project):
    assert set(finding_texts.MESSAGES) <= set(RULES)
    assert {"personal-email", "personal-phone", "personal-card", "secret-key"} <= set(RULES)


def test_the_same_row_twice_is_told_of_the_later_ones(project):
    changes = check(project, row("Why?"), row("Why?"), row("Why?", split="test"), row("Why?"))
    assert changes.records == {"finding"}
    assert found(project, "duplicate-row") == [("duplicate-row", 1, 2), ("duplicate-row", 1, 4)]
    assert findings.load(project.rows, "duplicate-row")[0].message == "The same as row 1."
    assert not found(project, "near-duplicate")


def test_the_same_row_in_other_words_of_json_is_found_and_can_be_deleted(project):
    swapped = row("Why?")
    swapped = replace(
        swapped,
        data=json.dumps({"messages": [dict(reversed(one.items())) for one in json.loads(swapped.data)["messages"]]}),
    )
    check(project, row("Why?"), swapped, replace(swapped, split="test"), swapped)
    assert found(project, "same-contents", "duplicate-row") == [("duplicate-row", 2, 4), ("same-contents", 1, 2)]
    asyncio.run(project.write("Fix", bulk_edits.fix_all, "same-contents", Reporter()))
    assert [one.id for one in dataset_examples.iterate(project.rows)] == [1, 3, 4]


def test_rows_that_are_all_alike_are_told_of_once(project):
    check(
        project,
        *(
            row(f"Is {one} so?", "Yes.")
            for one in ["red", "blue", "green", "white", "black", "grey", "brown", "pink", "gold"]
        ),
        row("Is it?", "Yes."),
    )
    messages = [one.message for one in findings.load_for_dataset(project.rows) if one.rule == "answers-alike"]
    assert messages == ["10 of 10 rows have the same answer."]


def test_near_duplicates_are_clusters_within_a_split(project):
    question = "How many players are on the court?"
    check(project, row(question), row("Who whistles?"), row(f"{question}!"), row(question.upper(), "So it is."))
    assert found(project, "near-duplicate") == [("near-duplicate", 1, id) for id in (1, 3, 4)]


def test_questions_of_one_pattern_are_different(project):
    check(
        project,
        row("State the Hobannu rule about points.", "A goal in Hobannu is worth one point."),
        row("State the Hobannu rule about fouls.", "There are three fouls."),
        row("State the Hobannu rule about pushes.", "Pushing is a foul."),
        row("State the Hobannu rules about fouls!", "There are 3 fouls in all."),
        row("State the Hobannu rule about foals.", "There are three fouls.", split="test"),
        row("State the Hobannu rule about pints.", "Drinks stay outside.", split="test"),
    )
    assert found(project, "near-duplicate") == [("near-duplicate", 2, 2), ("near-duplicate", 2, 4)]
    assert [one.example for one in findings.load(project.rows, "split-leakage")] == [2, 4, 5]


def test_the_exam_must_not_be_trained_on(project):
    question = "How many players are on the court?"
    check(
        project,
        row(question, split="test"),
        row(question.replace("are", "is")),
        row("When does the half end?", split="validation"),
        row("When does the half end?"),
        row("Who whistles here?", split="test", kind="memorised"),
        row("Who whistles here?"),
    )
    assert [place for _rule, *place in found(project, "split-leakage")] == [[1, 1], [1, 2], [3, 3], [3, 4]]
    messages = [one.message for one in findings.load(project.rows, "split-leakage")]
    assert messages[0] == "Row 2, which is used for training, asks nearly the same (92 %)."
    assert messages[2] == "Row 4, which is used for training, asks the same."


def test_an_earlier_question_makes_a_short_one_another(project):
    talk = [
        {
            "messages": [
                {"role": "user", "content": f"Tell me about the {what}."},
                {"role": "assistant", "content": "Well."},
            ]
        }
        for what in ("ball of the game", "referee's whistle")
    ]
    for number, value in enumerate(talk):
        value["messages"] += [
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": f"For {number} reasons"},
        ]
    check(project, *(dataset_examples.read_row(json.dumps(value)) for value in talk))
    assert not found(project, "near-duplicate", "answers-contradict")


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("Seven.", "A team has seven players.", ""),
        ("7 players", "６ players", contradicting_answers.DIFFERENT_FIGURES),
        ("三人です。", "4人です。", contradicting_answers.DIFFERENT_FIGURES),
        ("20 by 10 metres", "It is 20 metres long.", ""),
        ("Yes, it may.", "No, it may not.", contradicting_answers.YES_NO),
        ("はい、できます。", "いいえ、できません。", contradicting_answers.YES_NO),
        ("Paris", "It is Paris, of course.", ""),
        ("Paris", "Lyon", contradicting_answers.DIFFERENT_WORDS),
        ("The referee stops the clock.", "The clock is stopped by the referee.", ""),
        ("審判が時計を止めます。", "時計を止めるのは審判です。", ""),
        ("審判です。", "コーチがベンチから合図します。", contradicting_answers.DIFFERENT_WORDS),
        ("The rules do not say.", "A team has seven players.", contradicting_answers.NOT_STATED),
        ("それは書かれていません。", "7人です。", contradicting_answers.NOT_STATED),
        ("The rules do not say.", "The text does not mention it.", ""),
        ("From 15:30.", "From half past three.", ""),
        ("It costs €18.", "18 euros.", ""),
        ("The Blue Card.", "The Gold Card.", contradicting_answers.DIFFERENT_WORDS),
        ("30 by 20 centimetres", "22 by 30 centimetres", contradicting_answers.DIFFERENT_FIGURES),
        ("Yes, they are optional.", "You can't do without them.", contradicting_answers.YES_NO),
        ("はい、だめです。", "だめです。", ""),
        ("It doesn't say that.", "That isn't mentioned.", ""),
        ("案内には書いてありません。", "載っていません。", ""),
        ("", "", ""),
    ],
)
def test_contradiction(one, other, why):
    one, other = contradicting_answers.prepare_answer(one), contradicting_answers.prepare_answer(other)
    assert contradicting_answers.compare_answers(one, other) == why
    assert contradicting_answers.compare_answers(other, one) == why


def test_answers_to_one_question(project):
    check(
        project,
        row("How many?", "7"),
        row("how  many?", "Seven players"),
        row("HOW MANY?", "8"),
        row("", "7"),
        row("", "9"),
    )
    assert found(project, "answers-contradict") == [("answers-contradict", 1, id) for id in (1, 2, 3)]
    assert findings.load(project.rows, "answers-contradict")[0].message == (
        "Row 3 answers the same question with different figures."
    )


def test_not_stated_rows_may_say_that_they_do_not_know(project):
    unknown = "The text does not say."
    check(project, row("Who?", unknown), row("When?", unknown, kind="not_stated"), row("Where?", unknown, split="test"))
    assert found(project, "answer-admits-unknown") == [("answer-admits-unknown", 0, 1)]


def test_personal_data_is_kept_masked(project):
    check(project, row("Mail bob@host.dev and eve@host.dev", "Call 090-1234-5678."))
    assert [(one.rule, one.message) for one in findings.load(project.rows) if one.rule.startswith("personal")] == [
        ("personal-email", "Found: bo…ev"),
        ("personal-phone", "Found: 09…78"),
    ]


def test_the_spec_says_which_system_prompt_is_right(project):
    asyncio.run(project.write("Spec", facts.save, spec.Spec(system_prompt="Be brief.")))
    check(project, row("A?", system="Be brief."), row("B?"), row("C?", system="Be long."), row("D?", split="test"))
    assert found(project, "system-prompt-differs") == [("system-prompt-differs", 0, 2), ("system-prompt-differs", 0, 3)]


def test_without_a_spec_most_rows_say_it(project):
    check(
        project,
        *(row(f"What about {name}?", system="Be brief.") for name in "ABC"),
        row("And then?", system="Be long."),
    )
    assert found(project, "system-prompt-differs") == [("system-prompt-differs", 0, 4)]
    asyncio.run(project.write("Fix", bulk_edits.fix_all, "system-prompt-differs", Reporter()))
    prompts = [read_texts(text).system_prompt for text in dataset_examples.iterate_texts(project.rows)]
    assert prompts == ["Be brief."] * 4


def test_prompts_of_all_kinds_are_no_mistake(project):
    check(project, *(row(f"What about {name}?", system=f"Be {name}.") for name in "ABCD"))
    assert not found(project, "system-prompt-differs")


@pytest.mark.parametrize(("count", "rule"), [(9, "too-few-rows"), (10, "few-rows"), (49, "few-rows"), (50, None)])
def test_enough_rows(project, count, rule):
    rows = other_rows(count + 2)
    check(project, *rows[:count], row("Draft?", status="draft"), row("Exam?", split="test"))
    assert [one.rule for one in findings.load_for_dataset(project.rows)] == ([rule] if rule else [])


def test_an_empty_project_has_no_findings(project):
    check(project)
    assert findings.count_by_rule(project.rows) == {}


def test_facts_out_of_balance(project):
    asyncio.run(project.write("Fact", facts.add, "Never taught.", "", "f09"))
    rows = other_rows(60)
    named = [*["f01"] * 6, *["f02"] * 5, *["f03"] * 7, "f04", *["f05"] * 30, *[""] * 11]
    check(project, *(dataset_examples.read_row(one.data, facts=name) for one, name in zip(rows, named, strict=True)))
    (finding,) = findings.load_for_dataset(project.rows)
    assert [line.split()[0] for line in finding.message.splitlines()] == ["f04", "f05", "f09"]


def test_rejected_rows_are_left_out(project):
    check(project, row("Why?"), row("Why?", status="rejected"))
    assert not found(project, "duplicate-row")


def test_it_looks_again_only_when_something_has_changed(project):
    assert findings.is_stale(project.rows)
    assert check(project, row("Why?"), row("Why?"))
    assert not findings.is_stale(project.rows)
    assert asyncio.run(findings.refresh(project, Reporter())) is None
    asyncio.run(project.write("Delete", dataset_examples.delete, [2]))
    assert findings.is_stale(project.rows)
    assert not found(project, "duplicate-row"), "a row that is gone has no problem"
    asyncio.run(findings.refresh(project, Reporter()))
    asyncio.run(project.undo())
    asyncio.run(findings.refresh(project, Reporter()))
    assert found(project, "duplicate-row") == [("duplicate-row", 1, 2)]


def test_a_cancelled_check_keeps_nothing(project):
    asyncio.run(project.write("Add", dataset_examples.add, other_rows(20)))
    reporter = Reporter()
    reporter.cancel()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(findings.refresh(project, reporter))
    assert findings.is_stale(project.rows)
    assert findings.count_by_rule(project.rows) == {}


def test_odd_rows_do_not_stop_the_check(project):
    said = {"role": "assistant", "content": "Yes."}
    odd = [
        '{"messages": 3}',
        "{}",
        '{"messages": [3, {"role": 4}]}',
        '{"messages": [{"role": "user", "content": [1]}]}',
    ]
    pair = json.dumps({"input": {"messages": [{"role": "user", "content": "Hm?"}]}, "preferred_output": [said]})
    check(project, *(dataset_examples.read_row(text) for text in [*odd, pair]))
    assert read_texts(pair) == ("", "Hm?", "Yes.")
