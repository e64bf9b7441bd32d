"""The router over two invented domains: where questions go, when it abstains, and its table of confusions."""

import asyncio
import json
from pathlib import Path

import pytest

from core.chat import router
from core.chat.router import NO_DOMAIN, Domain, OfflineRouter
from core.dataset import examples, sample_projects
from core.errors import ProviderError
from core.progress import Reporter
from core.spec import spec
from core.storage.project import Project
from tests.support.projects import new_example
from tests.support.second_domain import NAMES, QUESTIONS, TEXTS


@pytest.fixture(params=["en", "ja"])
def known(request, tmp_path):
    """Two projects, as domains."""
    language, paths = request.param, [tmp_path / "game.juku", tmp_path / "ferry.juku"]

    def ferry(db):
        spec.store(db, spec.Spec(NAMES[language], language, "", TEXTS[language]))
        examples.add(db, (new_example(text, "?", split="test") for text in QUESTIONS[language]))

    for path, fill in zip(paths, (lambda db: sample_projects.fill(db, f"hobannu-{language}"), ferry), strict=True):
        made = Project(path)
        asyncio.run(made.write("fill", fill))
        made.close()
    return [router.load_project_domain(path)[0] for path in paths]


def test_the_offline_way_and_its_table(project, known):
    asked = router.load_test_questions(known)
    found = asyncio.run(router.measure_routing(project, OfflineRouter(known).choose, router.OFFLINE, asked, Reporter()))
    table = router.count_confusions(known, found)
    assert table.names == [known[0].name, known[1].name, NO_DOMAIN]
    game, ferry, none = table.counts
    # Measured: see resources/guide/en/rows.md. Never to the wrong one of the two; everyday questions mostly to none.
    assert game[1] + ferry[0] <= 1
    assert game[0] >= 0.8 * sum(game) and ferry[1] >= 0.8 * sum(ferry) and none[2] >= 0.7 * sum(none)
    assert router.load_last_results(project.rows, router.OFFLINE) == found
    assert table.total == len(asked)


def test_a_choice_says_why_and_a_tie_or_nothing_abstains(known):
    choose = OfflineRouter(known).choose
    choice = asyncio.run(choose(known[1].text.splitlines()[2]))
    assert choice.domain == known[1].name and choice.reason and choice.scores[known[1].name] > 0.9
    assert asyncio.run(choose("xyzzy plugh")).domain == NO_DOMAIN
    assert asyncio.run(choose("")).domain == NO_DOMAIN
    twins = [known[0], Domain("twin", known[0].description, "", "", "", known[0].text)]
    assert asyncio.run(OfflineRouter(twins).choose(known[0].text.splitlines()[2])).domain == NO_DOMAIN


def calling(server, name, arguments='{"reason": "It is about boats."}'):
    function = {"name": name, "arguments": arguments}
    server.called = {"id": "call_1", "type": "function", "function": function}


def ask(server, known, question="When?"):
    async def work():
        provider = server.provider()
        try:
            return await router.choose_by_function_call(provider, "base-model", known, question)
        finally:
            await provider.close()

    return asyncio.run(work())


def test_a_model_chooses_by_calling_a_function(server, known):
    calling(server, "domain_2")
    choice = ask(server, known)
    assert (choice.domain, choice.reason) == (known[1].name, "It is about boats.")
    sent = server.asked[0]
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["domain_1", "domain_2", "none"]
    assert sent["tool_choice"] == "required" and known[0].name in json.dumps(sent["messages"], ensure_ascii=False)
    calling(server, "none")
    assert ask(server, known).domain == NO_DOMAIN


@pytest.mark.parametrize("arguments", ["", "not json", "[1]", '{"reason": 5}'])
def test_odd_arguments_are_no_matter(server, known, arguments):
    calling(server, "domain_1", arguments)
    assert ask(server, known).domain == known[0].name


def test_a_model_that_calls_nothing_is_said(server, known):
    server.called = None
    with pytest.raises(ProviderError, match="called no function"):
        ask(server, known)
    calling(server, "os.system")
    with pytest.raises(ProviderError, match="called no function"):
        ask(server, known)


def test_domains_are_kept_changed_and_deleted(project, known):
    for one in known:
        asyncio.run(project.write("", router.store, one))
    first, second = router.load_domains(project.rows)
    assert Path(first.source).name == "game.juku"
    asyncio.run(project.write("", router.store, Domain(first.name, "new", "local", "m", id=first.id)))
    asyncio.run(project.write("", router.delete, second.id))
    (left,) = router.load_domains(project.rows)
    assert (left.description, left.model) == ("new", "m")
