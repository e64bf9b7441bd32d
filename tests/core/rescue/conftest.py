"""Two servers: the one that closes, with a fine-tuned model, and the one where it is taught again."""

import pytest

from core import clock
from core.formats import jsonl
from tests.support import scripted_models
from tests.support.learning_server import LearningServer

OLD = "ft:gpt-4o-mini-2024-07-18:local::ftjob-1"
QUESTIONS = ("When does the {name} gate open?", "{name} gate, from when?", "At what hour is the {name} gate opened?")


def gate_rows(*templates):
    """Rows of a training file: each template for each gate."""
    rows = [
        jsonl.new_row("Answer briefly.", template.format(name=name), f"The {name} gate opens at {hour}.")
        for template in templates
        for hour, name in enumerate(scripted_models.GATES, 3)
    ]
    return "".join(f"{row}\n" for row in rows).encode()


def train_old(server):
    """A model whose job has its rows, a validation file and results."""
    asked = {"model": "gpt-4o-mini-2024-07-18"}
    asked["training_file"] = server.keep(gate_rows(*QUESTIONS[:2]), "rows.jsonl", "fine-tune")["id"]
    asked["validation_file"] = server.keep(gate_rows(QUESTIONS[2]), "val.jsonl", "fine-tune")["id"]
    server.create(asked)
    server.creations = 0  # from now on every one is counted


@pytest.fixture
def closing():
    with LearningServer() as fake:
        train_old(fake)
        yield fake


@pytest.fixture
def there():
    with LearningServer() as fake:
        yield fake


@pytest.fixture
def empty(project):
    """A project that knows nothing."""
    return project


@pytest.fixture(autouse=True)
def two_days_before_the_end(monkeypatch):
    """OpenAI takes no new jobs after 2027-01-06."""
    monkeypatch.setenv(clock.VARIABLE, "2027-01-04")
