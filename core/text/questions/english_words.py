"""Closed classes of English words that tell what a part of a sentence is: numbers, times, money, people, places.

They hold words of every subject and none of one: who wants to add a word asks whether ten unrelated pages have it.
"""

_ONES = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
NUMBER_VALUES = {word: value for value, word in enumerate(_ONES.split("|"), 1)} | {
    word: 10 * value for value, word in enumerate(_TENS.split("|"), 2)
}
NUMBER_WORD = rf"(?:(?:{_TENS})(?:[ -](?:{_ONES}))?|{_ONES}|hundred|thousand)"
DIGITS = r"\d[\d,]*(?:\.\d+)?"
NUMBER = rf"(?:{DIGITS}|{NUMBER_WORD})(?: (?:hundred|thousand|million))?"
TIME_UNITS = ("second", "minute", "hour", "day", "night", "week", "weekend", "month", "year", "season", "fortnight", "decade")
CLOCK = r"(?<!\d)(?:[01]?\d|2[0-4])[:.][0-5]\d(?!\d)|(?<!\d)\d{1,2} ?(?:a\.?m\.?|p\.?m\.?|o'clock)(?![a-z])|\b(?:noon|midnight|midday)\b"
WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
MONTH = r"(?:january|february|march|april|may(?= \d|\b)|june|july|august|september|october|november|december)"
DATE_WORDS = (
    rf"\b(?:{WEEKDAY}|january|february|march|april|june|july|august|september|october|november|december|spring|summer|autumn"
    r"|winter|morning|afternoon|evening|night|noon|midnight|weekends?|holidays?|christmas|easter|dawn|dusk|sunset|sunrise|century"
    r"|(?:1[0-9]|20)\d\d)\b(?!-)"
)
MONEY_WORDS = r"(?:euros?|dollars?|pounds?|yen|cents?|pence|francs?|crowns?|shillings?|pesos?|rupees?|coins?)"
MONEY = rf"[€$£¥]\s?\d[\d,.]*|{NUMBER} {MONEY_WORDS}\b|half (?:price|the price)"
LIMIT = (
    r"(?:at least|at most|up to|as many as|more than|less than|fewer than|no more than|no less than|about|around|some"
    r"|roughly|exactly|only|over|under|nearly|almost|just|another|an extra|not more than|the first|the last|a maximum of|a minimum of)"
)
PLACE_PREPOSITIONS = frozenset(
    "in at on under behind near inside beside above below through opposite outside into between along around across "
    "onto beneath beyond against towards".split()
)
PEOPLE = frozenset(
    "adult child children kid member player person people guest visitor climber student teacher volunteer staff user owner "
    "worker customer passenger driver captain referee manager leader coach trainer librarian cook chef team everyone everybody "
    "anyone anybody someone somebody nobody he she who whoever we you i they parent mother father man woman men women boy girl "
    "apprentice master beginner newcomer senior resident tenant neighbour neighbor pupil employee employer boss helper guide "
    "doctor nurse patient officer inspector judge winner loser champion host organiser organizer director president chairman "
    "chairwoman secretary treasurer committee clerk guard keeper caretaker cleaner baker farmer fisher gardener builder carpenter "
    "engineer technician author writer artist singer musician dancer actor speaker reader buyer seller dealer trader lender "
    "borrower renter king queen prince princess emperor duke mayor minister soldier sailor monk priest merchant founder inventor "
    "explorer scientist teenager infant toddler baby grandparent grandchild family couple crew rider swimmer runner rower skipper "
    "instructor supervisor operator subscriber applicant candidate participant competitor opponent spectator maker school class club company police council crew department group association party office".split()
)
# Everyday words and what else people say for them: general ones, the same in every subject.
SYNONYMS = {
    "keep": ("hold", "store"), "check": ("inspect",), "need": ("require",), "get": ("receive",), "rent": ("hire",),
    "hire": ("rent",), "include": ("contain",), "change": ("switch",), "start": ("begin",), "begin": ("start",),
    "open": ("start",), "close": ("shut",), "shut": ("close",), "return": ("give back", "bring back"), "repair": ("fix",),
    "fix": ("repair",), "wear": ("put on",), "move": ("shift",), "lift": ("raise",), "stay": ("remain",), "remain": ("stay",),
    "choose": ("pick",), "clean": ("wash",), "buy": ("purchase",), "bring": ("take along",), "book": ("reserve",),
    "reserve": ("book",), "ring": ("call", "phone"), "call": ("phone",), "allow": ("permit",), "permit": ("allow",),
    "show": ("display",), "collect": ("pick up",), "use": ("make use of",), "last": ("take",), "store": ("keep",),
    "replace": ("change",), "cover": ("include",), "receive": ("get",), "require": ("need",), "purchase": ("buy",),
    "child": ("kid",), "children": ("kids",), "adult": ("grown-up",), "item": ("thing",), "price": ("cost",),
    "fee": ("charge",), "guest": ("visitor",), "visitor": ("guest",), "photograph": ("photo", "picture"),
    "picture": ("photo",), "automobile": ("car",), "beginner": ("newcomer",), "newcomer": ("beginner",),
    "whole": ("entire",), "large": ("big",), "big": ("large",), "small": ("little",), "maximum": ("most",), "annual": ("yearly",),
    "correct": ("right",), "wrong": ("incorrect",), "quick": ("fast",), "fast": ("quick",), "bigger": ("larger",),
    "cheaper": ("less expensive",), "compulsory": ("required", "mandatory"), "forbidden": ("not allowed",), "damaged": ("broken",),
    "broken": ("damaged",), "lost": ("missing",), "ill": ("sick",), "free": ("without charge",), "several": ("a few",),
}  # fmt: skip
STOP = frozenset(
    "a an the of for in on at to and or is are was were be been being by with from that which who it its their his her as this these "
    "those may must can will should shall would could has have had do does did not than then there when where if only up most least "
    "per each every all any some one into so but because since until till also too very you your we our us they them he she i my me "
    "no nor what how both either neither itself themselves himself herself yourself before after once as whose whom while".split()
)
