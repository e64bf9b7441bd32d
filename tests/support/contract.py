"""OpenAI's published schema, as the package llm-comply carries it: what each request and response must look like.

The document says that it is OpenAPI 3.1 and uses words of 3.0 (`nullable`, a boolean `exclusiveMinimum`): these are
rewritten. It knows neither pause nor resume; they answer what cancel answers.
"""

import functools
import importlib.util
import json
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
from jsonschema.protocols import Validator

SAME_RESPONSE_AS = {"/pause": "/cancel", "/resume": "/cancel"}


def response_errors(method: str, path: str, body: Any) -> list[str]:
    """What is wrong with the body of a good answer; `path` without the version, `/fine_tuning/jobs/ftjob-1`."""
    return _errors(_response_validator(method.lower(), _find_path_template(path)), body)


def request_errors(method: str, path: str, body: Any) -> list[str]:
    """What is wrong with a request: its JSON body (or form, as a dict; None for none), and its query.

    Fields that the document does not have are wrong too, at any depth.
    """
    operation = _document()["paths"][_find_path_template(path)][method.lower()]
    return _query_errors(operation, path) + _body_errors(operation.get("requestBody"), body)


def _query_errors(operation: dict[str, Any], path: str) -> list[str]:
    known = {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "query"}
    found = []
    for name, value in urllib.parse.parse_qsl(path.partition("?")[2]):
        schema = known.get(name.partition("[")[0], {}).get("schema")
        if schema is None:
            found.append(f"{name}: no such parameter")
        elif schema.get("type") == "integer" and not value.isdigit():
            found.append(f"{name}: not a whole number")
        elif value not in schema.get("enum", [value]):
            found.append(f"{name}: {value} is none of {schema['enum']}")
    return found


def _body_errors(wanted: dict[str, Any] | None, body: Any) -> list[str]:
    if wanted is None or body is None:
        return [] if wanted is body is None else ["a body is missing, or too much"]
    (content,) = wanted["content"].values()
    validator = jsonschema.Draft202012Validator({**content["schema"], "components": _document()["components"]})
    return _errors(validator, body) + list(_unknown_fields([content["schema"]], body, ""))


def _unknown_fields(schemas: list[dict[str, Any]], value: Any, place: str) -> Iterator[str]:
    """The fields of `value` that are in none of the schemas."""
    parts = [part for schema in schemas for part in _subschemas(schema)]
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _unknown_fields([part["items"] for part in parts if "items" in part], one, f"{place}/{index}")
    if not isinstance(value, dict) or any(part.get("additionalProperties") for part in parts):
        return
    for name, one in value.items():
        known = [part["properties"][name] for part in parts if name in part.get("properties", {})]
        if known:
            yield from _unknown_fields(known, one, f"{place}/{name}")
        elif any("properties" in part for part in parts):
            yield f"{place}/{name}: unknown field"


def _subschemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and those it refers to or combines."""
    if reference := schema.get("$ref"):
        yield from _subschemas(_document()["components"]["schemas"][reference.rpartition("/")[2]])
    for word in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(word, []):
            yield from _subschemas(one)
    yield schema


def schema_errors(name: str, body: Any) -> list[str]:
    """What is wrong with a value of a named schema, such as `ErrorResponse` or a chunk of a stream."""
    return _errors(_validator(f"#/components/schemas/{name}"), body)


def _errors(validator: Validator, body: Any) -> list[str]:
    found = validator.iter_errors(body)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in found]


@functools.cache
def _find_path_template(path: str) -> str:
    for ours, theirs in SAME_RESPONSE_AS.items():
        path = path.removesuffix(ours) + theirs if path.endswith(ours) else path
    for template in sorted(_document()["paths"], key=lambda one: one.count("{")):
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path.partition("?")[0]):
            return template
    raise LookupError(f"The document has no {path}.")


@functools.cache
def _response_validator(method: str, template: str) -> Validator:
    return _validator(
        f"#/paths/{_escape_json_pointer(template)}/{method}/responses/200/content/application~1json/schema"
    )


def _escape_json_pointer(template: str) -> str:
    """A path as a part of a JSON pointer in a URL."""
    return template.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


@functools.cache
def _validator(reference: str) -> Validator:
    return jsonschema.Draft202012Validator({"$ref": reference, **_document()})


@functools.cache
def _document() -> dict[str, Any]:
    """Read as data: the package itself is never imported."""
    spec = importlib.util.find_spec("llm_comply")
    assert spec and spec.origin
    document = json.loads((Path(spec.origin).parent / "specs" / "openai_chat.json").read_text("utf-8"))
    return {name: _convert_openapi_30(document[name]) for name in ("paths", "components")}


def _convert_openapi_30(value: Any) -> Any:
    if isinstance(value, list):
        return [_convert_openapi_30(one) for one in value]
    if not isinstance(value, dict):
        return value
    value = {key: _convert_openapi_30(one) for key, one in value.items()}
    for word, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if value.get(word) is True:
            value[word] = value.pop(bound)
        elif value.get(word) is False:
            del value[word]
    if isinstance(value.get("nullable"), bool) and value.pop("nullable"):
        return {"anyOf": [value, {"type": "null"}]}
    return value
