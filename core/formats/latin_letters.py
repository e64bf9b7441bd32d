"""Tells apart the one-byte encodings of Latin scripts, by whether the letters are those of one language in each line."""

import re
from collections.abc import Sequence

# The letters of each language beyond a–z. Sources: the languages' official alphabets, as Unicode CLDR lists them
# ("exemplar characters", CLDR 47).
_WESTERN = (
    "äöüßẞ", "àâæçéèêëîïôœùûüÿ", "áéíñóúü¿¡ªº", "áâãàçéêíóôõúªº", "àèéìîòù", "åäöéü", "æøåéòó", "áðéíóúýþæö", "äëéèïöüó",
)  # fmt: skip
_CENTRAL = ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîșțşţ")
_TURKISH = ("çğıöşüİâîû",)
_BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")

# In the order of how common they are: where two fit equally well, the first is taken.
CODECS: dict[str, tuple[str, ...]] = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "cp1254": _TURKISH,
    "cp1257": _BALTIC,
    "mac_roman": _WESTERN,
    "cp850": _WESTERN,
}
GOOD_FIT = 0.95  # the share of letters from which a reading is believed
CLEAR_MARGIN = 0.1  # by which it must be better than cp1252
_NEUTRAL = frozenset("“”„‟‘’‚–—…€£°§«»‹›©®™·•½¼¾×±²µ\xa0")  # in texts of every language
_MISPLACED = re.compile(
    r"(?<=[^\W\d_])[“”„«»€£°§©®±²µ](?=[^\W\d_])|”(?=[^\W\d_])"
)  # what a letter of another encoding is
_ENDS = re.compile(rb'[",;|\t]+')  # of a cell or a text: each may be in another language
_MAX_TEXTS = 1000


def rank(lines: Sequence[bytes]) -> list[tuple[str, float]]:
    """The codecs with how well the lines read in each (0 to 1), the best first."""
    texts = [text for line in lines for text in _ENDS.split(line) if not text.isascii()][:_MAX_TEXTS]
    return sorted(((codec, _fit(texts, codec)) for codec in CODECS), key=lambda found: -found[1])


def _fit(raw: Sequence[bytes], codec: str) -> float:
    """The share of the letters beyond a–z that one language has, text by text; 0 where one cannot be decoded."""
    alphabets = [frozenset(letters + letters.upper()) for letters in CODECS[codec]]
    fitting = count = 0
    for part in raw:
        try:
            text = part.decode(codec)
        except UnicodeDecodeError:
            return 0.0
        if any("\x7f" < char < "\xa0" or (char < " " and char not in "\t\r\n\f") for char in text):
            return 0.0
        letters = [char for char in text if char > "\x7f" and char not in _NEUTRAL]
        fitting += max(sum(char in known for char in letters) for known in alphabets)
        count += len(letters) + len(_MISPLACED.findall(text))
    return fitting / count if count else 1.0
