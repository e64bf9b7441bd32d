"""What is said before a job starts: its cost, what stands in its way, and what the server thinks of the rows."""

import asyncio
import datetime

import pytest

from core import checks, clock
from core.dataset import examples as dataset_examples
from core.dataset import filters, versions
from core.dataset.filters import Filter
from core.errors import ProviderError
from core.progress import Reporter
from core.providers import server_presets, shutdown_dates
from core.providers.local_engine import LocalProvider
from core.providers.protocol_types import ModelOffer, TrainingEstimate
from core.review import findings
from core.spec import facts
from core.spec.spec import Spec
from core.training import preflight, submit
from core.training.submit import TrainingPlan
from tests.support.fake_server import Fault
from tests.support.projects import new_example

PLAN = TrainingPlan("gpt-4o-mini-2024-07-18", "study", {"n_epochs": 3}, 7)


def examine(project, *plans, server=None, kind="openai"):
    async def whole():
        provider = server.provider() if server else None

        async def connect():
            if provider is None:
                raise ProviderError("There is no network", "Try it later.")
            return provider

        try:
            found = server_presets.preset(kind)
            return await preflight.examine(project, "fake", found, connect, plans, Reporter())
        finally:
            if provider:
                await provider.close()

    return asyncio.run(whole())


def rules(report, severity):
    return {one.rule for one in report.objections if one.severity == severity}


def add(project, *examples):
    asyncio.run(project.write("", dataset_examples.add, examples))


def row(question, answer, **fields):
    return new_example(question, answer, tags="own", split="train", **fields)


def test_the_cost_is_tokens_times_epochs_at_the_dated_price(sample, server):
    report = examine(sample, PLAN, server=server)
    assert (report.jobs, report.rows, report.epochs) == (1, 178, 3)
    assert report.cost == pytest.approx((3 * report.tokens * 3 / 1e6,) * 2)
    assert report.prices and report.needs_confirmation


def test_a_sweep_costs_the_sum_and_an_open_number_of_epochs_a_range(sample, server):
    once = examine(sample, PLAN, server=server)
    several = examine(sample, PLAN, TrainingPlan(PLAN.model, "study"), server=server)
    assert several.tokens == 2 * once.tokens and several.epochs is None
    low, high = several.cost
    assert low == pytest.approx(once.cost[0] * 4 / 3) and high >= once.cost[0] * 2


class Engine(LocalProvider):
    """Estimates without a process."""

    def __init__(self, estimate):
        super().__init__()
        self.estimate, self.sent = estimate, []

    async def offers(self):
        bases = {"smollm2": "en", "gemma": "ja en", "qwen": "ja en", "unknown": ""}
        return [ModelOffer(id, id.title(), languages=spoken) for id, spoken in bases.items()]

    async def estimate_training(self, model, method, hyperparameters, rows, count, validation):
        self.sent.append((model, hyperparameters, len(rows), count, validation))
        if self.estimate is None:
            raise ProviderError("The model is not known", "")
        return self.estimate


def examine_local(project, estimate, *plans):
    engine = Engine(estimate)

    async def connect():
        return engine

    preset = server_presets.preset("local")
    return asyncio.run(preflight.examine(project, "local", preset, connect, plans, Reporter())), engine


def test_jobs_of_this_computer_are_estimated_before_they_start(sample):
    plans = [TrainingPlan("smollm2", "plain", {"n_epochs": 2}), TrainingPlan("smollm2", "plain")]
    found, engine = examine_local(sample, TrainingEstimate(200.0, 10**9, 2 * 10**9), *plans)
    assert [sent[:2] for sent in engine.sent] == [("smollm2", {"n_epochs": 2}), ("smollm2", {})]
    assert all(rows == count for _, _, rows, count, _ in engine.sent)
    assert found.estimate.seconds == 400 and not found.needs_confirmation
    assert examine_local(sample, TrainingEstimate(400.0, 10**9, 2 * 10**9), *plans)[0].needs_confirmation  # it is long
    found, _ = examine_local(
        sample, TrainingEstimate(5.0, 9 * 10**9, 2 * 10**9, ("smaller", "b", "c", "d")), *plans[:1]
    )
    assert found.is_blocked and rules(found, "error") == {"not-enough-memory"}
    (message,) = [one.message for one in found.objections if one.rule == "not-enough-memory"]
    assert "9.0 GB" in message and "2.0 GB" in message and message.endswith("smaller, b, c")


def test_a_base_model_that_was_not_made_for_the_language_is_named_before_it_starts(sample):
    """A Japanese text was taught to an English model, and nothing said so. It may learn the rows, but little else."""
    plan, enough = TrainingPlan("smollm2", "plain"), TrainingEstimate(5.0, 10**9, 2 * 10**9)
    assert "language" not in rules(examine_local(sample, enough, plan)[0], "note")
    asyncio.run(sample.write("", lambda db: facts.save(db, Spec(text="月見湯は銭湯です。"))))
    for estimate in (enough, None):
        found, _ = examine_local(sample, estimate, plan)
        (message,) = [one.message for one in found.objections if one.rule == "language"]
        assert message.endswith("These were: Gemma, Qwen")
    for model in ("gemma", "unknown"):
        assert "language" not in rules(examine_local(sample, enough, TrainingPlan(model, "plain"))[0], "note")


def test_training_on_this_computer_costs_nothing_and_needs_no_estimate(sample):
    found, _ = examine_local(sample, None, TrainingPlan("smollm2", "plain"))
    assert found.cost == (0.0, 0.0) and found.estimate is None
    assert rules(found, "note") == {"few-rows"} and not found.needs_confirmation


def test_errors_block(sample, server):
    add(sample, *[dataset_examples.read_row('{"messages": [{"role": "assitant"}]}', tags="own")] * 12)
    report = examine(sample, TrainingPlan(PLAN.model, "own"), server=server)
    assert report.is_blocked and "role-unknown" in rules(report, "error")
    for wrong in (TrainingPlan(PLAN.model, "nothing"), TrainingPlan(PLAN.model, "study", method="dpo"), TrainingPlan(PLAN.model, "study", {"n_epochs": 99})):  # fmt: skip
        assert "settings" in rules(examine(sample, wrong, server=server), "error")


@pytest.mark.parametrize(("kind", "severity"), [("openai", "error"), ("local", "error"), ("custom", "warning")])
def test_a_key_for_which_the_server_refuses_the_whole_file_blocks(sample, server, kind, severity):
    """It passed as a warning, and the job failed after the upload."""
    text = '{"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "I.", "mood": 1}]}'
    add(sample, *[dataset_examples.read_row(text, tags="own")] * 12)
    report = examine(sample, TrainingPlan(PLAN.model, "own"), server=server, kind=kind)
    (found,) = [one for one in report.objections if one.rule == "key-unknown"]
    assert found.severity == severity and report.is_blocked is (severity == "error")
    assert ("refuses the whole file" in found.message) is report.is_blocked and "rule:key-unknown" in found.words


def test_personal_data_and_leaks_are_found_and_lead_to_their_rows(sample, server):
    asked = next(dataset_examples.iterate(sample.rows, Filter(split="test", kind="reworded")))
    add(sample, row(asked.question, asked.answer), row("Who?", "Write to ann@acme.io, card 4111 1111 1111 1111."))
    own = filters.find(sample.rows, Filter(tag="own"))
    report = examine(sample, TrainingPlan(PLAN.model, "own"), server=server)
    assert {"personal-email", "personal-card", "split-leakage"} <= rules(report, "warning")
    # One table says how bad a problem is: here, in the grid, in the panel and in resources/guide/en/rules.md.
    for one in report.objections:
        if one.rule in checks.RULES:
            assert one.severity == checks.RULES[one.rule].severity
    leaks = next(one for one in report.objections if one.rule == "split-leakage")
    shown = filters.find(sample.rows, filters.parse(leaks.words))
    assert f"{len(shown)} row" in leaks.message
    assert len(shown) > 0 and set(shown) <= set(own)  # of the rows that the job would be sent
    whole = findings.count_by_rule(sample.rows)["split-leakage"]
    assert dataset_examples.count_values(sample.rows, "problems")["split-leakage"] == whole > len(shown)
    assert leaks.message.endswith(f"of this job ({whole} in the whole project)")
    for one in report.objections:
        if one.rule in ("personal-email", "personal-card", "split-leakage"):
            assert set(filters.find(sample.rows, filters.parse(one.words))) & {asked.id, *own}


def test_flagged_rows_are_marked_and_each_text_is_asked_about_once(sample, server):
    said = "How do I hurt them?\nLike this."
    server.flagged[said] = ["violence"]
    add(sample, row("How do I hurt them?", "Like this."))
    asked = []
    server.weather = lambda _method, path: asked.append(path) if "moderations" in path else None
    report = examine(sample, TrainingPlan(PLAN.model, "own"), TrainingPlan(PLAN.model, "study"), server=server)
    assert "moderated" in rules(report, "warning")
    (found,) = findings.load(sample.rows, "moderated")
    assert found.message == "The server's moderation flags it: violence."
    before = len(asked)
    add(sample, row("Another?", "Yes."))
    report = examine(sample, TrainingPlan(PLAN.model, "own"), TrainingPlan(PLAN.model, "study"), server=server)
    assert before > 1 and len(asked) == before + 1
    # The check of the whole set, which was made anew for the new row, has not forgotten the verdict.
    assert "moderated" in rules(report, "warning")


def test_a_server_that_does_not_answer_is_said_and_the_job_may_wait(sample, server):
    assert rules(examine(sample, PLAN), "warning") >= {"unreachable"}
    server.weather = lambda _method, path: Fault(status=404) if "moderations" in path else None
    report = examine(sample, PLAN, server=server)
    assert "moderation" in rules(report, "warning") and not report.is_blocked


def test_what_ends_is_said(sample, server, monkeypatch):
    monkeypatch.setattr(clock, "today", lambda: datetime.date(2026, 11, 27))
    server.shutdown[PLAN.model] = "2027-01-14"
    report = examine(sample, PLAN, server=server)
    assert {"closing", "shut-down"} <= rules(report, "warning")
    monkeypatch.setattr(clock, "today", lambda: datetime.date(2027, 1, 7))
    assert "closing" in rules(examine(sample, PLAN, server=server), "error")
    monkeypatch.setattr(clock, "today", lambda: shutdown_dates.last_day("openai") + datetime.timedelta(400))
    assert {"closing", "shut-down"} <= rules(examine(sample, PLAN, server=server), "error")


def test_models_and_limits_of_the_account_are_looked_at(sample, server):
    report = examine(sample, TrainingPlan("gpt-9", "study"), server=server)
    assert {"not-listed", "price-unknown"} <= rules(report, "warning")
    server.limits = {"gpt-4.1": {"max_concurrent_jobs": 1}}
    server.models[PLAN.model] = 2
    assert "not-trainable" in rules(examine(sample, PLAN, server=server), "warning")
    server.limits = {PLAN.model: {"max_concurrent_jobs": 1}}
    assert "limited" in rules(examine(sample, PLAN, TrainingPlan(PLAN.model, "plain"), server=server), "note")


def test_the_same_wish_twice_is_noticed(sample, server):
    asyncio.run(submit.enqueue(sample, "fake", [PLAN]))
    assert "trained-already" in rules(examine(sample, PLAN, server=server), "warning")
    assert "trained-already" not in rules(examine(sample, TrainingPlan(PLAN.model, "study"), server=server), "warning")


def test_a_kept_version_is_measured_as_it_was(sample, server):
    asyncio.run(project_keep(sample))
    asyncio.run(sample.write("", dataset_examples.delete, list(filters.find(sample.rows, Filter(tag="study")))[:100]))
    report = examine(sample, TrainingPlan(PLAN.model, "study", version=1), server=server)
    assert report.rows == 178 and report.tokens > 0


async def project_keep(project):
    await project.write("", versions.save, "Before")
