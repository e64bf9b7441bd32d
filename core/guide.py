"""The guide that the program shows offline: its pages in the language of the screen, as HTML, and a search over them.

The same files are the pages of the site (tools/site_hooks.py). What they link to outside of their folder is not in the
program, so that such a link is shown as its text alone.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path, PurePosixPath

from markdown_it import MarkdownIt
from markdown_it.token import Token

from core import paths
from core.language import tr
from core.lazy_loading import lazy_pattern

FOLDER = paths.RESOURCES / "guide"
CONTENTS = FOLDER / "contents.toml"
SOURCE_LANGUAGE = "en"  # every page is there in this one
FIRST_PAGE = "index"
MAX_HITS = 60
EXCERPT_CHARACTERS = 110
CHANGES_PAGE = "changes"  # the list of changes, which is shown like a page and is not in the contents
CHANGES = paths.ROOT / "CHANGELOG.md"
TO_ENGLISH = ("../en/", "resources/guide/en/")  # from a page of another language, and from the list of changes
PICTURE_CLASS = "picture"  # of a paragraph that is a picture
REPOSITORY = "../../../"  # from a page of the guide
OUTSIDE = ("http://", "https://", "mailto:")
TERMS_BEFORE = 30  # characters of an excerpt before the word that was found
_SLUG_DROPPED = lazy_pattern(r"[^\w\s-]")
_SLUG_GAP = lazy_pattern(r"[-\s]+")
_ADMONITION = lazy_pattern(r'^!!! (\w+)(?: "([^"]*)")?$', re.MULTILINE)
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True, slots=True)
class GuidePage:
    """A page; `language` is that of its text, English where it is not translated."""

    name: str
    title: str
    language: str
    path: Path


@dataclass(frozen=True, slots=True)
class GuideSection:
    """Pages that belong together."""

    title: str
    pages: list[GuidePage]


@dataclass(frozen=True, slots=True)
class GuideHit:
    """A part of a page that has the words of a search: its heading, the heading's anchor ('' for the beginning), and a passage."""

    page: GuidePage
    heading: str
    anchor: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class _Part:
    """The text below one heading."""

    heading: str
    anchor: str
    text: str


def load_sections(language: str) -> list[GuideSection]:
    """The contents in `language`, in the order of reading."""
    contents = tomllib.loads(CONTENTS.read_text(encoding="utf-8"))
    return [
        GuideSection(
            section.get(language, section[SOURCE_LANGUAGE]), [find_page(language, name) for name in section["pages"]]
        )
        for section in contents["section"]
    ]


def find_page(language: str, name: str) -> GuidePage:
    """The page `name` in `language`, else in English; "en/NAME" is the English one.

    Raises `FileNotFoundError` for a page that is not there.
    """
    if name == CHANGES_PAGE:
        return GuidePage(name, _read_title(CHANGES), SOURCE_LANGUAGE, CHANGES)
    wanted, _slash, name = name.rpartition("/")
    wanted = wanted or language
    chosen = wanted if (FOLDER / wanted / f"{name}.md").is_file() else SOURCE_LANGUAGE
    path = FOLDER / chosen / f"{name}.md"
    return GuidePage(name, _read_title(path), chosen, path)


def find_target(page: GuidePage, link: str) -> tuple[str, str] | None:
    """The page and the anchor that a link of `page` leads to; None where that is no page of the guide."""
    path, _mark, anchor = link.partition("#")
    if not path:
        return page.name, anchor
    prefix = next((one for one in TO_ENGLISH if path.startswith(one)), "")
    found = PurePosixPath(path.removeprefix(prefix))
    is_page = len(found.parts) == 1 and found.suffix == ".md" and (FOLDER / SOURCE_LANGUAGE / found.name).is_file()
    is_page = is_page and (page.name != CHANGES_PAGE or bool(prefix))
    # English pages link to each other by their names alone; in the list of changes the reader's language is meant.
    to_english = prefix and page.name != CHANGES_PAGE
    return (f"{SOURCE_LANGUAGE}/{found.stem}" if to_english else found.stem, anchor) if is_page else None


def find_picture(page: GuidePage, source: str) -> Path | None:
    """The file of a picture of `page`; None where it would be outside of the guide's folder."""
    path = (page.path.parent / source).resolve()
    return path if path.is_relative_to(FOLDER.resolve()) and path.is_file() else None


def render(page: GuidePage, language: str, is_dark: bool = False) -> str:
    """The page as HTML: headings have anchors, links lead to pages or to the web, pictures are those of the theme."""
    tokens = _parse(page.path.read_text(encoding="utf-8"))
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", make_anchor(_plain(tokens[place + 1])))
        if token.type == "inline":
            _confine_links(page, token)
            if [child.type for child in token.children or ()] == ["image"]:
                tokens[place - 1].attrSet("class", PICTURE_CLASS)
            for child in token.children or ():
                if child.type == "image" and is_dark:
                    child.attrSet("src", str(child.attrs["src"]).replace("-light.", "-dark."))
    text = str(_PARSER.renderer.render(tokens, _PARSER.options, {}))
    if page.language == SOURCE_LANGUAGE != language and not (FOLDER / language / page.path.name).is_file():
        text = f"<p><i>{escape(tr('This page is in English only.'))}</i></p>{text}"
    return text


def search(language: str, words: str) -> list[GuideHit]:
    """The parts of pages that have all `words`, at most `MAX_HITS`, the best first.

    Those that have the words side by side come first, then those with more of the words in their heading, then those
    where the words are nearer to each other.
    """
    terms = normalise(words).split()
    if not terms:
        return []
    hits: list[tuple[tuple[float, ...], GuideHit]] = []
    for section in load_sections(language):
        for page in section.pages:
            for part in _load_parts(page.path, page.path.stat().st_mtime_ns):
                heading, text = normalise(f"{page.title} {part.heading}"), normalise(part.text)
                if all(term in heading or term in text for term in terms):
                    hits.append(
                        (
                            _rank(heading, text, terms),
                            GuideHit(page, part.heading, part.anchor, _excerpt(part.text, terms)),
                        )
                    )
    return [hit for _rank, hit in sorted(hits, key=lambda ranked: ranked[0])[:MAX_HITS]]


def _rank(heading: str, text: str, terms: list[str]) -> tuple[float, ...]:
    """The place of a part among those that were found: the smaller, the better."""
    phrase, whole = " ".join(terms), f"{heading} {text}"
    in_heading = sum(_has_beginning(heading, term) for term in terms)
    is_together = phrase in " ".join(whole.split())
    share = in_heading / max(1, len(heading.split()))
    return (-(phrase in heading), -is_together, -in_heading, -share, _measure_spread(whole, terms))


def _has_beginning(text: str, term: str) -> bool:
    """Whether a word of the text begins with the term; Japanese has no blanks between its words."""
    return term in text if not term.isascii() else re.search(rf"\b{re.escape(term)}", text) is not None


def _measure_spread(text: str, terms: list[str]) -> int:
    """The characters of the shortest passage that has all terms."""
    found = sorted((match.start(), term) for term in terms for match in re.finditer(re.escape(term), text))
    last: dict[str, int] = {}
    shortest = len(text)
    for place, term in found:
        last[term] = place
        if len(last) == len(set(terms)):
            shortest = min(shortest, place - min(last.values()))
    return shortest


def normalise(text: str) -> str:
    """Letters as they are compared: upper and lower case and character width make no difference."""
    return unicodedata.normalize("NFKC", text).casefold()


def make_anchor(heading: str) -> str:
    """The anchor of a heading, as the site's has it for Latin letters."""
    return _SLUG_GAP.sub("-", _SLUG_DROPPED.sub("", heading).strip().lower())


def _parse(markdown: str) -> list[Token]:
    # The site's boxes of notes are quotes here.
    return _PARSER.parse(_ADMONITION.sub("", markdown))


def _read_title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()


def _confine_links(page: GuidePage, inline: Token) -> None:
    """Name the files that the program does not have, instead of links to them."""
    kept: list[Token] = []
    dropped = ""  # the link that is being read, where it leads to such a file
    for child in inline.children or ():
        if child.type == "link_open":
            link = str(child.attrs.get("href", ""))
            dropped = "" if link.startswith(OUTSIDE) or find_target(page, link) else link
        if not dropped or child.type not in ("link_open", "link_close"):
            kept.append(child)
        elif child.type == "link_close":
            named = dropped.partition("#")[0].removeprefix(REPOSITORY)
            kept.append(Token("text", "", 0, content=f" ({named})"))
    inline.children = kept


@cache
def _load_parts(path: Path, _changed: int) -> list[_Part]:
    """The parts of a file; read again when it was changed."""
    return [*_iterate_parts(_parse(path.read_text(encoding="utf-8")))]


def _iterate_parts(tokens: list[Token]) -> Iterator[_Part]:
    heading, anchor, texts = "", "", list[str]()
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            if texts:
                yield _Part(heading, anchor, " ".join(texts))
            heading, texts = _plain(tokens[place + 1]), []
            anchor = make_anchor(heading) if token.tag != "h1" else ""  # the title is where the page begins
        elif token.type == "inline" and tokens[place - 1].type != "heading_open":
            texts.append(_plain(token))
        elif token.type in ("fence", "code_block"):
            texts.append(token.content)
    yield _Part(heading, anchor, " ".join(texts))


def _plain(inline: Token) -> str:
    """What of a text is read: no marks, no addresses."""
    parts = (child.content if child.type != "softbreak" else " " for child in inline.children or ())
    return "".join(parts)


def _excerpt(text: str, terms: list[str]) -> str:
    text = " ".join(text.split())
    places = [place for term in terms if (place := normalise(text).find(term)) >= 0]
    start = max(0, min(places, default=0) - TERMS_BEFORE)
    end = start + EXCERPT_CHARACTERS
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
