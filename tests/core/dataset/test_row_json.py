import json

from hypothesis import given
from hypothesis import strategies as st

from core.dataset import row_json


def test_json_is_laid_out_for_reading():
    assert row_json.indent_json('{"a": [1, {}], "b": "x, y"}') == (
        '{\n  "a": [\n    1, \n    {}\n  ], \n  "b": "x, y"\n}'
    )


@given(st.text(alphabet='{}[]",: \t\\a1あ').map(lambda text: text.strip()))
def test_any_line_comes_back_to_the_letter(text):
    assert row_json.join_json_lines(row_json.indent_json(text)) == text


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_what_is_laid_out_means_the_same(value):
    text = json.dumps(value)
    assert json.loads(row_json.indent_json(text)) == value
    assert row_json.join_json_lines(row_json.indent_json(text)) == text
