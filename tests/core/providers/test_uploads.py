"""A file is sent once, and only one that the server still has whole takes its place."""

import asyncio

import pytest

from core.errors import ProviderError
from core.providers import uploads
from tests.support.fake_server import Fault

DATA = b'{"messages": []}\n'


def ensure(project, server, data=DATA, **how):
    async def work():
        provider = server.provider()
        try:
            return await uploads.ensure_uploaded(project, provider, data, **how)
        finally:
            await provider.close()

    return asyncio.run(work())


def test_the_same_bytes_are_sent_once_for_each_purpose(server, project):
    first = ensure(project, server)
    assert ensure(project, server) == first
    other = ensure(project, server, purpose="batch")
    assert other != first
    assert ensure(project, server, DATA * 2) not in (first, other)
    assert [server.files[id] for id in (first, other)] == [DATA, DATA]
    assert [server.purposes[id] for id in (first, other)] == ["fine-tune", "batch"]
    assert len(server.files) == 3
    assert project.undo_label is None  # a record is nothing to undo


def test_what_was_sent_is_asked_for_by_its_id_and_not_searched(server, project):
    first = ensure(project, server)
    server.requests.clear()
    assert ensure(project, server) == first
    assert [(method, path) for method, path, _body in server.requests] == [("GET", f"/v1/files/{first}")]


def test_progress_is_told(server, project):
    told = []
    ensure(project, server, on_bytes=lambda *sent: told.append(sent))
    assert told


@pytest.mark.parametrize("harm", ["cut", "longer", "error", "deleted", "gone"])
def test_a_file_that_is_not_whole_any_more_is_sent_again(server, project, harm):
    first = ensure(project, server)
    if harm == "gone":
        del server.files[first], server.names[first], server.purposes[first]
    elif harm in ("cut", "longer"):
        server.files[first] = DATA[:-1] if harm == "cut" else DATA + b" "
    else:
        server.states[first] = harm
    again = ensure(project, server)
    assert server.files[again] == DATA
    assert ensure(project, server) == again
    assert [method for method, _path, _body in server.requests].count("POST") == 2


@pytest.mark.parametrize("harm", ["", "cut", "error", "renamed"])
def test_after_a_lost_answer_the_file_is_found_in_the_list_if_it_is_whole(server, project, harm):
    server.weather = lambda method, path: Fault("lose") if method == "POST" else None
    with pytest.raises(ProviderError):
        ensure(project, server)
    server.weather = lambda _method, _path: None
    (first,) = server.files
    if harm == "cut":
        server.files[first] = DATA[:-1]
    elif harm == "error":
        server.states[first] = "error"
    elif harm == "renamed":
        server.names[first] = "other.jsonl"
    found = ensure(project, server)
    assert (found == first) is (harm == "")
    server.requests.clear()
    assert ensure(project, server) == found  # also the one found in the list is kept
    assert [(method, path) for method, path, _body in server.requests] == [("GET", f"/v1/files/{found}")]
    assert project.undo_label is None
    assert len(server.files) == (1 if found == first else 2)


def test_a_server_in_trouble_is_no_reason_to_send_it_twice(server, project):
    ensure(project, server)
    server.weather = lambda method, _path: Fault(status=500) if method == "GET" else None
    with pytest.raises(ProviderError):
        ensure(project, server)
    assert len(server.files) == 1
