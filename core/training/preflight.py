"""Preflight check of jobs, before anything is paid for: what they would cost, and objections to starting them."""

import datetime
import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from core import checks, clock
from core.dataset import examples, filters, row_system_prompts, token_counts
from core.dataset.filters import Filter
from core.errors import JukuError, ProviderError
from core.language import tr, trn
from core.progress import Reporter
from core.providers import LOCAL, JobStatus, ModelInfo, Provider, model_kinds, prices, shutdown_dates, uploads
from core.providers.local_engine import LocalProvider
from core.providers.own_jobs import OwnJobsProvider
from core.providers.protocol_types import ModelOffer, TrainingEstimate
from core.providers.server_presets import ServerPreset
from core.review import dataset_check, finding_texts, findings, moderation
from core.spec import spec
from core.storage.project import Project
from core.training import estimates, jobs, row_selection, teacher_messages
from core.training.jobs import Job
from core.training.row_selection import row_filter
from core.training.submit import TrainingPlan

PROMPT_NOT_ASKED, PROMPT_DIFFERS = "prompt-not-asked", "system-prompt-differs"
FEW_ROWS = "few-rows"
NO_MEMORY = "not-enough-memory"
NO_TEACHERS = "no-teachers"
LONG_SECONDS = 600.0  # of training, from which a person is told before it starts
UNSUCCESSFUL = (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.MISSING)

Connect = Callable[[], Awaitable[Provider]]


@dataclass(frozen=True, slots=True)
class Objection:
    """An error blocks, a warning asks, a note only informs. `words` is a filter that finds the rows, '' for no rows.

    `prompt` is the rows' system prompt where the project asks under another one and could take it, else None.
    """

    rule: str
    severity: checks.Severity
    message: str
    words: str = ""
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class PreflightReport:
    """The result for `jobs` jobs together. `tokens` are of one epoch; `cost` is in US dollars, lowest and highest.

    `cost` is None where no price is known, (0, 0) on this computer; `epochs` is None where the server chooses.
    `estimate` is of jobs on this computer, None elsewhere.
    """

    jobs: int
    rows: int
    tokens: int
    epochs: int | None
    cost: tuple[float, float] | None
    prices: str
    objections: list[Objection]
    estimate: TrainingEstimate | None = None

    @property
    def is_blocked(self) -> bool:
        """Whether the jobs cannot be started."""
        return any(one.severity == "error" for one in self.objections)

    @property
    def needs_confirmation(self) -> bool:
        """Whether a person should read it before anything starts."""
        is_long = self.estimate is not None and self.estimate.seconds > LONG_SECONDS
        return any(one.severity != "note" for one in self.objections) or bool(self.cost and self.cost[1]) or is_long


@dataclass(frozen=True, slots=True)
class _ServerInfo:
    """What the server reports: models and limits (None and {} where it does not), and what could not be loaded."""

    models: dict[str, ModelInfo] | None = None
    limits: dict[str, dict[str, int]] | None = None
    objections: tuple[Objection, ...] = ()


async def examine(
    project: Project, id: str, preset: ServerPreset, connect: Connect, plans: Sequence[TrainingPlan], reporter: Reporter
) -> PreflightReport:
    """Check the rows, the settings and the server of jobs. Nothing is started, nothing uploaded.

    Texts are sent only to the server's moderation, where it has one. Raises `JukuError`, and `CancelledError` when the
    reporter is cancelled.
    """
    await findings.refresh(project, reporter)
    for encoding in dict.fromkeys(token_counts.get_encoding(plan.model) for plan in plans):
        await token_counts.count_missing_rows(project, encoding, reporter)
    server = _ServerInfo() if id == LOCAL else await _load_server_info(project, preset, connect, plans, reporter)
    report = await project.read(_build_report, id, preset, plans, server)
    if id != LOCAL or report.is_blocked:
        return report
    return await _examine_locally(report, project, connect, plans, reporter)


async def _examine_locally(
    report: PreflightReport, project: Project, connect: Connect, plans: Sequence[TrainingPlan], reporter: Reporter
) -> PreflightReport:
    """What the jobs need on this computer, and what the engine knows of their base models. Where it cannot tell, nothing
    is added: the job itself will report why."""
    try:
        provider = await connect()
        if not isinstance(provider, LocalProvider):
            return report
        language = await project.read(lambda db: spec.get_language(spec.load(db)))
        found = [*report.objections, *_check_language(await provider.offers(), plans, language)]
        report = replace(report, objections=found)
        return _add_estimate(report, await estimates.estimate_plans(project, provider, plans, reporter))
    except ProviderError:
        return report


def _check_language(offers: Sequence[ModelOffer], plans: Sequence[TrainingPlan], language: str) -> Iterator[Objection]:
    wanted = {plan.model for plan in plans}
    for offer in offers:
        if offer.id in wanted and not offer.speaks(language):
            words = tr("{title} was not made for this project's language and will learn less", title=offer.title)
            others = [other.title for other in offers if other.languages and other.speaks(language)]
            if others:
                made = tr("These were: {models}", models=tr(", ").join(others[:3]))
                words = tr("{what}. {why}", what=words, why=made)
            yield Objection("language", "note", words)  # it may learn the rows all the same


def _add_estimate(report: PreflightReport, estimate: TrainingEstimate | None) -> PreflightReport:
    if estimate is None or estimate.fits:
        return replace(report, estimate=estimate)
    message = tr(
        "There is not enough memory: it needs about {needed}, and {free} is free. Close other programs, or choose a smaller model.",
        needed=format_gigabytes(estimate.memory),
        free=format_gigabytes(estimate.free),
    )
    if estimate.fitting:
        message += " " + tr("These would fit: {models}", models=", ".join(estimate.fitting[:3]))
    found = [Objection(NO_MEMORY, "error", message), *report.objections]
    return replace(report, estimate=estimate, objections=found)


def format_tokens(tokens: int) -> str:
    """The tokens of the rows, as they are counted before a training: a server counts those of its model's template, too."""
    return trn("{n} token of text in each epoch", "{n} tokens of text in each epoch", tokens)


def format_report(report: PreflightReport) -> list[str]:
    """The report as lines of text: amount, cost, time and memory here, and each objection with its severity."""
    lines = [f"{trn('{n} row', '{n} rows', report.rows)}, {format_tokens(report.tokens)}"]
    lines.append(format_training_cost(report))
    if report.estimate:
        minutes, memory = f"{report.estimate.seconds / 60:,.1f}", format_gigabytes(report.estimate.memory)
        lines.append(tr("About {minutes} min, and {memory} of memory", minutes=minutes, memory=memory))
    return [*lines, *(f"{one.severity}: {one.message}" for one in report.objections)]


def format_training_cost(report: PreflightReport) -> str:
    """What the jobs would cost, in words."""
    if report.cost is None:
        return tr("The cost is unknown: this model is not in the price list.")
    low, high = report.cost
    if not high:
        return tr("Free: it is trained on this computer.")
    if low == high:
        return tr("Costs about {cost}", cost=_format_dollars(high))
    return tr("Costs {low} to {high}", low=_format_dollars(low), high=_format_dollars(high))


def _format_dollars(amount: float) -> str:
    """US dollars with the digits that matter."""
    return f"${amount:,.2f}" if amount >= 0.1 else f"${amount:.2g}"


def format_gigabytes(bytes: int) -> str:
    """A size in GB, with the digit that matters."""
    return f"{bytes / 1e9:,.1f} GB"


async def _load_server_info(
    project: Project, preset: ServerPreset, connect: Connect, plans: Sequence[TrainingPlan], reporter: Reporter
) -> _ServerInfo:
    try:
        provider = await connect()
        models = {model.id: model for model in await provider.models()}
        if isinstance(provider, OwnJobsProvider):  # it lists the models that can be trained apart
            models = {offer.id: ModelInfo(offer.id) for offer in await provider.offers()} | models
    except JukuError as error:
        later = tr("The server cannot be reached now; the job would wait in the queue. {reason}", reason=error)
        return _ServerInfo(objections=(Objection("unreachable", "warning", later),))
    try:
        limits = await provider.model_limits()
    except ProviderError:  # few servers have it
        limits = {}
    return _ServerInfo(models, limits, tuple(await _check_moderation(project, preset, provider, plans, reporter)))


async def _check_moderation(
    project: Project, preset: ServerPreset, provider: Provider, plans: Sequence[TrainingPlan], reporter: Reporter
) -> list[Objection]:
    """Check the rows with the server's moderation, where it has one."""
    able = provider.capabilities.moderation
    if able is False or (able is None and "moderation" not in preset.capabilities):
        return []
    try:
        for tag in dict.fromkeys(plan.rows for plan in plans if plan.version is None):
            rows = await project.read(row_selection.load_rows, tag)
            await moderation.moderate_rows(project, provider, rows, reporter)
    except ProviderError as error:
        return [
            Objection(
                "moderation", "warning", tr("Some rows could not be checked by its moderation. {reason}", reason=error)
            )
        ]
    await moderation.store_flagged(project)
    return []


def _build_report(
    db: sqlite3.Connection, id: str, preset: ServerPreset, plans: Sequence[TrainingPlan], server: _ServerInfo
) -> PreflightReport:
    measured = [
        token_counts.compute_training_amount(
            db, row_filter(plan.rows), token_counts.get_encoding(plan.model), plan.version
        )
        for plan in plans
    ]
    cost, price_source = _estimate_cost(id, plans, measured)
    found = [
        *_check_plans(db, id, preset, plans),
        *_check_rows(db, preset, plans),
        *_check_length(measured),
        *server.objections,
    ]
    found = _check_prompts(db, plans, found)
    found += _check_dates(preset, plans, server, clock.today())
    found += _check_account(plans, server)
    if cost is None and preset.key_url:  # a server that sends bills
        found.append(Objection("price-unknown", "warning", tr("The price list has no price for training this model.")))
    epochs = {(plan.hyperparameters or {}).get("n_epochs") for plan in plans}
    (only,) = epochs if len(epochs) == 1 else (None,)
    return PreflightReport(
        len(plans),
        sum(one.rows for one in measured),
        sum(one.trained for one in measured),
        only if isinstance(only, int) else None,
        cost,
        price_source,
        sorted(dict.fromkeys(found), key=lambda one: checks.SEVERITIES.index(one.severity)),
    )


def _estimate_cost(
    id: str, plans: Sequence[TrainingPlan], measured: Sequence[token_counts.TrainingAmount]
) -> tuple[tuple[float, float] | None, str]:
    if id == LOCAL:
        return (0.0, 0.0), ""
    low = high = 0.0
    price_source = ""
    for plan, amount in zip(plans, measured, strict=True):
        epochs = (plan.hyperparameters or {}).get("n_epochs")
        price = prices.estimate_training_price(
            amount.trained, amount.rows, plan.model, epochs if isinstance(epochs, int) else None
        )
        if price is None:
            return None, ""
        low, high, price_source = low + price.low, high + price.high, f"{price.source}, {price.as_of}"
    return (low, high), price_source


def _check_plans(
    db: sqlite3.Connection, id: str, preset: ServerPreset, plans: Sequence[TrainingPlan]
) -> Iterator[Objection]:
    """Objections to the settings and the number of rows, and to jobs that were trained in the same way before."""
    earlier_jobs = [job for job in jobs.load_all(db) if job.provider == id and job.status not in UNSUCCESSFUL]
    texts: dict[tuple[str, int | None], list[str]] = {}
    for plan in plans:
        key = plan.rows, plan.version
        if key not in texts:
            texts[key] = row_selection.load_rows(db, plan.rows, version=plan.version)
        rows = texts[key]
        try:
            preset.check(plan.method, plan.hyperparameters or {}, plan.suffix)
            row_selection.require_enough_rows(rows)
            row_selection.require_method(rows, plan.method)
        except JukuError as error:
            words = tr("{what}. {why}", what=error.title, why=error.message)
            yield Objection("settings", "error", words, filters.format_filter(row_filter(plan.rows)))
            continue
        yield from _check_row_count(len(rows), plan)
        if teacher_messages.are_wanted(plan.hyperparameters):
            yield from _check_teachers(db, plan)
        if twin := next(
            (job for job in earlier_jobs if _is_same(job, plan, uploads.sha256_of(row_selection.to_jsonl(rows)))), None
        ):
            name = twin.fine_tuned_model or twin.remote_id or twin.status
            yield Objection(
                "trained-already",
                "warning",
                tr("The same rows were already sent with the same settings: {name}.", name=name),
            )


def _check_row_count(count: int, plan: TrainingPlan) -> Iterator[Objection]:
    if count < dataset_check.RECOMMENDED_TRAINING_ROWS:
        words = finding_texts.format_finding(FEW_ROWS, str(count))
        yield Objection(FEW_ROWS, checks.RULES[FEW_ROWS].severity, words, filters.format_filter(row_filter(plan.rows)))


def _check_teachers(db: sqlite3.Connection, plan: TrainingPlan) -> Iterator[Objection]:
    """Whether there is a teacher to distil from, and how many rows have none."""
    rows = teacher_messages.load_rows(db, plan.rows, version=plan.version)
    words = filters.format_filter(row_filter(plan.rows))
    try:
        teacher_messages.require_teachers(rows)
    except JukuError as error:
        yield Objection(NO_TEACHERS, "error", tr("{what}. {why}", what=error.title, why=error.message), words)
        return
    if without := len(rows) - teacher_messages.count_teachers(rows):
        text = trn("{n} of {total} row has no fact, and so no teacher: it is trained on without distillation.",
                   "{n} of {total} rows have no fact, and so no teacher: they are trained on without distillation.",
                   without, total=f"{len(rows):,}")  # fmt: skip
        yield Objection(NO_TEACHERS, "note", text, words)


def _is_same(job: Job, plan: TrainingPlan, digest: str) -> bool:
    settings = json.loads(job.settings)
    values = (job.digest, job.model, job.method, settings.get("hyperparameters"), settings.get("seed"))
    return values == (digest, plan.model, plan.method, plan.hyperparameters or {}, plan.seed)


def _check_rows(db: sqlite3.Connection, preset: ServerPreset, plans: Sequence[TrainingPlan]) -> Iterator[Objection]:
    """Objections from the checks of the rows as they are now. What this server refuses is an error."""
    chosen = [row_filter(tag) for tag in dict.fromkeys(plan.rows for plan in plans if plan.version is None)]
    counts: dict[str, tuple[int, Filter]] = {}
    for one in chosen:
        for rule, count in examples.count_rules(db, one).items():
            if count > counts.get(rule, (0, one))[0]:
                counts[rule] = count, one
    every = findings.count_by_rule(db)
    for rule, (count, one) in counts.items():
        known = checks.RULES[rule]
        text = trn("{title}: {n} row", "{title}: {n} rows", count, title=known.title())
        if every.get(rule, 0) > count:  # which is what the grid and the panel count
            text = tr("{text} of this job ({n} in the whole project)", text=text, n=f"{every[rule]:,}")
        severity = known.severity
        if rule in preset.refuses:
            severity = "error"
            text = tr("{text}. {server} refuses the whole file", text=text, server=preset.title)
        yield Objection(rule, severity, text, filters.format_filter(replace(one, rule=rule)))


def _check_prompts(
    db: sqlite3.Connection, plans: Sequence[TrainingPlan], found: Sequence[Objection]
) -> list[Objection]:
    """What was found, with the system prompts under which the project would not ask in the place of the rows' own problem."""
    wanted = spec.load(db).system_prompt
    chosen = dict.fromkeys((plan.rows, plan.version) for plan in plans)
    unused = [row_system_prompts.find_unused_prompt(db, row_filter(rows), version) for rows, version in chosen]
    words_of_rule = {one.rule: one.words for one in found}
    objections = [
        Objection(PROMPT_NOT_ASKED, "warning", row_system_prompts.describe_difference(one, wanted), words_of_rule.get(PROMPT_DIFFERS, ""), one.prompt if one.is_offered else None)
        for one in row_system_prompts.merge_unused_prompts(db, unused)
    ]  # fmt: skip
    return [*objections, *(one for one in found if not (objections and one.rule == PROMPT_DIFFERS))]


def _check_length(measured: Sequence[token_counts.TrainingAmount]) -> Iterator[Objection]:
    if over := max((one.over for one in measured), default=0):
        yield Objection("too-long", "warning", trn("{n} row is longer than {limit} tokens and would be cut off "
                                                   "silently.",
                        "{n} rows are longer than {limit} tokens and would be cut off silently.", over,
                        limit=f"{token_counts.TOKEN_LIMIT:,}"))  # fmt: skip
    if missing := max((one.missing for one in measured), default=0):
        yield Objection("not-counted", "note", trn("The tokens of {n} row of the saved version are not known.",
                        "The tokens of {n} rows of the saved version are not known.", missing))  # fmt: skip


def _check_dates(
    preset: ServerPreset, plans: Sequence[TrainingPlan], server: _ServerInfo, today: datetime.date
) -> Iterator[Objection]:
    """Objections from shutdown dates: of training at the server, and of the models."""
    last = shutdown_dates.last_day(preset.id)
    if last and (last - today).days < shutdown_dates.NOTICE_DAYS:
        words = shutdown_dates.ServiceShutdown(last, "training").describe(today)
        yield Objection("closing", "error" if last < today else "warning", words)
    for model in dict.fromkeys(plan.model for plan in plans):
        listed = (server.models or {}).get(model)
        closing = shutdown_dates.find_shutdown(model, listed.shutdown_date if listed else None, preset.id)
        left = shutdown_dates.days_left(closing, today) if closing else shutdown_dates.WARNING_DAYS
        if closing and left < 0:
            yield Objection("shut-down", "error", tr("{model} was shut down on {day}.", model=model, day=closing.day))
        elif closing and left < shutdown_dates.WARNING_DAYS:
            yield Objection("shut-down", "warning", tr("{model} and models trained from it are available until "
                                                       "{day} ({left}).",
                            model=model, day=closing.day, left=shutdown_dates.format_days_left(left)))  # fmt: skip


def _check_account(plans: Sequence[TrainingPlan], server: _ServerInfo) -> Iterator[Objection]:
    """Objections to models that the account does not have, or may not train."""
    for model in dict.fromkeys(plan.model for plan in plans):
        if server.models and model not in server.models and "ckpt" not in model:
            yield Objection("not-listed", "warning", tr("The server does not list the model {model}.", model=model))
        elif server.limits and model_kinds.base_of(model) not in server.limits and model not in server.limits:
            yield Objection("not-trainable", "warning", tr("The server does not list {model} among the models that this "
                            "account may train.", model=model))  # fmt: skip
        running = (server.limits or {}).get(model, {}).get("max_concurrent_jobs")
        if running is not None and len(plans) > running:
            yield Objection("limited", "note", trn("{n} job runs at a time on this server; the others wait.",
                            "{n} jobs run at a time on this server; the others wait.", running))  # fmt: skip
