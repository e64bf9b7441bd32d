"""The guide's pages as the program reads them: contents, HTML, links that stay in the folder, the search."""

import re
from urllib.parse import unquote

import pytest

from core import guide, language
from core.language import LANGUAGES


@pytest.fixture(autouse=True)
def in_english():
    before = language.current_language()
    language.set_language("en")
    yield
    language.set_language(before)


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Makes a page of a guide of its own."""
    monkeypatch.setattr(guide, "FOLDER", tmp_path / "guide")
    (tmp_path / "guide" / "en").mkdir(parents=True)
    (tmp_path / "guide" / "ja").mkdir()
    (tmp_path / "secret.webp").write_bytes(b"x")

    def write(text, name="one", code="en"):
        (tmp_path / "guide" / code / f"{name}.md").write_text(text, encoding="utf-8")
        return guide.find_page(code, name)

    return write


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_page_is_in_the_contents_once_and_has_a_title(code):
    pages = [page for section in guide.load_sections(code) for page in section.pages]
    names = [page.name for page in pages]
    assert sorted(names) == sorted(path.stem for path in (guide.FOLDER / "en").glob("*.md"))
    assert {path.stem for path in (guide.FOLDER / code).glob("*.md")} <= set(names)
    assert all(page.title and guide.render(page, code) for page in pages)


def test_tasks_are_there_in_every_language():
    tasks = [section.pages for section in guide.load_sections("ja")][:2]
    assert [page.name for pages in tasks for page in pages if page.language != "ja"] == []


@pytest.mark.parametrize(
    "path", sorted(guide.FOLDER.glob("*/*.md")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_links_and_pictures_of_the_guide_are_there(path):
    page = guide.find_page(path.parent.name, path.stem)
    text = guide.render(page, path.parent.name)
    for source in re.findall(r'src="([^"]+)"', text):
        for shown in (source, source.replace("-light.", "-dark.")):
            assert guide.find_picture(page, shown), shown
    for link in map(unquote, re.findall(r'href="([^"]+)"', text)):
        target = guide.find_target(page, link)
        if target and target[1]:
            other = guide.render(guide.find_page(path.parent.name, target[0]), path.parent.name)
            assert f'id="{target[1]}"' in other, link


def test_what_a_page_links_to_outside_of_the_guide_is_named_and_not_linked(page):
    shown = page(
        "# One\n\n[a](../../../docs/x.md#y), [b](one.md), [c](https://example.org/), [d](../../x.txt), [e](file:///etc/x)"
    )
    text = guide.render(shown, "en")
    assert 'href="one.md"' in text and 'href="https://example.org/"' in text
    assert "a (docs/x.md)" in text and 'docs/x.md"' not in text and 'x.txt"' not in text and 'href="file' not in text


def test_html_in_a_page_is_text(page):
    assert "<script" not in guide.render(page("# One\n\n<script>x</script>\n\n[a](javascript:x)"), "en")


def test_a_picture_outside_of_the_folder_is_not_found(page):
    shown = page("# One")
    assert guide.find_picture(shown, "../../secret.webp") is None
    assert guide.find_picture(shown, "/etc/hostname") is None


def test_a_page_that_is_not_translated_is_shown_in_english_and_says_so(page):
    page("# One\n\nText.")
    shown = guide.find_page("ja", "one")
    assert shown.language == "en" and "English only" in guide.render(shown, "ja")
    page("# 一\n\n本文", code="ja")
    assert "English only" not in guide.render(guide.find_page("ja", "one"), "ja")
    assert guide.find_target(guide.find_page("ja", "one"), "../en/one.md#x") == ("en/one", "x")
    assert "English only" not in guide.render(guide.find_page("ja", "en/one"), "ja")


def test_dark_pictures_in_the_dark_theme():
    shown = guide.find_page("en", "exam")
    assert "exam-light.webp" in guide.render(shown, "en") and "exam-dark.webp" in guide.render(
        shown, "en", is_dark=True
    )


def test_the_list_of_changes_is_a_page_whose_links_lead_into_the_guide():
    changes = guide.find_page("ja", guide.CHANGES_PAGE)
    assert changes.title == "Changes" and "English only" in guide.render(changes, "ja")
    assert guide.find_target(changes, "resources/guide/en/servers.md#x") == ("servers", "x")
    assert guide.find_target(changes, "docs/engine.md") is guide.find_target(changes, "servers.md") is None


@pytest.mark.parametrize(
    ("code", "words", "page", "anchor"),
    [
        ("en", "QUEUE", "train", "the-training-queue"),
        ("en", "base models computer", "train", "base-models-on-this-computer"),
        ("en", "cp932", "rules", "a-file"),
        ("ja", "ＯＬＬＡＭＡ", "export-model", ""),
        ("ja", "目隠し", "exam", "採点は信頼できるか"),
    ],
)
def test_the_search_finds_parts_of_pages(code, words, page, anchor):
    hits = guide.search(code, words)
    assert (page, anchor) in [(hit.page.name, hit.anchor) for hit in hits]
    assert all(hit.excerpt for hit in hits)


@pytest.mark.parametrize(
    ("code", "words", "page"),
    [
        ("en", "keep some rows", "exam"),
        ("en", "export rows", "rows"),
        ("en", "backup", "projects"),
        ("ja", "バックアップ", "projects"),
    ],
)
def test_the_search_has_the_page_about_it_first(code, words, page):
    assert guide.search(code, words)[0].page.name == page


def test_a_search_without_words_or_hits_finds_nothing():
    assert guide.search("en", "  ") == guide.search("en", "xyzzy plugh") == []
    assert len(guide.search("en", "e")) == guide.MAX_HITS
