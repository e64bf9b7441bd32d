"""An exam as a configuration for promptfoo: the same questions, conditions and models, marked as similarly as it can."""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from core import keys, prompts
from core.errors import JukuError
from core.exam import point_making, prompt_conditions, runs, scores
from core.exam.prompt_conditions import RETRIEVED, FewShotExample, PromptBuilder
from core.exam.report import report_data
from core.exam.runs import ExamQuestion, ExamRun
from core.language import tr
from core.lazy_loading import lazy_pattern
from core.providers import LOCAL, request_code, server_presets
from core.settings import ProviderSettings
from core.spec import revisions
from core.text import normalise

SCHEMA = "# yaml-language-server: $schema=https://promptfoo.dev/config-schema.json\n"
QUESTION, PASSAGES = "{{question}}", "{{passages}}"  # filled by promptfoo
KANJI_NUMBERS = dict(zip(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"], "一二三四五六七八九十", strict=True))
NORMALISED_OUTPUT = (
    'output.normalize("NFKC").toLowerCase().replace(/\\s+/g, " ").replace(/(\\d),(?=\\d{3})/g, "$1")'
    '.replace(/ ?([\\u3041-\\u9fff]) ?/g, "$1")'
)
_TEMPLATE_MARKS = lazy_pattern(r"[{}%#]*[{}][{}%#]*")  # what begins or ends a place to fill in
WITHOUT_PUNCTUATION = '.replace(/[^\\p{L}\\p{N}]+/gu, " ").trim()'

Servers = Sequence[ProviderSettings]


def build_config(db: sqlite3.Connection, id: int, servers: Servers = ()) -> str:
    """The file: JSON, which is YAML too. It holds no key, only the name of the environment variable that does.

    Raises `JukuError` where there is no such run, or promptfoo has no counterpart of a condition or of the grader.
    """
    run = report_data.find_run(db, id)
    revision = revisions.load_revision(db, run.revision) if run.revision else None
    builder = prompt_conditions.load_prompt_builder(db, run.retrieval, revision.spec if revision else None)
    try:
        whole = _build(db, run, builder, {one.id: one for one in servers})
    finally:
        builder.close()
    return SCHEMA + json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _build(
    db: sqlite3.Connection, run: ExamRun, builder: PromptBuilder, servers: dict[str, ProviderSettings]
) -> dict[str, Any]:
    passages = _load_passages(db, run)
    whole: dict[str, Any] = {
        "description": _escape_value(
            tr("Exam {number} of Juku: {title}", number=run.id, title=report_data.report_title(db, run))
        ),
        "prompts": [
            {"label": name, "raw": json.dumps(_build_messages(builder, name), ensure_ascii=False)}
            for name in dict.fromkeys(one.condition for one in run.subjects)
        ],
        "providers": _build_providers(run, servers),
        "evaluateOptions": {"repeat": run.repeats},
        "tests": [_build_test(run, one, passages) for one in runs.load_questions(db, run.id)],
    }
    if run.judge:
        judge = _build_provider(run, *run.judge, servers)
        whole["defaultTest"] = {"options": {"provider": judge}}
    return whole


def _build_providers(run: ExamRun, servers: dict[str, ProviderSettings]) -> list[dict[str, Any]]:
    """Each model once, with the conditions under which it was asked."""
    conditions: dict[tuple[str, str], list[str]] = {}
    for one in run.subjects:
        conditions.setdefault((one.provider, one.model), []).append(one.condition)
    return [
        {**_build_provider(run, *key, servers), "prompts": list(dict.fromkeys(names))}
        for key, names in conditions.items()
    ]


def _build_provider(run: ExamRun, provider: str, model: str, servers: dict[str, ProviderSettings]) -> dict[str, Any]:
    sampling, entry = run.sampling, servers.get(provider)
    preset = server_presets.preset(entry.preset if entry else server_presets.CUSTOM)
    variable = request_code.ENGINE_VARIABLE if provider == LOCAL else _variable(provider, preset.id)
    config = {
        "apiBaseUrl": request_code.ENGINE_URL if provider == LOCAL else entry.base_url if entry else None,
        "apiKeyEnvar": variable,
        "headers": {"api-key": f"{{{{ env.{variable} }}}}"} if preset.auth == "api-key" else None,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }
    given = {name: value for name, value in config.items() if value not in (None, "")}
    return {"id": f"openai:chat:{_escape_value(model)}", "label": _escape_value(model), "config": given}


def _variable(provider: str, preset: str) -> str:
    return (
        request_code.OPENAI_VARIABLE
        if preset == "openai"
        else re.sub(r"\W", "_", keys.environment_variable(provider), flags=re.ASCII)
    )


def _build_messages(builder: PromptBuilder, condition: str) -> list[dict[str, str]]:
    """A prompt as promptfoo fills it: `PromptBuilder.prepare` with places for the question and its passages.

    Raises `JukuError` for a condition that has no counterpart there.
    """
    system = _escape_template(builder.system_prompt)
    shots: Sequence[FewShotExample] = ()
    match condition:
        case prompt_conditions.CLOSED_BOOK:
            pass
        case prompt_conditions.OPEN_BOOK:
            system = _fill_prompt(builder, "open_book", system, text=_escape_template(builder.text))
        case prompt_conditions.RETRIEVED:
            system = _fill_prompt(builder, "retrieved", system, passages=PASSAGES)
        case prompt_conditions.FEW_SHOT:
            shots = builder.shots
        case _:
            raise _no_counterpart_error(tr("the condition “{name}”", name=condition))
    shown = [
        {"role": role, "content": _escape_template(text)}
        for shot in shots
        for role, text in (("user", shot.question), ("assistant", shot.answer))
    ]
    first = [{"role": "system", "content": system}] if system else []
    return [*first, *shown, {"role": "user", "content": QUESTION}]


def _no_counterpart_error(part: str) -> JukuError:
    return JukuError(
        tr("The exam cannot be written for promptfoo"),
        tr("promptfoo has no counterpart of {part}. No file was written. Choose another kind of report.", part=part),
    )


def _fill_prompt(builder: PromptBuilder, name: str, system: str, **values: str) -> str:
    whole = prompts.fill(prompts.load(name, builder.language), **values).strip()
    return f"{system}\n\n{whole}".strip()


def _load_passages(db: sqlite3.Connection, run: ExamRun) -> dict[int, str]:
    """What was found for each question, where a subject was asked with it."""
    sql = (
        "SELECT a.question, min(a.passages) FROM eval_answer a JOIN eval_subject s ON s.id = a.subject "
        "WHERE a.run = ? AND s.condition = ? GROUP BY a.question"
    )
    return {
        question: "\n\n".join(
            f"[{at}] {one.passage.whole}" for at, one in enumerate(prompt_conditions.parse_passages(stored), 1)
        )
        for question, stored in db.execute(sql, (run.id, RETRIEVED))
    }


def _build_test(run: ExamRun, one: ExamQuestion, passages: dict[int, str]) -> dict[str, Any]:
    values = {"question": _escape_value(one.question)}
    if any(subject.condition == RETRIEVED for subject in run.subjects):
        values["passages"] = _escape_value(passages.get(one.id, ""))
    metadata = {"kind": _escape_value(one.kind), "facts": _escape_value(one.facts)}
    checks = [{**check, "metric": _escape_value(scores.kind_line(one))} for check in _build_assertions(run, one)]
    return {"vars": values, "metadata": metadata, "assert": checks}


def _build_assertions(run: ExamRun, one: ExamQuestion) -> Iterator[dict[str, Any]]:
    """What promptfoo checks of an answer. Raises `JukuError` for a grader that has no counterpart there."""
    if one.kind == "not_stated" and run.grader == "key_points":
        yield _rubric(tr("The answer says that this is not in the text, and does not answer anyway."))
        return
    match run.grader:
        case "exact":
            yield _javascript(
                f"{NORMALISED_OUTPUT}{WITHOUT_PUNCTUATION} === {_quote_javascript(one.reference)}.normalize('NFKC').toLowerCase(){WITHOUT_PUNCTUATION}"
            )
        case "regex":
            yield _javascript(
                f"new RegExp({_quote_javascript(one.key_points.strip() or one.reference.strip())}, 'i').test(output)"
            )
        case "key_points" | "contains":
            points = (
                one.key_points.strip()
                or point_making.suggest_points(one.reference, one.reference, one.question, one.kind)
                or one.reference
            )
            yield from (_javascript(_point_expression(point)) for point in normalise.parse_key_points(points))
        case _:
            raise _no_counterpart_error(tr("the grader “{name}”", name=run.grader))
    if run.judge:
        yield _rubric(
            tr("The answer agrees with this reference answer: {reference}", reference=_escape_template(one.reference))
        )


def _javascript(value: str) -> dict[str, Any]:
    return {"type": "javascript", "value": value}


def _rubric(value: str) -> dict[str, Any]:
    return {"type": "llm-rubric", "value": value}


def _point_expression(point: normalise.KeyPoint) -> str:
    """JavaScript: whether an answer contains any wording of a key point, numbers in digits or in words."""
    raw = point.text.removeprefix("!").split("|")
    wordings = dict.fromkeys(one for text in raw for one in _spell_variants(text))
    patterns = [normalise.build_pattern(one) for one in wordings]
    listed = ", ".join(map(_quote_javascript, patterns))
    return f"{'!' if point.forbidden else ''}[{listed}].some((one) => new RegExp(one).test({NORMALISED_OUTPUT}))"


def _spell_variants(text: str) -> Iterator[str]:
    plain = " ".join(unicodedata.normalize("NFKC", text).lower().split())
    plain = re.sub(r" ?([\u3041-\u9fff]) ?", r"\1", re.sub(r"(\d),(?=\d{3})", r"\1", plain))
    words = {str(value): word for word, value in normalise.WORD_VALUES.items()}
    for one in filter(None, (plain, normalise.normalise(text))):
        yield one
        for names in (words, KANJI_NUMBERS):
            yield re.sub(r"(?<![\d.])\d+(?![\d.])", partial(_write_number, names), one)


def _write_number(names: dict[str, str], found: re.Match[str]) -> str:
    return names.get(found[0], found[0])


def _quote_javascript(text: str) -> str:
    """A text as JavaScript writes it, in which promptfoo finds nothing to fill in."""
    return (
        json.dumps(text, ensure_ascii=False)
        .replace("{", "\\u007b")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def _escape_template(text: str) -> str:
    """A part of a template that comes out as it is."""
    return _TEMPLATE_MARKS.sub(lambda found: f'{{{{ "{found[0]}" }}}}' if len(found[0]) > 1 else found[0], text)


def _escape_value(text: str) -> str:
    """A value that promptfoo neither fills in nor takes for the name of a file to read or to run."""
    escaped = _TEMPLATE_MARKS.sub(lambda found: " ".join(found[0]), text)
    return f" {escaped}" if escaped.startswith(("file:", "package:")) else escaped
