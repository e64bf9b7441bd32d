"""The guide in a window of its own: the contents or the hits of a search at the left, a page at the right."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QStackedWidget,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core import guide, language
from core.guide import GuideHit, GuidePage
from core.language import tr, trn
from ui import style
from ui.dataset.problems_by_rule_tree import TallRowDelegate
from ui.guide.guide_browser import GuideBrowser
from ui.widgets import basics, screen_fit
from ui.widgets.titled_delegate import TitledDelegate

SIZE = (1080, 760)
CONTENTS_WIDTH = 290  # pixels
TALL_TEXT = "塾か"
EXCERPT_LINES = 2  # below the title of a hit
NAME_ROLE = Qt.ItemDataRole.UserRole


class GuideWindow(QWidget):
    """It has no parent, so that it can lie behind the window that it is about; whoever opened it closes it."""

    def __init__(self) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.setWindowTitle(tr("Juku Guide"))
        self._language = language.current_language()
        self._visited: list[tuple[str, str]] = []  # names and anchors, the page that is shown last
        self._items: dict[str, QTreeWidgetItem] = {}
        self._left: list[tuple[str, str]] = []  # those that one went back from
        self.field = QLineEdit(placeholderText=tr("Search the guide"), clearButtonEnabled=True)
        self.field.setAccessibleName(tr("Search the guide"))
        self.contents, self.hits, self.count = QTreeWidget(), QListWidget(), basics.label(dim=True)
        self.browser = GuideBrowser()
        self.back = basics.tool_button("←", tr("Back"), has_tip=True)
        self.forward = basics.tool_button("→", tr("Forward"), has_tip=True)
        self._lay_out()
        self._fill_contents()
        self._connect()
        self.resize(*map(style.scaled, SIZE))
        screen_fit.fit(self)

    def _lay_out(self) -> None:
        for one, name in ((self.contents, tr("Contents")), (self.hits, tr("Hits"))):
            one.setAccessibleName(name)
            one.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.contents.setHeaderHidden(True)
        self.contents.setRootIsDecorated(False)
        self.contents.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.hits.setItemDelegate(HitDelegate(self.hits))
        self.contents.setItemDelegate(TallRowDelegate(self.contents))
        self.lists = QStackedWidget()
        self.lists.addWidget(self.contents)
        self.lists.addWidget(basics.column(self.count, self.hits))
        top = QHBoxLayout()
        for part in (self.back, self.forward):
            top.addWidget(part)
        top.addWidget(self.field, 1)
        sides = QSplitter(Qt.Orientation.Horizontal)
        sides.setHandleWidth(style.SPACE)
        sides.addWidget(basics.column(top, self.lists, spacing=style.SPACE // 2))
        sides.addWidget(self.browser)
        sides.setStretchFactor(1, 1)
        sides.setCollapsible(1, False)
        sides.setSizes([CONTENTS_WIDTH, SIZE[0] - CONTENTS_WIDTH])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE, style.SPACE, style.SPACE)
        layout.addWidget(sides)

    def _connect(self) -> None:
        self.field.textChanged.connect(self._on_search)
        self.field.returnPressed.connect(lambda: self._on_hit(self.hits.item(0)) if self.hits.count() else None)
        for signal in (self.contents.itemClicked, self.contents.itemActivated):
            signal.connect(lambda item, _column: self._on_chosen(item))
        self.contents.currentItemChanged.connect(lambda item, _before: self._on_chosen(item))
        for hit_signal in (self.hits.itemClicked, self.hits.itemActivated):
            hit_signal.connect(self._on_hit)
        self.browser.page_wanted.connect(self.show_page)
        self.back.clicked.connect(lambda _checked: self.go_back())
        self.forward.clicked.connect(lambda _checked: self.go_forward())
        for keys, run in (
            (QKeySequence.StandardKey.Find, self._on_find),
            (QKeySequence.StandardKey.Back, self.go_back),
            (QKeySequence.StandardKey.Forward, self.go_forward),
            (QKeySequence.StandardKey.Close, self.close),
            (QKeySequence(Qt.Key.Key_Escape), self._on_escape),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(run)

    def _fill_contents(self) -> None:
        self.contents.clear()
        for section in guide.load_sections(self._language):
            self._add_section(section.title, [(page.name, self._format_title(page)) for page in section.pages])
        if guide.CHANGES.is_file():
            self._add_section(tr("The program"), [(guide.CHANGES_PAGE, tr("What’s new"))])
        self.contents.expandAll()

    def _format_title(self, page: GuidePage) -> str:
        if page.language == self._language:
            return page.title
        return tr("{page} (in English)", page=page.title)

    def _add_section(self, title: str, pages: list[tuple[str, str]]) -> None:
        head = QTreeWidgetItem([title])
        head.setFlags(Qt.ItemFlag.ItemIsEnabled)
        font = head.font(0)
        font.setBold(True)
        head.setFont(0, font)
        self.contents.addTopLevelItem(head)
        for name, text in pages:
            item = QTreeWidgetItem(head, [text])
            item.setToolTip(0, basics.plain_tooltip(text))
            item.setData(0, NAME_ROLE, name)
            self._items[name] = item

    def show_page(self, name: str, anchor: str = "") -> None:
        """Show the page `name` from the heading with `anchor` on, and remember the way to it."""
        if not self._visited or self._visited[-1] != (name, anchor):
            self._visited.append((name, anchor))
            self._left.clear()
        self._show()

    def go_back(self) -> None:
        """Show the page before."""
        if len(self._visited) > 1:
            self._left.append(self._visited.pop())
            self._show()

    def go_forward(self) -> None:
        """Show the page that one went back from."""
        if self._left:
            self._visited.append(self._left.pop())
            self._show()

    def _show(self) -> None:
        name, anchor = self._visited[-1]
        page = guide.find_page(self._language, name)
        self.browser.show_page(page, self._language, anchor, self.field.text())
        self.setWindowTitle(tr("{page} – Juku Guide", page=page.title))
        self.back.setEnabled(len(self._visited) > 1)
        self.forward.setEnabled(bool(self._left))
        self.contents.blockSignals(True)
        if item := self._items.get(name):
            self.contents.setCurrentItem(item)
        self.contents.blockSignals(False)

    def _on_chosen(self, item: QTreeWidgetItem | None) -> None:
        if item is not None and (name := item.data(0, NAME_ROLE)):
            self.show_page(name)

    def _on_search(self, words: str) -> None:
        self.hits.clear()
        is_search = bool(words.strip())
        self.lists.setCurrentIndex(int(is_search))
        if not is_search:
            return
        found = guide.search(self._language, words)
        self.count.setText(trn("{n} place", "{n} places", len(found)) if found else tr("Nothing found"))
        for hit in found:
            self.hits.addItem(_build_item(hit))

    def _on_hit(self, item: QListWidgetItem) -> None:
        hit: GuideHit = item.data(NAME_ROLE)
        self.show_page(hit.page.name, hit.anchor)

    def _on_find(self) -> None:
        self.field.setFocus()
        self.field.selectAll()

    def _on_escape(self) -> None:
        self.field.clear() if self.field.text() else self.close()


def _build_item(hit: GuideHit) -> QListWidgetItem:
    title = hit.page.title if hit.heading in ("", hit.page.title) else f"{hit.page.title} › {hit.heading}"
    item = QListWidgetItem(title)
    item.setData(NAME_ROLE, hit)
    item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, hit.excerpt)
    return item


class HitDelegate(TitledDelegate):
    """A place that was found: its title, and below it two dim lines of its text."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        title, front, dim = self.draw_without_text(painter, option, index)
        place = option.rect.adjusted(style.SPACE // 2, style.SPACE // 2, -style.SPACE // 2, 0)
        line = _line_height(option)
        painter.save()
        painter.setPen(front)
        elide = Qt.TextElideMode.ElideRight
        painter.drawText(place, Qt.TextFlag.TextSingleLine, option.fontMetrics.elidedText(title, elide, place.width()))
        painter.setPen(dim)
        place.translate(0, line)
        place.setHeight(EXCERPT_LINES * line)
        # A word that goes to the next line leaves room in the one before.
        room = EXCERPT_LINES * place.width() - place.width() // 4
        excerpt = option.fontMetrics.elidedText(index.data(NAME_ROLE).excerpt, elide, room)
        painter.drawText(place, Qt.TextFlag.TextWordWrap, excerpt)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(style.scaled(60), (1 + EXCERPT_LINES) * _line_height(option) + style.SPACE)


def _line_height(option: QStyleOptionViewItem) -> int:
    """The height of a line, also with characters that come from another font."""
    metrics = option.fontMetrics
    return max(metrics.lineSpacing(), metrics.boundingRect(TALL_TEXT).height()) + 1
