"""A refusal of the local engine is told in the person's language; the engine's own words follow it."""

import ast
from collections.abc import Iterator

import pytest

from core import language
from core.errors import ProviderError
from core.paths import ROOT
from core.providers import JobRequest, exports_api, server_codes
from core.providers.server_codes import explain_code, explain_failure
from tests.support.fake_server import Fault
from tests.support.serving import run

FULL = Fault(status=507, code="insufficient_storage", message="The disk of this server is full.")
LITTLE = Fault(status=503, code="insufficient_memory", message="There was too little memory.")
DAMAGED = Fault(status=400, code="damaged_record", message="The model is damaged. /x/model.json is gone.")
GONE = Fault(status=404, code="model_not_found", message="The model `x` does not exist.")
TOLD = [
    (FULL, "could not do this", "The disk of the server is full", "実行できません", "サーバーのディスクがいっぱいです"),
    (LITTLE, "could not do this", "too little memory. Close", "実行できません", "サーバーのメモリが足りません"),
    (DAMAGED, "rejected the request", "Put it back from a backup", "", "壊れています"),
    (GONE, "does not have this", "There is no such model", "", "このモデルはサーバーにない"),
]


@pytest.mark.parametrize(("fault", "title", "words", "japanese_title", "japanese"), TOLD)
def test_a_refusal_is_told_in_both_languages(server, fault, title, words, japanese_title, japanese):
    server.weather = lambda _method, _path: fault
    for code, wanted_title, wanted, brackets in (("en", title, words, "()"), ("ja", japanese_title, japanese, "（）")):
        language.set_language(code)
        with pytest.raises(ProviderError) as caught:
            run(server, lambda provider: provider.create_job(JobRequest("m", "f", "t")))
        assert wanted_title in caught.value.title and wanted in caught.value.message
        assert f"{brackets[0]}{fault.message}{brackets[1]}" in caught.value.message
        assert (caught.value.status, caught.value.code) == (fault.status, fault.code)


def test_an_error_of_the_server_itself_is_told_as_before(server):
    server.weather = lambda _method, _path: Fault(status=500)
    with pytest.raises(ProviderError, match="has an internal error") as caught:
        run(server, lambda provider: provider.models())
    assert caught.value.message == "The server had an error. Nothing is lost. Try again later."


def test_what_a_job_or_an_export_failed_of_is_told_in_japanese():
    language.set_language("ja")
    assert explain_failure("server_error", "Its process ended.") == "サーバーで問題が起きました。（Its process ended.）"
    assert explain_failure("another", "Words.") == "Words."
    assert explain_failure("insufficient_storage", "") == explain_code("insufficient_storage")
    item = {
        "id": "e", "model": "m", "name": "n", "formats": [], "status": "failed", "files": [], "models": {}, "commands": {},
        "error": {"code": "export_failed", "message": "A GGUF file cannot be written."},
    }  # fmt: skip
    assert exports_api._state(item).error == "モデルを書き出せませんでした。（A GGUF file cannot be written.）"


# Codes of what this program never sends, or shows by the HTTP status alone.
NOT_TOLD = {
    "after", "limit", "invalid_value", "invalid_type", "missing_required_parameter", "unknown_parameter",
    "array_above_max_length", "invalid_request_error", "invalid_http", "invalid_api_key", "moderation_not_available",
    "not_stored", "not_installed", "unsupported_method", "insufficient_quota", "server_error", "rate_limit_exceeded",
}  # fmt: skip
CODE_PLACES = {"ApiError": 9, "bad_request": 2, "TrainingError": 0, "JobError": 0, "InvalidFileError": 0}


def test_every_code_of_the_engine_has_a_sentence():
    paths = sorted((ROOT / "core" / "engine").rglob("*.py"))
    codes = {code for path in paths for code in _find_codes(ast.parse(path.read_text("utf-8")))}
    assert len(codes) > 20
    assert {code for code in codes - NOT_TOLD if not explain_code(code)} == set()
    assert server_codes.explain_code("no such code") == ""


def _find_codes(tree: ast.Module) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in CODE_PLACES:
            place = CODE_PLACES[ast.unparse(call.func).rpartition(".")[2]]
            given = [one.value for one in call.keywords if one.arg == "code"] + call.args[place : place + 1]
            yield from (one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str))
        elif isinstance(call, ast.Assign) and isinstance(call.value, ast.Constant) and _is_failure(call):
            yield str(call.value.value)


def _is_failure(one: ast.Assign) -> bool:
    """Whether it is one of the constants of `core.engine.failures`."""
    names = ("INSUFFICIENT_STORAGE", "INSUFFICIENT_MEMORY", "DAMAGED_FILE", "UNREACHED", "MISSING_PACKAGE", "CODE")
    return ast.unparse(one.targets[0]) in names
