"""Judges files by `check --for` and by each service's own validator, and prints where they differ, as rows of resources/guide/en/services.md.

    python tools/compare_validators.py --together PYTHON --together-old PYTHON --trl PYTHON --axolotl PYTHON
        --mistral PYTHON --mistral-finetune FOLDER --cookbook NOTEBOOK

Each PYTHON is the interpreter of a throw-away environment with that package: `together` 3 or newer, `together<2` (the last
that judged rows on one's own computer), `trl` or `axolotl` with `datasets`, `mistral-common` 1.3.4 for a checkout of mistral-finetune.
NOTEBOOK is OpenAI's "Data preparation and analysis for chat model fine-tuning". What is not given is left out.
"""

import argparse
import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.checks import service_rules  # noqa: E402 - found only now
from core.errors import JukuError  # noqa: E402
from core.formats.service_check import check_for  # noqa: E402
from core.progress import Reporter  # noqa: E402

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n".ljust(60, b"\0")).decode()


class Verdict(NamedTuple):
    """Whether a file is taken, and if not, why."""

    taken: bool
    why: str = ""


# What a validator runs in its own environment: `paths` are the files; it prints one line of JSON for each.
_TOGETHER = """
try:
    from together.lib.utils.files import check_file
except ImportError:
    from together.utils.files import check_file
from pathlib import Path
for path in paths:
    report = check_file(Path(path))
    print(json.dumps([report["is_check_passed"], str(report.get("message"))]))
"""
_MISTRAL = """
sys.path.insert(0, extra)
from finetune.data.tokenize import build_instruct_sample
for path in paths:
    why = ""
    try:
        for line in open(path, encoding="utf-8").readlines():
            build_instruct_sample(json.loads(line))
    except Exception as error:
        why = f"{type(error).__name__}: {error.args}"
    print(json.dumps([not why, why[:200]]))
"""
_TRL = """
import os
os.environ["HF_DATASETS_OFFLINE"] = "1"
import datasets
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from trl.data_utils import apply_chat_template, is_conversational, maybe_extract_prompt
datasets.disable_progress_bars()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
tokenizer.chat_template = ("{% for m in messages %}<|im_start|>{{ m['role'] + '\\n' + (m['content'] or '') }}<|im_end|>\\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\\n{% endif %}")
KEYS = ({"messages"}, {"text"}, {"prompt", "completion"}, {"prompt", "chosen", "rejected"})
for path in paths:
    why = ""
    try:
        for row in datasets.load_dataset("json", data_files=path, split="train", cache_dir=extra):
            row = {key: value for key, value in row.items() if value is not None}
            row = maybe_extract_prompt(row)
            known = [keys for keys in KEYS if keys <= row.keys()]
            if not known:
                raise ValueError(f"no dataset format of TRL has these keys: {sorted(row)}")
            if is_conversational(row):
                apply_chat_template(row, tokenizer)
            elif "messages" in known[0] or not all(isinstance(row[key], str) for key in known[0]):
                raise ValueError("not conversational, and no texts")
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
    print(json.dumps([not why, why[:200]]))
"""

_AXOLOTL = """
import os
os.environ["HF_DATASETS_OFFLINE"] = "1"
import datasets
from axolotl.prompt_strategies.alpaca_chat import load as load_alpaca
from axolotl.prompt_strategies.chat_template import StrategyLoader
from axolotl.utils.dict import DictDefault
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
datasets.disable_progress_bars()
words = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="a", bos_token="a")
tokenizer.chat_template = ("{% for m in messages %}<|im_start|>{{ m['role'] + '\\n' + (m['content'] or '') }}<|im_end|>\\n"
    "{% endfor %}")
config = DictDefault({"train_on_inputs": False, "sequence_len": 2048})
own = {"chat_template": "tokenizer_default"}
mapped = {**own, "field_messages": "conversations", "message_property_mappings": {"role": "from", "content": "value"}}
strategies = {"messages": StrategyLoader()(tokenizer, config, ds_cfg=own)}
strategies["conversations"] = StrategyLoader()(tokenizer, config, ds_cfg=mapped)
strategies["instruction"] = load_alpaca(tokenizer, config)
for path in paths:
    why = ""
    try:
        for row in datasets.load_dataset("json", data_files=path, split="train", cache_dir=extra):
            row = {key: value for key, value in row.items() if value is not None}
            strategies[next((key for key in strategies if key in row), "messages")].tokenize_prompt(row)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
    print(json.dumps([not why, why[:200]]))
"""


def run_script(python: str, script: str, paths: list[Path], extra: str = "") -> list[Verdict]:
    """The verdicts of a script in its own environment. Raises `CalledProcessError`."""
    head = "import json, sys\nextra, *paths = sys.argv[1:]\n"
    command = [python, "-c", head + script, extra, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tempfile.gettempdir())
    if done.returncode:
        sys.exit(done.stderr)
    found = [Verdict(*json.loads(line)) for line in done.stdout.splitlines() if line.startswith("[")]
    assert len(found) == len(paths), done.stdout
    return found


def run_cookbook(notebook: Path, paths: list[Path]) -> list[Verdict]:
    """The verdicts of the notebook's cells that load a file and look for errors of its format."""
    cells = [
        "".join(cell["source"])
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    (load,) = (cell for cell in cells if cell.startswith("data_path ="))
    (check,) = (cell for cell in cells if cell.startswith("# Format error checks"))
    found = []
    for path in paths:
        names: dict[str, Any] = {"json": json, "print": lambda *_words: None}
        exec("from collections import defaultdict", names)
        try:
            exec(load.replace(load.splitlines()[0], f"data_path = {str(path)!r}"), names)
            exec(check, names)
            errors = dict(names["format_errors"])
            found.append(Verdict(not errors, ", ".join(errors)))
        except Exception as error:  # what the notebook stops at
            found.append(Verdict(False, f"{type(error).__name__}: {error}"[:200]))
    return found


def judge(path: Path, service: str) -> Verdict:
    """The verdict of `check --for`: refused is a file with an error."""
    try:
        found = [one for _line, one in check_for(path, service, Reporter()) if one.severity == "error"]
    except JukuError as error:
        return Verdict(False, str(error))
    return Verdict(not found, found[0].message if found else "")


def message(role: str, content: object = "Some words.", **keys: object) -> dict[str, object]:
    return {"role": role, "content": content, **keys}


def row(*messages: object, **keys: object) -> dict[str, object]:
    return {"messages": list(messages), **keys}


U, A, S = message("user", "Who keeps the lamp?"), message("assistant", "Ann keeps it."), message("system", "Be brief.")
FUNCTION = {"name": "tide", "description": "the tide", "parameters": {"type": "object", "properties": {}}}
CALL = {"id": "call00001", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
CALLS: dict[str, object] = {"role": "assistant", "tool_calls": [CALL]}
RESULT = message("tool", "low", tool_call_id="call00001")
PREFERENCE = {
    "input": {"messages": [U]},
    "preferred_output": [A],
    "non_preferred_output": [message("assistant", "No.")],
}

# One row each, put before twelve that are plain; of whole files the bytes.
ROWS: dict[str, object] = {
    "plain": row(U, A), "with system": row(S, U, A), "several turns": row(S, U, A, message("user", "Since when?"), A),
    "developer role": row(message("developer"), U, A), "function role": row(U, message("function", "low", name="tide"), A),
    "unknown role": row(message("human"), A), "role in capitals": row(message("User"), A), "role is a number": row(message(1), A),  # type: ignore[arg-type]
    "no role": row({"content": "Who?"}, A), "no content": row({"role": "user"}, A), "content null": row(message("user", None), A),
    "answer null": row(U, message("assistant", None)), "content empty": row(message("user", ""), A), "answer empty": row(U, message("assistant", "")),
    "content is a number": row(message("user", 7), A), "content is an object": row(message("user", {"text": "Who?"}), A),
    "content is text parts": row(message("user", [{"type": "text", "text": "Who?"}]), A),
    "content is an image": row(message("user", [{"type": "text", "text": "Who?"}, {"type": "image_url", "image_url": {"url": PNG}}]), A),
    "image by address": row(message("user", [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]), A),
    "image from the assistant": row(U, message("assistant", [{"type": "image_url", "image_url": {"url": PNG}}])),
    "eleven images": row(message("user", [{"type": "image_url", "image_url": {"url": PNG}}] * 11), A),
    "assistant first": row(A, U, A), "only an assistant": row(A), "system and assistant": row(S, A), "only a user": row(U),
    "user at the end": row(U, A, U), "two users": row(U, U, A), "two assistants": row(U, A, A), "system late": row(U, S, A),
    "system twice": row(S, S, U, A), "system at the end": row(U, A, S), "only a system": row(S), "no messages": row(),
    "messages is a text": {"messages": "Who?"}, "messages missing": {"text2": "Who?"}, "message is a text": row("Who?", A), "empty object": {},
    "weight 0 and 1": row(U, message("assistant", "x", weight=0), U, message("assistant", "y", weight=1)),
    "weight 2": row(U, message("assistant", "x", weight=2)), "weight 0.5": row(U, message("assistant", "x", weight=0.5)),
    "weight true": row(U, message("assistant", "x", weight=True)), "weight text": row(U, message("assistant", "x", weight="1")),
    "all weights 0": row(U, message("assistant", "x", weight=0)), "weight of a user": row(message("user", "x", weight=1), A),
    "name of a user": row(message("user", "x", name="ann"), A), "unknown key in a message": row(message("user", "x", mood="good"), A),
    "unknown key in the row": row(U, A, source="book"), "text and messages": row(U, A, text="Who?"),
    "tool call": row(U, CALLS, RESULT, A, tools=[{"type": "function", "function": FUNCTION}]),
    "tool call without tools": row(U, CALLS, RESULT, A), "tool call at the end": row(U, CALLS, tools=[{"type": "function", "function": FUNCTION}]),
    "tool call without a result": row(U, CALLS, U, A), "result without a call": row(U, RESULT, A),
    "arguments are an object": row(U, {**CALLS, "tool_calls": [{**CALL, "function": {"name": "tide", "arguments": {}}}]}, RESULT, A),
    "tool without parameters": row(U, CALLS, RESULT, A, tools=[{"type": "function", "function": {"name": "tide"}}]),
    "tool name with a space": row(U, A, tools=[{"type": "function", "function": {**FUNCTION, "name": "the tide"}}]),
    "function call": row(U, {"role": "assistant", "content": None, "function_call": {"name": "tide", "arguments": "{}"}}, functions=[FUNCTION]),
}  # fmt: skip
# Files of rows of another form.
FORMS: dict[str, dict[str, object]] = {
    "prompt and completion": {"prompt": "Who keeps the lamp?", "completion": "Ann."},
    "prompt and completion of messages": {"prompt": [U], "completion": [A]}, "plain text": {"text": "Ann keeps the lamp."},
    "preferences of OpenAI": PREFERENCE, "preferences of TRL": {"prompt": "Who?", "chosen": "Ann.", "rejected": "Nobody."},
    "preferences of messages": {"prompt": [U], "chosen": [A], "rejected": [message("assistant", "Nobody.")]},
    "two preferred outputs": {**PREFERENCE, "preferred_output": [A, A]}, "preferred output from a user": {**PREFERENCE, "preferred_output": [U]},
    "ShareGPT": {"conversations": [{"from": "human", "value": "Who?"}, {"from": "gpt", "value": "Ann."}]},
    "Alpaca": {"instruction": "Who?", "input": "", "output": "Ann."},
}  # fmt: skip


def list_files() -> dict[str, bytes]:
    """The files by name."""
    plain = [row(message("user", f"Who keeps lamp {n}?"), message("assistant", f"Keeper {n}.")) for n in range(12)]

    def lines(*rows: object) -> bytes:
        return "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in rows).encode()

    files = {name: lines(one, *plain) for name, one in ROWS.items()}
    files |= {name: lines(*[form] * 12) for name, form in FORMS.items()}
    return files | {
        "empty file": b"", "one row": lines(plain[0]), "nine rows": lines(*plain[:9]), "blank line": lines(*plain) + b"\n" + lines(row(S, U, A)),
        "array": json.dumps(plain).encode(), "broken line": lines(*plain) + b'{"messages": [\n', "list in a line": lines(*plain, [1]),
        "byte order mark": b"\xef\xbb\xbf" + lines(*plain), "UTF-16": lines(*plain).decode().encode("utf-16"),
        "Latin-1": lines(row(message("user", "Où est le phare, et qui a allumé la lampe à l'été ?"), A), *plain).decode().encode("latin-1"),
        "carriage returns": lines(*plain).replace(b"\n", b"\r\n"), "same row twice": lines(*plain, plain[0]),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("together", "together-old", "trl", "axolotl", "mistral", "mistral-finetune", "cookbook"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--all", action="store_true", help="also print what both judge alike")
    given = parser.parse_args()
    validators: dict[tuple[str, str], Callable[[list[Path], str], list[Verdict]]] = {}
    if given.cookbook:
        validators["openai", "cookbook"] = lambda paths, _cache: run_cookbook(Path(given.cookbook), paths)
    if given.together:
        validators["together", "together 3"] = lambda paths, _cache: run_script(given.together, _TOGETHER, paths)
    if given.together_old:
        validators["together", "together 1"] = lambda paths, _cache: run_script(given.together_old, _TOGETHER, paths)
    if given.mistral:
        validators["mistral", "mistral-finetune"] = lambda paths, _cache: run_script(
            given.mistral, _MISTRAL, paths, given.mistral_finetune
        )
    if given.trl:
        validators["trl", "trl"] = lambda paths, cache: run_script(given.trl, _TRL, paths, cache)
    if given.axolotl:
        validators["axolotl", "axolotl"] = lambda paths, cache: run_script(given.axolotl, _AXOLOTL, paths, cache)
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for number, (name, data) in enumerate(list_files().items()):
            paths[name] = Path(folder) / f"{number:03}.jsonl"
            paths[name].write_bytes(data)
        print(f"{len(paths)} files\n")
        for (service, validator), run in validators.items():
            theirs = run(list(paths.values()), f"{folder}/cache")
            compare(service, validator, paths, theirs, given.all)


def compare(service: str, validator: str, paths: dict[str, Path], theirs: list[Verdict], everything: bool) -> None:
    """Print how often both agree, and each file that they judge differently."""
    ours = [judge(path, service) for path in paths.values()]
    alike = sum(one.taken == other.taken for one, other in zip(ours, theirs, strict=True))
    print(f"## {service_rules.load()[service].title} ({validator}): {alike} of {len(paths)} alike\n")
    print("| file | Juku | validator |\n|---|---|---|")
    for name, one, other in zip(paths, ours, theirs, strict=True):
        if everything or one.taken != other.taken:
            words = [f"{'takes' if each.taken else 'refuses'} {each.why}".strip() for each in (one, other)]
            print(f"| {name} | " + " | ".join(text.replace("|", "/").replace("\n", " ")[:150] for text in words) + " |")
    print()


if __name__ == "__main__":
    main()
