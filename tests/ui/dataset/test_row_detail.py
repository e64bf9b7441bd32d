import json

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QInputMethodEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from core import checks
from core.dataset import examples, row_edits
from core.dataset.row_edits import (
    AddMessage,
    DeleteMessage,
    MoveMessage,
    SetColumn,
    SetRole,
    SetText,
    SetToolCalls,
    SetWeight,
)
from tests.support.pages.controls import choose_at
from ui.dataset.conversation_editor import ToolCallDialog
from ui.dataset.row_detail import ProblemList, RowDetail
from ui.widgets.json_dialog import JsonDialog
from ui.widgets.text_fields import CommittedTextEdit, GrowingTextEdit

ROW = (
    '{"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "q", "mood": 1.50}, '
    '{"role": "assistant", "content": "a"}], "meta": 1e3}'
)
IMAGE = (
    '{"messages": [{"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "image_url", "image_url": '
    '{"url": "data:image/png;base64,' + "QUJD" * 1000 + '"}}, {"type": "text", "text": "two"}]}, '
    '{"role": "assistant", "content": "a"}]}'
)
DPO = (
    '{"input": {"messages": [{"role": "user", "content": "q"}]}, "preferred_output": [{"role": "assistant", '
    '"content": "yes"}], "non_preferred_output": [{"role": "assistant", "content": "no"}]}'
)


@pytest.fixture
def detail(qtbot):
    """The pane, with what it hands over in `detail.handed`."""
    detail = RowDetail()
    qtbot.addWidget(detail)
    detail.handed = []
    detail.edited.connect(lambda *edit: detail.handed.append(edit))
    detail.resize(900, 500)
    detail.show()
    return detail


def show(detail, data, **fields):
    detail.show_example(examples.read_row(data, id=fields.pop("id", 7), **fields))


def cards(detail):
    return detail.conversation.visible_cards()


def texts(detail):
    return [[field.toPlainText() for field in card.fields()] for card in cards(detail)]


def written(data, handed):
    """The row as the handed-over edits leave it."""
    for _id, edit in handed:
        data = row_edits.apply(data, edit)
    return data


def test_the_whole_conversation_is_shown_and_a_turn_is_handed_over_when_left(detail):
    show(detail, ROW)
    assert texts(detail) == [["S"], ["q"], ["a"]]
    assert [card.role.currentText() for card in cards(detail)] == ["system", "user", "assistant"]
    detail.question.setPlainText("changed")
    detail.question.commit()
    assert detail.handed == [(7, SetText("$.messages[1]", "changed"))]
    assert written(ROW, detail.handed) == ROW.replace('"q"', '"changed"')


def test_turns_are_added_moved_and_deleted_one_step_each(detail):
    show(detail, ROW)
    detail.conversation.add_button.click()
    assert [card.role.currentText() for card in cards(detail)][-1] == "user"
    cards(detail)[3].up_button.click()
    cards(detail)[0].remove_button.click()
    assert detail.handed == [
        (7, AddMessage("$.messages[3]", "user")),
        (7, MoveMessage("$.messages[3]", -1)),
        (7, DeleteMessage("$.messages[0]")),
    ]
    assert texts(detail) == [["q"], [""], ["a"]]
    row = written(ROW, detail.handed)
    assert '"mood": 1.50' in row
    assert row.endswith('"meta": 1e3}')


def test_what_is_typed_is_handed_over_before_a_turn_moves(detail):
    """A tool button takes no focus: the field beside it had been moved away with what was typed in it."""
    show(detail, ROW)
    detail.answer.setPlainText("typed")
    cards(detail)[2].up_button.click()
    assert detail.handed == [(7, SetText("$.messages[2]", "typed")), (7, MoveMessage("$.messages[2]", -1))]
    assert texts(detail) == [["S"], ["typed"], ["q"]]


def test_typing_belongs_to_the_row_it_was_typed_for(detail):
    show(detail, ROW)
    detail.answer.setPlainText("typed")
    show(detail, ROW.replace('"a"', '"other"'), id=8)
    assert detail.handed == [(7, SetText("$.messages[2]", "typed"))]
    assert detail.answer.toPlainText() == "other"
    assert detail.pending() == []


def test_a_refresh_keeps_what_is_being_typed(detail):
    show(detail, ROW)
    detail.answer.setPlainText("half a sent")
    detail.tags.insert("new")
    show(detail, ROW, split="test")
    assert detail.answer.toPlainText() == "half a sent"
    assert detail.pending() == [(7, SetText("$.messages[2]", "half a sent")), (7, SetColumn("tags", "new"))]
    assert detail.pending() == []


def test_role_and_weight(detail):
    show(detail, ROW)
    assert not cards(detail)[1].weight.isVisible()
    box = cards(detail)[2].weight
    choose_at(box, 1)
    cards(detail)[0].role.textActivated.emit("developer")
    assert detail.handed == [(7, SetWeight("$.messages[2]", 0)), (7, SetRole("$.messages[0]", "developer"))]
    assert detail.conversation.focus("$.messages[2]") is None
    assert any("weight 0" in line.text() for line in items(detail))


def items(detail):
    return [detail.problem_list.item(row) for row in range(detail.problem_list.count())]


def test_a_problem_leads_to_its_turn(detail):
    show(detail, ROW.replace('"content": "a"', '"content": ""'))
    assert "content-empty" in detail.problems()
    found = next(item for item in items(detail) if "empty" in item.text())
    detail.problem_list.itemClicked.emit(found)
    assert detail.answer.hasFocus() or QApplication.focusWidget() is None  # offscreen windows may not be active
    assert cards(detail)[2].note.isVisible()


def test_a_problem_is_whole_also_where_the_pane_becomes_narrow(qtbot):
    """Waits until the line is wrapped, and the list is as high as it."""
    page, lines = QWidget(), ProblemList()
    qtbot.addWidget(page)
    column = QVBoxLayout(page)
    column.addWidget(lines)
    column.addStretch()
    lines.show_problems([checks.problem("content-empty", "$", "プロジェクトと異なるシステムプロンプト")])
    page.resize(700, 300)
    page.show()
    one_line = lines.visualItemRect(lines.item(0)).height()
    page.resize(200, 300)
    qtbot.waitUntil(lambda: lines.visualItemRect(lines.item(0)).height() > one_line)
    qtbot.waitUntil(lambda: lines.height() >= lines.visualItemRect(lines.item(0)).height())


def test_images_are_named_and_their_texts_edited_apart(detail):
    show(detail, IMAGE)
    assert texts(detail) == [["one", "two"], ["a"]]
    chips = [label.text() for label in cards(detail)[0].findChildren(QLabel)]
    assert "Image in the row: image/png, 3 kB" in chips
    cards(detail)[0].fields()[1].setPlainText("2")
    cards(detail)[0].fields()[1].commit()
    assert written(IMAGE, detail.handed) == IMAGE.replace('"two"', '"2"')


def test_a_row_of_two_answers_says_which_is_preferred(detail):
    show(detail, DPO)
    assert texts(detail) == [["q"], ["yes"], ["no"]]
    assert [title.text() for title in detail.conversation.titles] == ["Input", "Preferred answer", "Other answer"]
    show(detail, ROW, id=8)
    assert detail.conversation.titles == []
    assert texts(detail) == [["S"], ["q"], ["a"]]


def test_a_long_conversation_is_shown_in_parts(detail):
    turns = [{"role": ("user", "assistant")[i % 2], "content": str(i)} for i in range(100)]
    show(detail, json.dumps({"messages": turns}))
    assert len(cards(detail)) == 40
    detail.conversation.further_button.click()
    assert len(cards(detail)) == 80
    detail.conversation.focus("$.messages[95].content")
    assert len(cards(detail)) == 96


def test_a_row_without_a_conversation_gets_one(detail):
    show(detail, '{"prompt": "p"}')
    assert detail.conversation.nothing.isVisible()
    detail.conversation.add_button.click()
    assert written('{"prompt": "p"}', detail.handed).endswith('"messages": [{"role": "user", "content": ""}]}')


def test_tool_calls_are_checked_while_they_are_typed(detail):
    show(detail, ROW)
    card = cards(detail)[2]
    card.calls_wanted.emit(card.message)
    dialog = detail.findChild(ToolCallDialog)
    call = '[{"id": "c", "type": "function", "function": {"name": "f", "arguments": "[]"}}]'
    dialog.editor.setPlainText(call)
    assert "not a JSON object" in dialog.state_note.text()
    dialog.editor.setPlainText(call[:-1])
    assert not dialog.save_button.isEnabled()
    dialog.editor.setPlainText(call.replace("[]", "{}"))
    assert dialog.state_note.text() == "No errors."
    dialog.accept()
    assert detail.handed == [(7, SetToolCalls("$.messages[2]", call.replace("[]", "{}")))]
    assert card.calls_button.isVisible()
    assert card.calls_button.text() == "Calls: f({})"


def test_no_break_spaces_and_line_breaks_survive_an_edit(detail):
    """Qt's own text of a field turns them into blanks, and a row that was only looked at seemed edited."""
    row = json.dumps(
        {"messages": [{"role": "user", "content": "5\u00a0km\r\nq"}, {"role": "assistant", "content": "a"}]}
    )
    show(detail, row)
    assert detail.pending() == []
    detail.question.appendPlainText("more")
    assert detail.pending() == [(7, SetText("$.messages[0]", "5\u00a0km\r\nq\r\nmore"))]


def test_half_a_japanese_word_is_not_handed_over(detail):
    show(detail, ROW)
    field = detail.answer
    QApplication.sendEvent(field, QInputMethodEvent("へんぴん", []))
    assert detail.pending() == []
    done = QInputMethodEvent("", [])
    done.setCommitString("返品")
    QApplication.sendEvent(field, done)
    assert detail.pending() == [(7, SetText("$.messages[2]", "返品a"))]


def test_test_rows_have_key_points_and_no_row_leaves_an_empty_state(detail):
    show(detail, ROW, split="test", key_points="a")
    assert detail.key_points.isVisible()
    show(detail, ROW, id=8)
    assert not detail.key_points.isVisible()
    detail.show_example(None)
    assert detail.currentIndex() == 0
    assert detail.pending() == []


def test_every_control_has_a_plain_name(detail):
    show(detail, ROW)
    for button in detail.findChildren(QToolButton):
        name = button.accessibleName() or button.text()
        assert not button.isVisible() or (len(name) > 3 and "&" not in name), name
    assert all(field.accessibleName() for field in detail.findChildren(CommittedTextEdit))


def test_one_line_needs_no_scroll_bar(qtbot):
    """A line of Japanese is higher than the font's own line: a bar stood beside it."""
    for text in ("one line", "日本語の一行", "日本語\nと English\n三行"):
        field = GrowingTextEdit(most=8)
        qtbot.addWidget(field)
        field.resize(300, 30)
        field.show()
        field.setPlainText(text)
        assert field.verticalScrollBar().maximum() == 0, text
        assert field.height() < 34 * len(text.split("\n")), "and no room to spare"


def test_a_row_as_json_is_laid_out_and_only_written_when_changed(qtbot):
    dialog = JsonDialog("JSON", ROW)
    qtbot.addWidget(dialog)
    saved = []
    dialog.saved.connect(saved.append)
    assert dialog.editor.blockCount() > 5
    dialog.accept()
    assert saved == []
    dialog.editor.setPlainText(dialog.editor.toPlainText().replace('"meta": 1e3', '"meta": }'))
    assert dialog.state_note.text() == "Line 17, column 11: a value is missing."
    dialog.editor.setPlainText(dialog.editor.toPlainText().replace('"meta": }', '"meta": 2'))
    dialog.accept()
    assert saved == [ROW.replace("1e3", "2")]


def test_the_wheel_scrolls_and_changes_no_choice(detail):
    show(detail, ROW)
    role = cards(detail)[1].role
    down = QPoint(0, -120)
    wheel = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), down, down, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(role, wheel)
    assert role.currentText() == "user"
    assert detail.handed == []


def test_the_list_of_roles_is_offered_for_a_new_turn(detail):
    show(detail, ROW)
    menu = detail.conversation.roles_button.menu()
    assert isinstance(menu, QMenu)
    next(action for action in menu.actions() if action.text() == "tool").trigger()
    assert detail.handed == [(7, AddMessage("$.messages[3]", "tool"))]
    assert cards(detail)[3].call_row.isVisible()
    assert detail.conversation.verticalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAsNeeded


def test_a_kind_that_is_not_offered_is_shown_and_stays(detail):
    """An import may bring any word."""
    show(detail, ROW, kind="riddle")
    assert (detail.kind.currentIndex(), detail.kind.placeholderText()) == (-1, "riddle")
    show(detail, ROW, kind="reverse")
    assert detail.kind.currentData() == "reverse"
