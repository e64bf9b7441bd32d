"""Requests by chance against the local engine: `python tools/fuzz_engine.py [MINUTES] [SEED]`, after `make clients`.

schemathesis draws them, right and wrong ones, from docs/engine-openapi.json. Checked is that every answer is one that the
document has: no 500, the envelope on every error. The seed is printed; with it the same requests are drawn again.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "a token of the fuzz test"
MODEL = "smollm2-135m-instruct"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def load_document() -> dict[str, Any]:
    """The document, with a model that is there, and answers of a few tokens."""
    document: dict[str, Any] = json.loads((ROOT / "docs" / "engine-openapi.json").read_text("utf-8"))
    for schema in document["components"]["schemas"].values():
        properties = schema.get("properties", {})
        if "messages" in properties or "input" in properties or "prompt" in properties:
            properties["model"] = {"enum": [MODEL]}
            for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
                if name in properties:
                    properties[name] = {"type": "integer", "minimum": 1, "maximum": 4}
                    if name != "max_completion_tokens":
                        schema["required"] = sorted({*schema.get("required", []), name})
            if "n" in properties:
                properties["n"] = {"type": "integer", "minimum": 1, "maximum": 2}
            add_texts(properties)
    return document


def add_texts(properties: dict[str, Any]) -> None:
    """What the structs leave open, since it is checked by hand: messages, inputs and prompts."""
    text = {"type": "string", "minLength": 1, "maxLength": 40}
    if "messages" in properties:
        roles = ["system", "user", "assistant", "tool"]
        message = {
            "type": "object",
            "properties": {"role": {"enum": roles}, "content": text},
            "required": ["role", "content"],
        }
        properties["messages"] = {"type": "array", "minItems": 1, "maxItems": 3, "items": message}
        properties["tool_choice"] = {"enum": ["none", "auto", "required", None]}
    for name in ("input", "prompt"):
        if name in properties and "messages" not in properties:
            properties[name] = {"anyOf": [text, {"type": "array", "items": text, "minItems": 1, "maxItems": 2}]}


def start_engine(home: str) -> tuple[subprocess.Popen[str], str]:
    """An engine of its own, and its address."""
    command = [sys.executable, "-m", "core.engine", "--child", "--home", home]
    log = (Path(home) / "stderr").open("wb")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    engine = subprocess.Popen(command, cwd=ROOT, stderr=log, text=True, **pipes)
    assert engine.stdin and engine.stdout
    engine.stdin.write(TOKEN + "\n")
    engine.stdin.flush()
    return engine, f"http://127.0.0.1:{json.loads(engine.stdout.readline())['port']}"


def warm_up(url: str) -> None:
    """One answer before: the first one of all may take minutes, since the model is converted."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=600).close()


def count_responses(path: Path) -> Counter[str]:
    """How many answers of each status the report has."""
    found: Counter[str] = Counter()
    for line in path.read_text("utf-8").splitlines():
        for status in find_statuses(json.loads(line)):
            found[str(status)] += 1
    return found


def find_statuses(value: Any) -> list[int]:
    """Every `response.status_code` in an event of the report."""
    if isinstance(value, dict):
        own = (
            [value["response"]["status_code"]]
            if isinstance(value.get("response"), dict) and "status_code" in value["response"]
            else []
        )
        return own + [status for one in value.values() for status in find_statuses(one)]
    return [status for one in value for status in find_statuses(one)] if isinstance(value, list) else []


def main() -> int:
    """Exit status 0 when nothing was found."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**31)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as home:
        document, report = Path(home) / "openapi.json", Path(home) / "report.ndjson"
        document.write_text(json.dumps(load_document()), "utf-8")
        engine, url = start_engine(home)
        warm_up(url)
        command = [
            os.environ.get("SCHEMATHESIS", str(ROOT / "build" / "clients" / "fuzz" / "bin" / "st")),
            "run", str(document), "--url", url, "-H", f"Authorization: Bearer {TOKEN}", "--seed", str(seed),
            "--checks", CHECKS, "--max-time", str(int(minutes * 60)), "--request-timeout", "120", "--continue-on-failure",
            "--no-shrink", "--phases", "coverage,fuzzing", "--warnings", "off", "--report", "ndjson",
            "--report-ndjson-path", str(report), "--suppress-health-check", "all",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=home, check=False)
        assert engine.stdin
        engine.stdin.close()
        print(f"engine ended with {engine.wait(60)}")
        log = (Path(home) / "stderr").read_text("utf-8", "replace")
        print(f"tracebacks in its log: {log.count('Traceback')}")
        print(log[-6000:] if "Traceback" in log else "")
        print(dict(sorted(count_responses(report).items())))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
