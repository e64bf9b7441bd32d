"""What a reply proposes is told from what it says, in whatever shape it comes; and a proposal meets later edits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset import sample_projects
from core.generation import spec_drafting, spec_proposals
from core.generation.spec_drafting import SpecExchange
from core.spec.spec import Spec
from core.text import diff
from tests.support.patience import effort

SPEC = "# Hobannu\n\nA match lasts 60 minutes.\n\n- A goal counts one point."
SPIEL = "# ホバンヌ\n\n試合は60分である。\n\n- 得点は1点である。"
CODE = "# Rules\n\nScores are written so:\n\n```\n3 : 1\n```\n\nThe home team stands first."


def fenced(text, language="markdown", marks="```"):
    return f"{marks}{language}\n{text}\n{marks}"


@pytest.mark.parametrize(
    ("reply", "text", "talk"),
    [
        (f"I gave the length.\n\n{fenced(SPEC)}", SPEC, "I gave the length."),
        (f"{fenced(SPEC)}\n\nIs that right?", SPEC, "Is that right?"),
        (f"Before.\n{fenced(SPEC)}\nAfter.", SPEC, "Before.\n\nAfter."),
        (f"試合の長さを直しました。\r\n\r\n{fenced(SPIEL)}".replace("\n", "\r\n"), SPIEL, "試合の長さを直しました。"),
        (fenced(SPEC, "md"), SPEC, ""),
        (fenced(SPEC, ""), SPEC, ""),
        (fenced(SPEC, " Markdown title=spec.md"), SPEC, ""),
        (fenced(SPEC, "", "~~~"), SPEC, ""),
        (f"Nested.\n\n{fenced(CODE, 'markdown', '````')}", CODE, "Nested."),
        (f"Nested.\n\n{fenced(CODE)}\n", CODE, "Nested."),
        (f"Nested.\n\n{fenced(CODE.replace('```' + chr(10) + '3', '```text' + chr(10) + '3'))}", None, None),
        ("1. So:\n\n   " + fenced(SPEC).replace("\n", "\n   "), SPEC, "1. So:"),
        (f"Of “A match lasts”:\n```\nA match lasts\n```\n\n{fenced(SPEC)}", SPEC, "Of “A match lasts”:\n```\nA match lasts\n```"),
        (f"<think>\n{fenced('# No')}\n</think>\n{fenced(SPEC)}", SPEC, ""),
        (SPEC, SPEC, ""),
        (f"Here is the new spec:\n\n{SPEC}\n", SPEC, "Here is the new spec:"),
        (f"修正したスペックです：\n\n{SPIEL}", SPIEL, "修正したスペックです："),
    ],
)  # fmt: skip
def test_a_proposed_text(reply, text, talk):
    if text is None:
        assert spec_drafting.read_new_text(reply).startswith("# Rules")
        assert spec_drafting.read_new_text(reply).endswith("stands first.")
        return
    assert (
        spec_drafting.read_new_text(reply),
        spec_drafting.read_talk(reply),
        spec_drafting.parse_reply(reply).is_cut,
    ) == (
        text,
        talk,
        False,
    )


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "How long does a match last?",
        "Two gaps:\n\n1. What is a goal?\n2. How long is a break?",
        "You wrote:\n\n```\nA match lasts 60 minutes.\n```\n\nIs that with the break?",
        '```json\n{"text": "# Hobannu"}\n```',
        "## Gaps\n\nThe break is not said.",
        "I read the text. It says much.\n\nIt has one title.\n\n# Hobannu\n\nwas it.",
        "```markdown\n\n```",
        "# Only a title",
    ],
)
def test_a_reply_without_a_proposal_is_talk(reply):
    assert spec_drafting.read_new_text(reply) is None
    assert not spec_drafting.parse_reply(reply).is_cut
    assert spec_drafting.read_talk(reply) == reply.strip() or not reply.strip("`markdown\n")


@pytest.mark.parametrize(
    "start",
    [
        "```markdown",
        "```markdown\n# Hobannu\n\nA match la",
        "```\n# Hobannu\nA",
        "```",
        f"{fenced(SPEC)}\n\nOr:\n```md\nA",
    ],
)
def test_a_text_that_was_broken_off_is_no_proposal(start):
    reply = f"Longer matches.\n\n{start}"
    assert spec_drafting.read_new_text(reply) is None
    assert spec_drafting.parse_reply(reply).is_cut
    assert spec_drafting.read_talk(reply).startswith("Longer matches.")


@given(
    st.lists(st.sampled_from(["```", "```markdown", "~~~", "````", "# A", "b", "", "   ```", "<think>", "：", "---"]))
)
def test_no_shape_is_too_odd(lines):
    reply = "\n".join(lines)
    assert spec_drafting.read_new_text(reply) is None or not spec_drafting.parse_reply(reply).is_cut
    assert isinstance(spec_drafting.read_talk(reply), str)


@pytest.mark.parametrize("line", ["```\n", "```markdown\n", "~~~ x\n", "~" * 50 + "`\n", "# \n"])
def test_megabytes_are_read_at_once(line):
    assert effort(lambda: spec_drafting.read_new_text(line * (500_000 // len(line)))) < 5


texts_of_lines = st.lists(st.sampled_from("abcde"), max_size=12).map("\n".join)


@given(texts_of_lines, texts_of_lines, texts_of_lines)
def test_what_one_side_alone_changed_is_kept(base, proposal, now):
    assert spec_drafting.merge_proposal(base, proposal, base) == proposal
    assert spec_drafting.merge_proposal(base, base, now) == now
    assert spec_drafting.merge_proposal(base, now, now) == now
    assert set(spec_drafting.merge_proposal(base, proposal, now)) <= set(base + proposal + now + "\n")


def test_a_proposal_meets_what_was_edited_meanwhile():
    proposal = SPEC.replace("60", "70")
    now = SPEC.replace("one point", "two points") + "\n- A foul costs one."
    assert spec_drafting.merge_proposal(SPEC, proposal, now) == now.replace("60", "70")
    both = SPEC.replace("60", "80")
    assert spec_drafting.merge_proposal(SPEC, proposal, both) == proposal


@pytest.mark.parametrize("now", ["a\n", "a", "\n\na\n\n", "", "\n"])
def test_the_ends_of_a_proposal_are_no_change(now):
    fit = spec_drafting.match_line_breaks("\na\n\n", now)
    assert not diff.find_hunks(now, fit) if now.strip() else fit == "a"


@pytest.mark.parametrize(
    ("remark", "place"),
    [
        ("“A goal counts two points” differs from “A goal counts one point”.", SPEC.index("A goal")),
        ('"60 minutes" has no break.', SPEC.index("60 minutes")),
        ("「試合は60分である」とあります。", SPIEL.index("試合は")),
        ("Nothing is quoted.", None),
        ("“\u201c" * 1000, None),
    ],
)
def test_a_remark_leads_to_what_it_quotes(remark, place):
    assert spec_drafting.find_quoted_place(remark, SPIEL if "「" in remark else SPEC) == place


def test_the_request_has_the_present_text_and_the_last_proposal():
    before = [SpecExchange("Shorter.", f"So.\n{fenced('# Old')}"), SpecExchange("Longer.", f"Yes.\n{fenced(SPEC)}")]
    found = spec_drafting.build_messages(Spec(text=SPEC), before, "Now?")
    assert [one["role"] for one in found] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert SPEC in found[0]["content"]
    assert (found[2]["content"], found[4]["content"], found[5]["content"]) == ("So.", before[1].reply, "Now?")
    assert "スペック" in spec_drafting.build_messages(Spec(text=SPIEL), [], "短く")[0]["content"]


@pytest.mark.parametrize("name", ["hobannu-en", "hobannu-ja"])
def test_a_sample_comes_back_whole(name):
    text = (sample_projects.SAMPLES_FOLDER / name / "spec.md").read_text(encoding="utf-8")
    assert (
        spec_drafting.match_line_breaks(
            spec_drafting.read_new_text(f"Nothing changed.\n\n{fenced(text.strip())}"), text
        )
        == text
    )
    assert spec_drafting.read_new_text(f"Cut.\n\n{fenced(text.strip())[: len(text) // 2]}") is None
    assert spec_drafting.choose_sampling(text).max_tokens < spec_drafting.MAX_REPLY_TOKENS
    assert spec_drafting.choose_sampling(text * 100).max_tokens == spec_drafting.MAX_REPLY_TOKENS


TICKETS, FOOD = "## Tickets\n\n- A ticket costs 5 euros.\n- Children pay nothing.", "## Food\n\nThere is a café."
PRESENT = "# Tours\n\nThe tour lasts two hours.\nIt starts at nine.\n\n## Tickets\n\n- A ticket costs 5 euros.\n- Children pay nothing.\n\n## Food\n\nThere is a café."


@pytest.mark.parametrize(
    ("proposal", "whole"),
    [
        ("The tour lasts three hours.", PRESENT.replace("two hours", "three hours")),
        ("# Tours\n\nThe tour lasts three hours.\n… (rest unchanged)", PRESENT.replace("two hours", "three hours")),
        (
            "… (rest unchanged)\n\n- A ticket costs 6 euros.\n\n[The remaining sections stay the same.]",
            PRESENT.replace("5 euros", "6 euros"),
        ),
        (
            "## Tickets\n\n- A ticket costs 6 euros.",
            PRESENT.replace("5 euros", "6 euros"),
        ),
        ("## Dogs\n\nDogs stay outside.", PRESENT + "\n\n## Dogs\n\nDogs stay outside."),
        (PRESENT.replace("two", "three"), PRESENT.replace("two", "three")),
        (
            "# Tours\n\nTwo hours, from nine.\n\nA ticket is 5 euros.",
            "# Tours\n\nTwo hours, from nine.\n\nA ticket is 5 euros.\n\n" + TICKETS + "\n\n" + FOOD,
        ),
    ],
    ids=["a line", "rest unchanged", "in the middle", "a section", "a new section", "all of it", "a short new text"],
)
def test_a_part_never_deletes_the_rest(proposal, whole):
    assert spec_proposals.complete_proposal(proposal, PRESENT).text == whole


def test_a_part_in_japanese():
    present = "# 見学\n\n見学は2時間です。\n9時に始まります。"
    changed = spec_proposals.complete_proposal("見学は3時間です。\n（以下変更なし）", present)
    assert changed.text == present.replace("2時間", "3時間")
    assert spec_proposals.complete_proposal("何か", "").text == "何か"


TOURS, CAFE = "# Tours\n\nThe tour lasts three hours.\nIt starts at nine.", "## Food\n\nThere is no café."
DOGS = "## Dogs\n\nDogs stay outside."
LESS = "# Tours\n\nIt starts at nine.\nIt lasts two hours."


@pytest.mark.parametrize(
    ("proposal", "asked", "whole", "kept"),
    [
        (TOURS, "Three hours.", [TOURS, TICKETS, FOOD], ["Tickets", "Food"]),
        ("\n\n".join((TOURS, CAFE)), "No café.", [TOURS, TICKETS, CAFE], ["Tickets"]),
        ("\n\n".join((TICKETS, CAFE, DOGS)), "Dogs!", [PRESENT.split("\n\n## ")[0], TICKETS, CAFE, DOGS], ["Tours"]),
        ("\n\n".join((TOURS, DOGS, FOOD)), "Dogs!", [TOURS, TICKETS, DOGS, FOOD], ["Tickets"]),
        # The title alone is left out.
        ("\n\n".join((TOURS.split("\n\n")[1], TICKETS, FOOD)), "Three.", [TOURS, TICKETS, FOOD], ["Tours"]),
        # A text without any heading is no whole one.
        (PRESENT.replace("# Tours\n\n", "").replace("## Tickets\n\n", "").replace("\n\n## Food", "").replace("two", "three"),
         "Three hours.", [TOURS, TICKETS, FOOD], []),
        # A section under another heading is not left out; nor is one that was joined with its neighbour.
        (PRESENT.replace("## Tickets", "## Prices"), "Another heading.", [PRESENT.replace("## Tickets", "## Prices")], []),
        (PRESENT.replace("\n\n## Food\n", ""), "One section.", [PRESENT.replace("\n\n## Food\n", "")], []),
        # What the person asked for is done.
        (LESS, "Make it shorter.", [LESS], []),
        (LESS, "もっと短くしてください。", [LESS], []),
        ("# Tours\n\nThey last two hours.", "Make it shorter.", ["# Tours\n\nThey last two hours."], []),
        (LESS, "Don't shorten it, and delete nothing.", [LESS, TICKETS, FOOD], ["Tickets", "Food"]),
        (LESS, "Replace the cutlery by the lessons.", [LESS, TICKETS, FOOD], ["Tickets", "Food"]),
        (LESS, "何も削除せずに直して", [LESS, TICKETS, FOOD], ["Tickets", "Food"]),
        ("\n\n".join((TOURS, TICKETS)), "Please delete the food section.", [TOURS, TICKETS], []),
        (TOURS, "Please delete the section on food.", [TOURS, TICKETS], ["Tickets"]),
        ("# 見学\n\n見学は2時間で、9時に始まります。\n\n## 券\n\n券は5ユーロです。", "Translate it into Japanese.",
         ["# 見学\n\n見学は2時間で、9時に始まります。\n\n## 券\n\n券は5ユーロです。"], []),
    ],
)  # fmt: skip
def test_sections_that_a_whole_text_leaves_out_are_kept(proposal, asked, whole, kept):
    assert spec_proposals.complete_proposal(proposal, PRESENT, asked) == ("\n\n".join(whole), kept)


@pytest.mark.parametrize(("title", "kept"), [("Age", ["Age"]), ("Ticket", []), ("切符", [])])
def test_a_title_within_another_word_is_not_named(title, kept):
    present = f"# Park\n\n## {title}\n\nFrom six years on.\n\n## Food\n\nSoup is sold.\n\n## Tours\n\nAt nine."
    asked = (
        "Delete the food from this page, 切符も tickets too." if title != "Age" else "Delete the food from this page."
    )
    found = spec_proposals.complete_proposal("# Park\n\n## Tours\n\nAt nine.", present, asked)
    assert found.kept == kept


def test_a_part_goes_into_its_sections():
    """What stands between two lines of a part stays, also the headings there."""
    present = "\n\n".join((PRESENT, DOGS, "## Groups\n\nA group has at most 20 people.\nIt needs a guide of its own."))
    changed = present.replace("two hours", "three hours").replace("5 euros", "6 euros").replace("20", "25")
    lines = "The tour lasts three hours.\n- A ticket costs 6 euros.\nA group has at most 25 people."
    assert spec_proposals.complete_proposal(lines, present).text == changed
    sections = "## Tickets\n\n- A ticket costs 6 euros.\n\n## Groups\n\nA group has at most 25 people."
    assert spec_proposals.complete_proposal(sections, present).text == changed.replace("three hours", "two hours")


def test_lines_like_those_of_a_neighbour_are_no_version_of_them():
    adults, children = "## Adults\n\n- A ticket costs 5 euros.", "## Children\n\n- A ticket costs 3 euros."
    present, changed = (
        f"# Tours\n\n{adults}\n\n{children}",
        [one.replace("costs", "now costs") for one in (adults, children)],
    )
    whole = spec_proposals.complete_proposal(f"# Tours\n\n{changed[0]}", present)
    assert whole == (f"# Tours\n\n{changed[0]}\n\n{children}", ["Children"])
    found = spec_drafting.parse_reply("\n\n".join(map(fenced, changed)))
    assert spec_proposals.complete_proposal(found.text, present).text == "\n\n".join(("# Tours", *changed))


def test_headings_are_what_authors_use_and_no_code():
    present = "【見学】\n見学は2時間です。\n\n【券】\n券は5ユーロです。\n```\n# no heading\n```"
    whole = spec_proposals.complete_proposal("【見学】\n見学は3時間で、9時に始まり、予約が要ります。", present)
    assert whole == (present.replace("見学は2時間です。", "見学は3時間で、9時に始まり、予約が要ります。"), ["券"])


@pytest.mark.parametrize(
    ("fences", "whole"),
    [
        ([TOURS, CAFE], [TOURS, TICKETS, CAFE]),
        (["- A ticket costs 6 euros.", CAFE, DOGS], [PRESENT.split("\n\n## ")[0], TICKETS.replace("5", "6"), CAFE, DOGS]),
        # Before and after: versions of one part, of which the last counts.
        (["- A ticket costs 5 euros.", "- A ticket costs 6 euros."], [PRESENT.replace("5 euros", "6 euros")]),
        ([TICKETS, TICKETS.replace("\n- Children pay nothing.", "").replace("5", "6")], [PRESENT.replace("5 euros", "6 euros")]),
        # The whole text, and what changed in it once more.
        ([PRESENT.replace("5 euros", "6 euros"), "## Tickets\n\n- A ticket costs 6 euros."], [PRESENT.replace("5 euros", "6 euros")]),
    ],
)  # fmt: skip
def test_fences_that_each_hold_a_part_are_all_taken(fences, whole):
    reply = "I changed this:\n\n" + "\n\nAnd this:\n\n".join(map(fenced, fences))
    found = spec_drafting.parse_reply(reply)
    assert spec_proposals.complete_proposal(found.text, PRESENT).text == "\n\n".join(whole)
    assert "```" not in found.talk or len(fences) > 1


@given(
    st.lists(st.sampled_from(["# A", "## B", "## C", "### D", "b", "cc", "", "```", "【E】"])),
    st.lists(st.sampled_from(["# A", "## B", "## C", "### D", "x", "b", "", "```"])),
)
def test_no_line_of_a_section_that_is_left_out_is_lost(before, lines):
    before, lines = "\n".join(before), "\n".join(lines)
    whole = spec_proposals.complete_proposal(lines, before)
    assert set(lines.split("\n")) <= {*whole.text.split("\n"), ""}
    assert all(title in whole.text for title in whole.kept)
    assert spec_proposals.complete_proposal(before, before).text == before
