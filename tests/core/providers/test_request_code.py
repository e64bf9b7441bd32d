"""The code of a request is run: it must ask the server for the same as Juku did, whatever stands in the texts."""

import asyncio
import json
import os
import shutil
import subprocess
import sys

import pytest

from core.providers import LocalProvider, Provider, Sampling, chat_body, request_code, server_presets
from tests.support.fake_server import KEY
from tests.support.patience import PATIENCE

HOSTILE = [
    "plain",
    "say \"no\" and 'yes' \\ \\n",
    "two\nlines\r\n\ttab\n\nJSON\nEOF\n",
    "$(touch pwned) `touch pwned` ${HOME} $HOME !! !x \\",
    '"""; import os; os.system("touch pwned") #',
    "'''",
    "日本語と絵文字🙂 \u2028 \u200b \x00 \x7f",
    "{x} {0} %s %(a)s",
    "# not a comment",
]


def call(server, texts, **more):
    messages = [{"role": "system", "content": texts[0]}, *({"role": "user", "content": text} for text in texts)]
    sampling = Sampling(0.3, 0.9, 33, 2, 5, ('"$(touch pwned)"\n', "`"))
    return request_code.build_request_code(
        Provider("fake-1", "Fake", server.url, **more), chat_body("base-model", messages, sampling)
    )


def execute(command, tmp_path, **more):
    place = {"JUKU_KEY_FAKE_1": KEY, "PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=place | more, capture_output=True, timeout=PATIENCE, check=False)
    assert not (tmp_path / "pwned").exists()
    return done


def test_the_python_asks_for_the_same_whatever_the_texts_are(server, tmp_path):
    server.answer("base-model", "Three.", "三人。")
    found = call(server, HOSTILE)
    program = tmp_path / "ask.py"
    program.write_text(request_code.to_python(found), "utf-8")
    done = execute([sys.executable, str(program)], tmp_path)
    assert done.stdout.decode().split() == ["Three.", "三人。"], done.stderr.decode()
    assert server.asked == [found.body]


def test_a_japanese_text_can_be_read_in_the_code(server):
    texts = ["霧の灯台\u3000遊び方"]
    for code in (request_code.to_python(call(server, texts)), request_code.to_curl(call(server, texts))):
        assert texts[0] in code


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="no curl")
@pytest.mark.parametrize("how", [["-s"], ["-i", "+m"]])
def test_the_curl_asks_for_the_same_whatever_the_texts_are(server, tmp_path, how):
    found = call(server, HOSTILE)
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile", *how], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={"JUKU_KEY_FAKE_1": KEY, "PATH": os.environ["PATH"]}, start_new_session=True,
    ) as shell:  # fmt: skip
        # Typed into a shell, too, where ! would be looked up in its history.
        out, error = shell.communicate(f"set -H\n{request_code.to_curl(found)}".encode(), timeout=PATIENCE)
    assert not (tmp_path / "pwned").exists()
    assert json.loads(out)["object"] == "chat.completion", error
    assert server.asked == [found.body]


def test_the_json_is_the_body(server):
    found = call(server, [*HOSTILE, "half \ud83d"])
    assert json.loads(request_code.to_json(found).encode()) == found.body


def test_half_a_character_leaves_code_that_can_be_saved(server):
    found = call(server, ["half \ud83d"])
    for code in (request_code.to_python(found), request_code.to_curl(found)):
        assert "half \\ud83d" in code.encode().decode()


def test_the_key_is_read_from_the_environment_and_stands_nowhere(server, tmp_path):
    found = call(server, ["?"], key="sk-secret")
    for code in (request_code.to_python(found), request_code.to_curl(found), request_code.to_json(found)):
        assert "sk-secret" not in code
    program = tmp_path / "ask.py"
    program.write_text(request_code.to_python(found), "utf-8")
    done = execute([sys.executable, str(program)], tmp_path, JUKU_KEY_FAKE_1="wrong")
    assert b"Incorrect API key" in done.stderr


def test_each_server_is_asked_in_its_own_way():
    body = chat_body("m", [], Sampling())
    kinds = {kind.id: kind for kind in server_presets.presets()}
    openai = request_code.build_request_code(
        Provider("mine", "OpenAI", kinds["openai"].base_url, preset=kinds["openai"]), body
    )
    assert 'os.environ["OPENAI_API_KEY"]' in request_code.to_python(openai)
    assert "Bearer ${OPENAI_API_KEY}" in request_code.to_curl(openai)
    azure = request_code.build_request_code(
        Provider("az", "Azure", "https://x.example/openai/v1", preset=kinds["azure"]), body
    )
    assert 'default_headers={"api-key": key}' in request_code.to_python(azure)
    assert '"api-key: ${JUKU_KEY_AZ}"' in request_code.to_curl(azure)
    odd = request_code.build_request_code(Provider("a b;c", "Odd", "https://x.example/v1"), body)
    assert odd.variable == "OPENAI_API_KEY"


def test_the_engine_of_this_computer_is_named_with_the_way_to_its_token():
    provider = LocalProvider()
    found = request_code.build_request_code(provider, chat_body("m", [], Sampling()))
    asyncio.run(provider.close())
    written = request_code.to_python(found)
    assert (found.base_url, found.variable) == (request_code.ENGINE_URL, "JUKU_ENGINE_TOKEN")
    assert "# Without a window: JUKU_ENGINE_TOKEN=… python main.py serve --port 8321" in written
    assert "engine.json" in request_code.to_curl(found)
    compile(written, "ask.py", "exec")
