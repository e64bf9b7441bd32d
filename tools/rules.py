"""Writes the guide's list of every rule, in each language, from the code; --check only says whether it is current."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core import guide, language  # noqa: E402 - found only now
from core.checks import Rule  # noqa: E402
from core.checks.rules_for_datasets import SET_RULES  # noqa: E402
from core.checks.rules_for_lines import FILE_RULES, LINE_RULES  # noqa: E402
from core.checks.rules_for_rows import ROW_RULES  # noqa: E402

WORDS = {
    "en": {
        "title": "Rules",
        "about": "The rules that Juku checks. Problems, filters (`rule:…`) and the command line use the names in the first column. Training"
        " services refuse a row with an error, or the error breaks the training. A warning is worth a look. A note is good to know."
        " Grid, problems panel and preflight use the same severity. *Fix* marks a problem that one action fixes for all rows at once,"
        " without any other change to these rows.",
        "groups": ("A line", "A file", "A row", "All rows together, and what should not be taught"),
        "head": ("Rule", "Severity", "Fix", "What it says"),
        "error": "error",
        "warning": "warning",
        "note": "note",
        "fixable": "yes",
    },
    "ja": {
        "title": "検査の規則",
        "about": "Jukuが調べる規則の一覧です。名前は、問題の一覧、絞り込み（`rule:…`）、コマンドの出力で共通です。「エラー」は学習サービスに"
        "拒まれるか、学習を損なうもの、「警告」は一度見ておくとよいもの、「参考」は知っておくとよいものです。表、問題の一覧、学習前の確認で重さは同じです。「修正」に印のある規則は、一度の操作で全行を直せます"
        "（行のほかの部分は変わりません）。",
        "groups": ("一行", "ファイル", "行の内容", "全行の比較と、教えるべきでない内容"),
        "head": ("規則", "重さ", "修正", "内容"),
        "error": "エラー",
        "warning": "警告",
        "note": "参考",
        "fixable": "可",
    },
}


def main(arguments: list[str]) -> int:
    status = 0
    for path, text in documents().items():
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path.relative_to(ROOT)} is not current: run tools/rules.py")
            status = 1
    return status


def documents() -> dict[Path, str]:
    """The list in each language of the guide, by its file; the language spoken stays as it was."""
    before = language.current_language()
    try:
        return {guide.FOLDER / code / "rules.md": section(code) for code in WORDS}
    finally:
        language.set_language(before)


def groups() -> tuple[list[Rule], ...]:
    return LINE_RULES, FILE_RULES, ROW_RULES, SET_RULES


def section(code: str) -> str:
    language.set_language(code)
    words = WORDS[code]
    lines = [f"# {words['title']}", "", str(words["about"]), ""]
    for name, rules in zip(words["groups"], groups(), strict=True):
        lines += [f"## {name}", "", f"| {' | '.join(words['head'])} |", "|---|---|---|---|"]
        lines += [row(rule, code) for rule in rules] + [""]
    return "\n".join(lines)


def row(rule: Rule, code: str) -> str:
    words = WORDS[code]
    fix = words["fixable"] if rule.fixable else ""
    title, explanation = (text.replace("|", r"\|") for text in rule.words())
    return f"| `{rule.id}` | {words[rule.severity]} | {fix} | **{title}.** {explanation} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
