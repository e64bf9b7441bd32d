"""Frequent characters and words of languages: what tells apart readings of a text that are all possible."""

import re

# Frequent characters, by script, written by hand after Jun Da's list for Chinese (https://lingua.mtsu.edu/chinese-computing/statistics/),
# the character counts of the Sejong corpus for Korean, and the jōyō list for Japanese, all shortened and not compared again.
_CHINESE = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同"
    "现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问"
    "很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论"
    "处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决"
    "治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候"
    "带导争运谁守灯塔六船票钱桥旗颜费收卖买店营请问哪怎吗呢吧"
    "這個們來為國說時會對於過發後裡經學現當沒動還進樣軍無與長機關點業將兩間問戰頭體見產話給門東聲員論處義幾認條係氣題爾別變總電數報結務場計書則"
    "聽卻達強難權張該規萬覺術領確傳師觀讓識帶導爭運誰燈錢橋開請費賣買營嗎"
)
_KOREAN = "이다가는을에의하고지로기어서도한은를사리자들시그나아인부대정일수있해보제라과것만니구장주상면와거으스무생전우여게적동안되않까요몇문열북섯습합세오소비말물원모공선경각위신마음조학방미야성어떻무엇왜누언어디"
_JAPANESE = re.compile("[ぁ-ゖァ-ヺー]")
_HANGUL = re.compile("[가-힣]")
_HAN = re.compile("[一-鿿]")
_FREQUENT = frozenset(_CHINESE + _KOREAN)
_WORD = re.compile(r"[^\W\d_]+")

# The most frequent small words of the languages written in Latin letters.
_WORDS = {
    "cp1252": "der die das und ist wann wer wie wo nicht ein eine le la les des est et où qui que quand pourquoi dans pour el los las "
    "es qué cómo cuándo dónde o os as não que é em um uma quem quando onde il lo gli è che chi quando dove det och är en ett "
    "vad när var hur og er på hvad hvem het een wat wie waar niet",
    "cp1250": "się nie jest że jak czy kto gdzie kiedy który która które co do na po są dla jest se je jak kdo kde kdy co že který která "
    "proč není jsou ako kto kde kedy čo prečo nie je sú a az és hogy nem mi ki hol mikor egy szi nu este și în cine când unde "
    "što tko gdje kada koji je su nije",
    "cp1254": "ve bir bu ne kim nerede nasıl için değil mi mı kaç saat hangi açılır olarak var yok ile",
    "cp1257": "ir yra kas kur kada kaip ne un kas kad kā vai ja on ei mis kes kus millal kuidas",
}


def score_characters(text: str) -> float:
    """The share of the characters of East Asian scripts that are frequent; kana are, and rare Han characters are not."""
    han, kana, hangul = _HAN.findall(text), len(_JAPANESE.findall(text)), _HANGUL.findall(text)
    count = len(han) + kana + len(hangul)
    if not count:
        return 0.0
    frequent = sum(char in _FREQUENT for char in (*han, *hangul))
    return (frequent + kana) / count


def count_words(text: str, codec: str) -> int:
    """How many words of a text are small words of the languages that a codec is for."""
    known = frozenset(_WORDS.get(codec, _WORDS["cp1252"]).split())
    return sum(word in known for word in _WORD.findall(text.casefold()))
