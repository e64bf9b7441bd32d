"""An LLM run that was interrupted is found again and offered, until it is finished or dropped."""

from core.generation import llm_runs, run_recovery
from core.providers import Reply
from tests.support.projects import write
from tests.support.scripted_models import MODEL, begin


def test_the_newest_interrupted_run_of_a_task_is_offered_until_it_is_dropped(gates):
    db = gates.rows
    assert run_recovery.load_newest(db, "examples") is None
    older, newer = begin(gates), begin(gates)
    landed, failed, answered = (str(one.id) for one in llm_runs.load_requests(db, newer, "waiting")[:3])
    write(gates, llm_runs._store_reply, landed, Reply(["[]"], MODEL, "", 0.1, 7))
    write(gates, lambda db: db.execute("UPDATE inquiry_request SET status = 'landed' WHERE id = ?", (landed,)))
    write(gates, llm_runs._store_error, failed, "Too busy")
    write(gates, llm_runs._store_reply, answered, Reply(["[]"], MODEL, "", 0.1, 7))
    found = run_recovery.load_newest(db, "examples")
    assert (found.llm_run.id, found.total, found.missing, found.reason, found.at_server) == (
        newer,
        10,
        8,
        "Too busy",
        0,
    )
    assert run_recovery.load_newest(db, "judge") is None
    write(gates, run_recovery.drop, newer)
    assert run_recovery.load_newest(db, "examples").llm_run.id == older
    assert (llm_runs.load(db, newer).status, llm_runs.load(db, older).status) == ("dropped", "running")
