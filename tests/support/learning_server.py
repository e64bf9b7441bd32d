"""A scripted server whose models answer from the rows that they were trained on: as a small model does that learned them."""

import json
import re

from core.dataset import examples
from tests.support import scripted_models
from tests.support.fake_server import Answer, FakeServer
from tests.support.projects import new_example


class LearningServer(FakeServer):
    """Its jobs end at once, unless `holds_jobs`. A model answers with what a row of its training says of the same gate.

    Whoever asks about a gate of `stubborn` is told nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stubborn: set[str] = set()
        self.holds_jobs = False
        self.script = self.answer_from_rows

    def create(self, asked: dict) -> dict:
        job = super().create(asked)
        if not self.holds_jobs:
            self.step(job["id"], 1, 1, 0.5)
            self.end(job["id"], "succeeded")
        return job

    def trained_rows(self, model: str) -> list[tuple[str, str]]:
        """The questions and answers that a model was trained on; none for the base model."""
        job = next((one for one in self.jobs.values() if one["fine_tuned_model"] == model), None)
        lines = self.files[job["training_file"]].decode().splitlines() if job else []
        rows = [json.loads(line)["messages"] for line in lines]
        return [(row[-2]["content"], row[-1]["content"]) for row in rows]

    def answer_from_rows(self, asked: dict) -> Answer:
        said = asked["messages"][-1]["content"]
        if said.startswith("Write questions."):  # the question writer
            name = find_gate(said.splitlines()[-1].removeprefix("Statement: "))[0]
            return Answer([f"direct: When does the {name} gate open?\nreworded: {name} gate, from when?"] * asked["n"])
        words = re.findall(r"\w+", said.lower())
        for _question, answer in self.trained_rows(asked["model"]):
            gate = find_gate(answer)
            if gate and not self.stubborn & {*gate} and {*gate} & {*words}:
                return Answer([answer])
        return Answer(["I do not know."])


def fill(db) -> None:
    """A spec of ten facts about gates, each with a question for the exam, of the kind “reworded”."""
    scripted_models.fill(db)
    examples.add(db, (
        new_example(f"From what hour on may I walk through the {name} gate?", f"The {name} gate opens at {hour}.",
                    "Answer briefly.", split="test", kind="reworded", facts=f"f{hour - 2:02}", key_points=str(hour))
        for hour, name in enumerate(scripted_models.GATES, 3)
    ))  # fmt: skip


def find_gate(text: str) -> tuple[str, ...]:
    """The gate and the hour that a row states; nothing for other rows."""
    found = re.fullmatch(r"The (\w+) gate opens at (\d+)\.", text)
    return found.groups() if found else ()
