"""A change that the mutation tool puts into a loaded module does what the changed source would."""

import importlib.util
import types

import pytest

from tools.mutant_runs import KILLED, SURVIVED, TIMED_OUT, changed_parts, fate
from tools.mutants import mutants

SOURCE = '''"""A module."""
LIMIT = 3
def over(number):
    """Whether it is over the limit."""
    return number > LIMIT
class Sum:
    start = 0
    def __init__(self, first=1):
        self.first = first
    @property
    def value(self):
        return (lambda more: self.first + more)(2)
    @value.setter
    def value(self, new):
        self.first = new - 2
'''


@pytest.fixture
def loaded(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("module", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return path, module


def told(module):
    """What the module does."""
    one, other = module.Sum(), module.Sum(5)
    one.value = 10
    found = [module.over(number) for number in (3, 4)]
    try:
        return [*found, one.value, other.value, module.Sum.start, module.LIMIT]
    except TypeError as error:
        return [*found, str(error)]


def test_each_change_within_a_function_is_put_in_and_any_other_is_not(loaded):
    path, module = loaded
    plain, within, anew = told(module), 0, []
    for mutant in mutants(path, "module.py"):
        changed = types.ModuleType("changed")
        exec(compile(mutant.source, str(path), "exec"), changed.__dict__)
        wanted = told(changed)
        changed.__dict__.clear()
        parts = changed_parts(SOURCE, mutant.source, str(path))
        if parts is None:
            anew.append(mutant.name)
            continue
        before = {function: function.__code__ for function in parts}
        for function, code in parts.items():
            function.__code__ = code
        assert told(module) == wanted != plain, mutant.name
        for function, code in before.items():
            function.__code__ = code
        within += 1
    assert told(module) == plain
    assert within >= 6
    assert anew == ["module: 3 → 4", "module: 0 → 1", "__init__: 1 → 2"]


def test_what_became_of_a_mutant():
    assert [fate(status) for status in (0, 1, 2, 4, -11, -14, -24)] == [
        SURVIVED, KILLED, KILLED, KILLED, KILLED, TIMED_OUT, TIMED_OUT,
    ]  # fmt: skip
    for trouble in (5, 99):  # of the tool, or no test was run
        with pytest.raises(AssertionError):
            fate(trouble)
