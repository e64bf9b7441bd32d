"""Remarks on a spec: the right ones on a bad spec, none on a good one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.paths import RESOURCES
from core.spec import spec_lint
from core.text import statements
from tests.support.patience import effort

SAMPLES = RESOURCES / "samples"

ENGLISH = """\
# Ringball

Ringball is a game with a ring.

## Things

- The ball is 18 cm wide.
- The net is 3 metres high.
- A match lasts twenty minutes.
- Every player wears a red shirt with a number on its back.
- The "grip" of a player must be dry.

## More

- The ball is always 20 cm wide.
- The nets are 3 feet high.
- A match lasts 20 minutes.
- Each player wears a red shirt with a number on its back.
- A player may wipe the grip.
- The team that loses the ball gets a Late Card.
- After a Late Card the player rests.
- The **keeper** stands still.
- The **keeper** is one of the players.
- A match lasts 20 minutes.
"""

JAPANESE = """\
# 輪球

輪球は輪を使う球技です。

## 道具

- ボールの直径は18センチです。
- ネットの高さは3メートルです。
- 試合の時間は二十分間です。
- 選手は背中に番号のついた赤いシャツを必ず着ます。
- 選手は「輪投げ」をします。

## その他

- ボールの直径は20センチとする。
- ネットの高さは3フィートである。
- 試合時間は20分です。
- 選手は、背中に番号のついた赤いシャツを必ず着ます。
- 輪投げの時間は5秒までとします。
- 「組」とは選手3人の集まりです。
- 選手は「組」で動きます。
- 試合の時間は20分間です。
"""


def lint(markdown):
    return spec_lint.find_remarks(statements.split_statements(markdown))


def remarks(markdown):
    return [(one.rule, [markdown[start:end] for start, end in one.spans]) for one in lint(markdown)]


@pytest.mark.parametrize("sample", ["hobannu-en", "hobannu-ja"])
def test_a_good_spec_has_no_remarks(sample):
    assert lint((SAMPLES / sample / "spec.md").read_text(encoding="utf-8")) == []


def test_a_bad_spec_in_english():
    shirt = "player wears a red shirt with a number on its back."
    assert remarks(ENGLISH) == [
        ("figures-differ", ["The ball is 18 cm wide.", "The ball is always 20 cm wide."]),
        ("units-differ", ["The net is 3 metres high.", "The nets are 3 feet high."]),
        ("sentence-twice", ["A match lasts twenty minutes.", "A match lasts 20 minutes."]),
        ("sentence-twice", [f"Every {shirt}", f"Each {shirt}"]),
        ("term-undefined", ['The "grip" of a player must be dry.', "A player may wipe the grip."]),
        ("sentence-twice", ["A match lasts 20 minutes.", "A match lasts 20 minutes."]),
        ("term-undefined", ["The team that loses the ball gets a Late Card.", "After a Late Card the player rests."]),
    ]
    assert [one.message for one in lint(ENGLISH)[:2]] == [
        "These sentences say the same, but with different figures: 18, 20.",
        "These sentences use different units for the same thing.",
    ]


def test_a_bad_spec_in_japanese():
    assert remarks(JAPANESE) == [
        ("figures-differ", ["ボールの直径は18センチです。", "ボールの直径は20センチとする。"]),
        ("units-differ", ["ネットの高さは3メートルです。", "ネットの高さは3フィートである。"]),
        ("sentence-twice", ["試合の時間は二十分間です。", "試合の時間は20分間です。"]),
        (
            "sentence-twice",
            ["選手は背中に番号のついた赤いシャツを必ず着ます。", "選手は、背中に番号のついた赤いシャツを必ず着ます。"],
        ),
        ("term-undefined", ["選手は「輪投げ」をします。", "輪投げの時間は5秒までとします。"]),
    ]


@pytest.mark.parametrize(
    ("markdown", "rules"),
    [
        ("The ball is 18 cm wide. The ball is 20 cm wide.", ["figures-differ"]),
        ("The ball is 18 cm wide. The ball is 18 mm wide.", ["units-differ"]),
        ("The ball is 18 cm wide. The ball is 180 mm wide.", []),
        ("The hall is 20 metres long. The hall is 20 feet long.", ["units-differ"]),
        ("The ball is 18 cm wide. The goal is 20 cm wide.", []),
        ("The ball has a diamter of 18 cm. The ball has a diameter of 20 cm.", ["figures-differ"]),
        ("The court is 20 m long and 10 m wide. The court is 10 m wide and 20 m long.", []),
        ("The court is 20 m long and 10 m wide. The court is 22 m long and 10 m wide.", ["figures-differ"]),
        ("A team has three players. A team has 3 players.", ["sentence-twice"]),
        ("A team has at least 3 players. A team has at most 5 players.", []),
        ("A foul costs 5 points. A foul costs 5 minutes.", []),
        ("The third foul costs 5 points. The second foul costs 3 points.", []),
        ("Level 1 costs 5 points. Level 2 costs 7 points.", []),
        ("Level 1 costs 5 points. Level 1 costs 7 points.", ["figures-differ"]),
        ("A goal gives 1 point and 2 throws. A goal gives 3 points and 4 throws.", []),
        ("A ball lasts 1 day. A ball lasts 2 days. A ball lasts 3 days. A ball lasts 4 days.", []),
        ("It lasts 3 minutes. It lasts 5 minutes.", []),
        ("# Goal\n\nThe width is 4 m.\n\n# Court\n\nThe width is 10 m.", []),
        ("# Goal\n\nThe width is 4 m.\n\nThe width is 10 m.", ["figures-differ"]),
        (
            "# Kids\n\nA match has 2 halves. A half has 5 goals.\n\n# All\n\nA match has 3 halves. A half has 6 goals.",
            [],
        ),
        ("|Thing|cm|\n|-|-|\n|Ball|18|\n|Goal|20|", []),
        ("|Thing|cm|\n|-|-|\n|Ball|18|\n|Ball|20|", ["figures-differ"]),
        ("|Level|Points|\n|-|-|\n|1|5|\n|2|5|", []),
        ("ボールの直径は18センチ\n\nボールの直径は20センチ", ["figures-differ"]),
        ("審判は二人です。審判は３人とします。", ["figures-differ"]),
        ("ボールの直径は18センチです。ボールの直径は18ミリです。", ["units-differ"]),
        ("大きいボールは18センチです。小さいボールは20センチです。", []),
        ("おおきいボールは18センチです。ちいさいボールは20センチです。", []),
        ("第3条は5点です。第4条は6点です。", []),
        ("選手は3人まで走れます。選手は4人まで走れません。", []),
        ("選手はボールを持てます。選手はボールを持てません。", []),
        ("Players must stand here. Players must not stand here.", []),
        ("The home team starts in the circle of the court. The away team starts in the circle of the court.", []),
        ("# A\n\n- Yes\n\n# B\n\n- Yes", []),
        ("Each half starts in the centre circle. Each half starts in the center circle.", ["sentence-twice"]),
    ],
)
def test_figures_units_and_repetitions(markdown, rules):
    assert [one.rule for one in lint(markdown)] == rules


@pytest.mark.parametrize(
    ("markdown", "terms"),
    [
        ('Take a "grip". The grip counts.', ["grip"]),
        ('Take a "grip". A grip is a hold.', []),
        ('Take a "grip". Grips are holds. The grip counts.', []),
        ('Take a "grip". A hold is called a grip.', []),
        ('Take a "grip".', []),
        ('# The grip\n\nTake a "grip". The grip counts.', []),
        ("Take a *grip*. The *grip* counts. It **must** be so. You **must** go.", ["grip"]),
        ("Take a *grip*. The grip counts.", []),
        ("**Grip**: a hold. Take a **grip**. The **grip** counts.", []),
        ("Ask the VAR. Then the VAR speaks.", ["VAR"]),
        ("Ask the Video Assistant (VAR). Then the VAR speaks.", []),
        ("We play in Tokyo. They live in Tokyo on Monday. We go on Monday.", []),
        ("Ask the Keeper. Then the Keeper speaks. A keeper sits.", []),
        ("| Word | Meaning |\n|-|-|\n| Grip | hold |\n\nTake a \"grip\". The grip counts.", []),
        ("「組」で動く。組を作る。", ["組"]),
        ("「組」で動く。3人の集まりを組と呼ぶ。", []),
        ("図書システム「ライブラ」で借ります。ライブラはよく動きます。", []),
        ('Take a "grip". Note: the grip means a hold.', []),
        ("「組」で動く。組は3人の集まりです。", []),
        ("「止まれ」と言う。止まれと叫ぶ。「手を使う」こと。手を使う。", ["止まれ"]),
    ],
)  # fmt: skip
def test_terms(markdown, terms):
    assert [message.split("“")[1].split("”")[0] for message in (one.message for one in lint(markdown))] == terms
    assert all(one.rule == "term-undefined" for one in lint(markdown))


@given(
    st.lists(
        st.sampled_from([*ENGLISH.split(" "), *JAPANESE, "\n", "|", "1/0", "1.2.3 m", "\ud800", "\ue002"]), max_size=80
    )
)
def test_no_text_is_too_odd(pieces):
    markdown = " ".join(pieces)
    for one in lint(markdown):
        assert all(0 <= start < end <= len(markdown) for start, end in one.spans)
        assert list(one.spans) == sorted(one.spans)


def test_many_statements_take_little_time():
    names = "ball court goal team player line corner bench jersey coach whistle circle hand foot throw"
    words = names.split()
    lines = [
        f"- The {words[n % 15]} of the {words[n // 15 % 15]} at the {words[n // 225 % 15]} has {n % 7} *{words[n % 11]}s*."
        for n in range(2000)
    ]
    found = statements.split_statements("\n".join(lines))
    assert len(found) == 2000
    assert effort(lambda: spec_lint.find_remarks(found)) < 4
