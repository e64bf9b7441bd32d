"""The guide's list of rules is the code's."""

import runpy

from core.checks import RULES
from core.paths import ROOT


def test_the_guide_lists_every_rule_as_the_code_has_it() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "rules.py"))
    for path, text in tool["documents"]().items():
        assert path.read_text(encoding="utf-8") == text, "run tools/rules.py"
        assert [rule for rule in RULES if f"| `{rule}` |" not in text] == []
