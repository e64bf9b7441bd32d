"""The tables of the teaching benchmark: intervals of each kind, gains on the same model, and what was forgotten."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from core.dataset import examples
from core.dataset.filters import Filter
from core.errors import JukuError
from core.storage.project import Project

sys.path.insert(0, str(Path(__file__).parent.parent))

from tools import bench_teach

(DOMAIN,) = bench_teach.load_domains(["quillmarsh-weather-house"])
QUESTIONS = [question["question"] for question in DOMAIN.questions]


def result(recipe, right, general=None, seed=1):
    """A run in which the first `right` questions were answered rightly."""
    run = {"domain": DOMAIN.name, "model": "m", "recipe": recipe, "seed": seed, "hyperparameters": {}}
    kinds = {"reworded": [right, len(QUESTIONS)]} | ({"general": [general, 60]} if general is not None else {})
    shares = {question: float(place < right) for place, question in enumerate(QUESTIONS)}
    return {"run": run, "kinds": kinds, "questions": shares, "rows": 0, "seconds": 1, "processor_seconds": 1}


def test_gains_are_points_of_the_same_questions_and_what_was_forgotten_is_counted():
    results = [
        result("base", 0, 20),
        result("open_book", 4),
        result("page_rows", 15, 17),
        result("page_rows", 15, 13, 2),
    ]
    *_head, row = bench_teach.build_comparisons(results, [DOMAIN])
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[3] == "page_rows" and cells[-1] == "5.0 of 60"
    gains = [round(100 * (15 - other) / len(QUESTIONS)) for other in (0, 4)]
    assert [int(cell.split()[0]) for cell in cells[4:6]] == gains and cells[6] == "–", "what was not run is no gain"


def test_a_kind_has_its_share_with_an_interval_over_its_questions():
    kind = DOMAIN.questions[0]["kind"]
    asked = sum(question["kind"] == kind for question in DOMAIN.questions)
    *_head, row = bench_teach.build_kind_table([result("page_rows", asked)], [DOMAIN])
    shares = [cell.strip().split("%")[0] for cell in row.strip("|").split("|")[4:]]
    assert shares[0] == "100" and set(shares[1:]) == {"0"}


def test_results_without_general_questions_or_a_base_have_no_losses():
    *_head, row = bench_teach.build_comparisons([result("page_rows", 3, 9)], [DOMAIN])
    assert row.rstrip("| ").endswith("–")


def test_recorded_replies_become_rows_and_the_exam_is_not_told_to_who_writes_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_teach, "DOMAINS", tmp_path)
    folder = tmp_path / "development" / "ferry"
    folder.mkdir(parents=True)
    page = "# The ferry of Arle\n\nA ticket for the ferry costs 4 crowns. Dogs travel free on the upper deck.\n"
    asked = {
        "question": "Secret?",
        "answer": "4 crowns.",
        "kind": "reworded",
        "key_points": "4 crowns",
        "quotes": [page],
    }
    (folder / "page.md").write_text(page, "utf-8")
    (folder / "exam.jsonl").write_text(json.dumps(asked), "utf-8")
    domain = bench_teach.load_domain(folder)
    asyncio.run(bench_teach.print_requests(domain))
    requests = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(requests) == 2 and all("Secret?" not in one["messages"][0]["content"] for one in requests)
    project = Project(tmp_path / "teach.juku")
    asyncio.run(project.write("page", bench_teach.fill, domain, False))
    with pytest.raises(JukuError, match="2 facts of ferry have no recorded reply"):
        asyncio.run(project.write("rows", bench_teach.add_recorded_rows, domain))
    made = {"question": "What is the fare?", "answer": "A ticket for the ferry costs 4 crowns.", "kind": "direct"}
    reply = json.dumps({"examples": [{**made, "quote": "", "key_points": ""}]})
    lines = [json.dumps({"fact": one["fact"], "reply": reply if "crowns" in one["fact"] else "{}"}) for one in requests]
    (folder / bench_teach.REPLIES).write_text("\n".join(lines), "utf-8")
    asyncio.run(project.write("rows", bench_teach.add_recorded_rows, domain))
    rows = [row.question for row in examples.iterate(project.rows, Filter(status="draft"))]
    project.close()
    assert rows == ["What is the fare?"]


def test_denials_are_counted_of_what_the_page_states_alone():
    kinds = ("reworded", "applied", "not_stated", "false_premise")
    answers = [{"kind": kind, "answer": "The text does not say that."} for kind in kinds]
    answers.append({"kind": "reverse", "answer": "The tour lasts 50 minutes."})
    assert bench_teach.count_denials(answers) == [2, 3]
    run = result("page_rows", 3) | {"denied": [2, 3]}
    head, _line, row = bench_teach.build_table([run], [DOMAIN])
    cells = dict(zip(head.split("|"), row.split("|"), strict=True))
    assert cells[" false “not stated” "].strip() == "2/3"


def test_the_search_alone_answers_with_a_passage(tmp_path):
    async def measure():
        run = bench_teach.Run(DOMAIN, "m", bench_teach.SEARCH, 1, {}, False)
        return await bench_teach.measure(run, tmp_path)

    measured = asyncio.run(measure())
    right = sum(measured["questions"].values())
    assert set(measured["questions"]) == set(QUESTIONS) and 15 <= right <= 35
    assert measured["kinds"]["not_stated"][0] == 0, "a passage never says that it does not say something"
