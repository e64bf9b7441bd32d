"""Two lives of `tools/engine_faults.py`, which tries every write: the engine and the training process are killed."""

import pytest

from tests.support.engine_faults import SERVER, TRAINING, Engines, KillMatrix


@pytest.mark.parametrize(
    ("module", "number", "seen"),
    [
        (SERVER, 8, "the job succeeded"),
        (TRAINING, 2, "the job failed: The job failed. Its process was ended by SIGKILL"),
    ],
)
def test_a_kill_at_a_write_leaves_one_job_and_no_raw_words(base: object, module: str, number: int, seen: str) -> None:
    engines = Engines()
    try:
        life = KillMatrix(engines).kill_at(module, number)
    finally:
        engines.close()
    assert life.seen.startswith(seen) and life.wrong == []
