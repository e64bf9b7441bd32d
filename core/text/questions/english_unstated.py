"""Questions that an English page leaves open: attributes of every subject, asked of the page's own things."""

import random
import re
from collections.abc import Iterator, Sequence

from core.lazy_loading import lazy_pattern
from core.text.questions.english_clauses import is_person
from core.text.questions.english_context import Told
from core.text.questions.english_forms import shorten
from core.text.questions.english_frames import Subject
from core.text.questions.rows import PageFact
from core.text.questions.shared_not_stated import Attribute, find_absent, iterate_choices

ANSWERS = ("The text does not say that.", "That is not in the text.", "The text says nothing about that.")
_NUMBER_NOUNS = r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred)\b"


def _attribute(words: str, *frames: str) -> Attribute:
    return Attribute(frames, lazy_pattern(words, re.IGNORECASE))


# Asked of a thing; {n} is its name.
_OF_THINGS = (
    _attribute(r"colou?r|red|blue|green|white|black|yellow|brown|grey|gold", "What colour is {n}?", "Which colour does {n} have?"),
    _attribute(r"weigh|heavy|kilo|gram|\bkg\b|tonne|pounds?\b", "How heavy is {n}?", "What does {n} weigh?"),
    _attribute(r"[€$£¥]|cost|price|fee|free|pay|charge|money|cheap|expens|euro|dollar|shilling|pound|coin|sold|sell", "How much does {n} cost?", "What is the price of {n}?", "What do I have to pay for {n}?"),
    _attribute(r"made of|material|wood|metal|bone|stone|glass|plastic|leather|paper|cloth|steel|iron", "What is {n} made of?", "Which material is {n} made of?"),
    _attribute(r"maker|made by|company|manufactur|produce|invent|built|firm", "Which company makes {n}?", "Who invented {n}?", "Who made {n}?"),
    _attribute(r"\bold\b|\bage\b|since|year|founded|built|century|\d{4}|new", "How old is {n}?", "Since when has {n} existed?", "In which year did {n} begin?"),
    _attribute(r"deep|depth", "How deep is {n}?"),
    _attribute(r"tall|high|height|metre|cm\b|centimet|feet|\bm\b", "How high is {n}?", "How tall is {n}?"),
    _attribute(r"wide|width|broad|metre|centimet|cm\b|\bm\b", "How wide is {n}?"),
    _attribute(r"big|large|size|square|metre|centimet|area|acre|measure|space", "How big is {n}?", "How many square metres does {n} have?"),
    _attribute(r"temperature|degree|warm|cold|hot|°|heat", "How warm is {n}?", "What temperature does {n} have?"),
    _attribute(r"repair|mend|fix|broken|break|damag", "Who repairs {n}?", "What happens if {n} breaks?"),
    _attribute(r"clean|wash|dirt|wip", "How often is {n} cleaned?", "Who cleans {n}?"),
    _attribute(r"smell|taste|flavou?r|sweet|sour", "What does {n} smell of?"),
    _attribute(r"\bloud|noise|sound|quiet|music", "How loud is {n}?"),
    _attribute(r"insur|liab", "Is {n} insured?", "What does the insurance for {n} cost?"),
    _attribute(r"name[ds]?\b|called|word", "Where does the name of {n} come from?"),
    _attribute(r"colleague|replace|second|other one|spare|instead", "Is there a spare one for {n}?"),
)  # fmt: skip
_OF_PEOPLE = (
    _attribute(r"phone|number|ring|call|contact", "What is the phone number of {n}?", "How can I phone {n}?"),
    _attribute(r"\bage|\bold\b|years|born|birth|young", "How old is {n}?", "When was {n} born?"),
    _attribute(r"salary|wage|paid|earn|pay|money", "How much does {n} earn?"),
    _attribute(r"live|house|address|home", "Where does {n} live?"),
    _attribute(r"married|wife|husband|child|family|son|daughter", "Is {n} married?"),
    _attribute(r"language|speak|english|french|german", "Which languages does {n} speak?"),
    _attribute(r"mail|write|letter", "What is the e-mail address of {n}?"),
    _attribute(r"hobby|hobbies|free time|sport", "What are the hobbies of {n}?"),
)
# Asked of the whole page, where no statement has a sign of it.
_OF_ALL = (
    _attribute(r"phone|ring |call ", "What is the phone number?", "Which number can I phone?"),
    _attribute(r"web|internet|online|site", "Is there a website?", "What is the address of the website?"),
    _attribute(r"mail", "What is the e-mail address?", "Can I send an e-mail?"),
    _attribute(r"dog|pet|animal|cat\b", "Can I bring my dog?", "Are pets allowed?", "May I take my dog with me?"),
    _attribute(r"wheelchair|disab|barrier|ramp|lift\b|step-free", "Is there access for wheelchairs?", "Can somebody in a wheelchair take part?"),
    _attribute(r"wi-?fi|internet|wireless|online", "Is there wireless internet?", "What is the password for the wifi?"),
    _attribute(r"park(?:ing)?\b|\bcar\b", "Where can I park my car?", "Is there a car park?"),
    _attribute(r"bus|train|tram|station|stop|metro", "Which bus goes there?", "Where is the nearest station?"),
    _attribute(r"caf[eé]|food|eat|drink|meal|lunch|coffee|tea\b|restaurant|snack|kitchen|cook", "Can I get something to eat?", "Is there a café?", "Where can I have a coffee?"),
    _attribute(r"toilet|bathroom|washroom", "Where are the toilets?", "Is there a toilet?"),
    _attribute(r"student|pupil", "Is there a reduction for students?", "Do students pay less?"),
    _attribute(r"credit|cash|\bcards?\b|instal|transfer|paypal|cheque", "Can I pay by credit card?", "Can I pay in instalments?", "Is payment in monthly instalments possible?"),
    _attribute(r"smok|cigar", "May people smoke?", "Where can I smoke?"),
    _attribute(r"alcohol|beer|wine|drunk", "Is alcohol allowed?", "May I drink beer?"),
    _attribute(r"shower|chang(?:e|ing) room|locker", "Are there lockers?", "Is there a shower?", "Where can I leave my bag?"),
    _attribute(r"towel|soap", "Can I borrow a towel?", "Do I have to bring a towel?"),
    _attribute(r"holiday|vacation|days off|leave\b", "How many days of holiday do I get?", "How long are the holidays?"),
    _attribute(r"salary|wage|earn|paid|\bpay", "What is the salary?", "How much do people earn?"),
    _attribute(r"hours a day|per day|working hours|shift|full[- ]time|part[- ]time", "How many hours a day do people work?", "Is part-time work possible?"),
    _attribute(r"at least \w+ years|\byears? old|\bage\b|aged|children under|minimum age", "How old do I have to be?", "Is there a minimum age?"),
    _attribute(r"first aid|doctor|nurse|medic|hospital|injur", "Where is the first-aid box?", "Who gives first aid?", "What should I do if somebody gets hurt?"),
    _attribute(r"gift|souvenir|shop\b|voucher", "Is there a shop?", "Can I buy a gift voucher?"),
    _attribute(r"language|english|french|german|spanish|translat", "Which languages are spoken?", "Is there anything in French?"),
    _attribute(r"founded|founder|history|began|first opened|since \d|\d{4}", "When was it founded?", "Who was the founder?"),
    _attribute(r"employ|staff|workers|how many people|team", "How many people work there?"),
    _attribute(r"boss|owner|owns|director|head of|manager|runs", "Who is the owner?", "Who is the director?"),
    _attribute(r"mayor|town|city|village", "In which town is it?", "What is the name of the mayor?"),
    _attribute(r"open|close|shut|hours|o'clock|\d[:.]\d\d", "When does it open?", "When does it close in the evening?", "What are the opening hours?"),
    _attribute(r"clos|shut|open until|\d[:.]\d\d (?:to|until)|until \d", "When does it close?", "At what time does it close in the evening?"),
    _attribute(r"insur", "Am I insured?", "Who pays the insurance?"),
    _attribute(r"complain|complaint", "Where can I complain?", "Who deals with complaints?"),
    _attribute(r"photo|camera|film|picture|video", "May I take photographs?", "Is filming allowed?"),
    _attribute(r"bicycle|bike|cycl", "Can I bring my bicycle?", "Where can I leave my bike?"),
    _attribute(r"birthday|party|wedding", "Can I celebrate my birthday there?", "Is there anything special for birthdays?"),
    _attribute(r"fire\b|extinguish|emergency|alarm", "Where is the fire extinguisher?", "Where is the emergency exit?"),
    _attribute(r"vegetarian|vegan|meat|allerg|nut", "Is there anything for vegetarians?", "What about allergies?"),
    _attribute(r"tax|vat\b", "Is tax included?", "How much tax is there?"),
    _attribute(r"guarantee|warranty", "How long is the guarantee?", "Is there a warranty?"),
    _attribute(r"deliver|ship|post|send", "How long does delivery take?", "Can it be sent by post?"),
    _attribute(r"clothes|dress|wear|shoes|uniform", "What should I wear?", "Is there a dress code?"),
    _attribute(r"news|letter|magazine", "Is there a newsletter?"),
    _attribute(r"eat|edible|taste|food", "Can it be eaten?", "What does it taste like?"),
)  # fmt: skip


def ask_unstated(
    all_told: Sequence[Told],
    count: int,
    subject: Subject,
    names: Sequence[str],
    dice: random.Random,
    elsewhere: Sequence[PageFact] = (),
) -> Iterator[tuple[Told, str, str]]:
    """Yield a statement, a question about its thing that the page leaves open, and the answer; about `count` for each.

    Of a thing, an attribute counts as open where neither a statement that names the thing nor another one under its
    heading has a sign of it; of the page, where no statement has one. `elsewhere` are passages beside the statements
    (`Page.elsewhere`), which may have a sign as well.
    """
    said = [*(PageFact(told.fact.name, told.answer, told.fact.headings) for told in all_told), *elsewhere]
    of_all = find_absent(_OF_ALL, [text for one in said for text in (one.text, "\n".join(one.headings))])
    choices = iterate_choices(of_all, dice)
    seen: set[str] = set()
    for told in all_told:
        own = list(_ask_thing(told, said, names, dice))
        for number in range(count):
            if own and (number % 2 == 0 or not of_all):
                question = own.pop()
            elif of_all:
                question = next(choices)[1]
                if subject.names and dice.random() < 0.5:
                    question = f"{question[:-1]} {subject.preposition} {dice.choice(subject.names)}?"
            else:
                continue
            if question.casefold() not in seen:
                seen.add(question.casefold())
                yield told, question, dice.choice(ANSWERS)


def _ask_thing(told: Told, said: Sequence[PageFact], names: Sequence[str], dice: random.Random) -> Iterator[str]:
    """Yield open questions about the thing of a statement."""
    name, is_person, head, plural = find_thing(told, names)
    if not name:
        return
    stem = head.removesuffix("s")[:8].lower()
    near = [one.text for one in said if stem in one.text.lower() or one.headings == told.fact.headings]
    attributes = find_absent(_OF_PEOPLE if is_person else _OF_THINGS, near)
    questions = [frame.format(n=name) for attribute in attributes for frame in attribute.frames]
    dice.shuffle(questions)
    yield from (_make_plural(one) if plural else one for one in questions)


_NO_THINGS = lazy_pattern(
    r"(?:no|nobody|nothing|everything|anything|every|each|most|only|either|both|all|some|any|it|they|whoever|this|these|one|two|three|the person)\b"
    r"|.*\b(?:below|above|following|one)$",
    re.IGNORECASE,
)


def find_thing(told: Told, names: Sequence[str]) -> tuple[str, bool, str, bool]:
    """What a statement is about, as a question names it; whether a person; its main noun; whether there are several."""
    nothing = ("", False, "", False)
    if told.term:
        thing = told.answer.split(" is ")[0].split(" are ")[0]
        kind = shorten(told.meaning).split(" in ")[0].split(" of ")[0].split()[-1]
        if is_person(kind) or told.term.startswith("To ") or " are " in told.answer[: len(thing) + 5]:
            return nothing
        return (thing if told.term.startswith("The ") else thing[0].lower() + thing[1:]), False, told.term, False
    if told.cells or told.label:
        return nothing
    for clause in told.clauses:
        words = clause.subject.split()
        if not words or not clause.is_main or len(words) > 4 or _NO_THINGS.match(clause.subject):
            continue
        proper = words[0] in names or bool(re.match("the [A-Z]", clause.subject))
        if (clause.noun or proper) and (not clause.is_person or proper):
            is_named = clause.is_person and clause.subject[0].isupper()
            return clause.subject, is_named, clause.noun or words[-1], clause.is_plural
    return nothing


def _make_plural(question: str) -> str:
    """The question for things in the plural: “How much do rowing boats cost?”"""
    return re.sub(
        r"\bdoes\b",
        "do",
        re.sub(r"\bis\b", "are", re.sub(r"\bhas\b", "have", re.sub(r"\bmakes\b", "makes", question)), count=1),
        count=1,
    )
