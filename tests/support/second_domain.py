"""A second invented domain beside Hobannu, for the router: the rules of a ferry, in both languages."""

TEXTS = {
    "en": """# The Lumen ferry

- The Lumen ferry crosses Lake Veld between Aster Pier and Quill Harbour.
- A crossing takes 35 minutes.
- The first boat leaves Aster Pier at 6:20, the last one at 22:40.
- An adult ticket costs 4 crowns; children under seven travel free.
- Bicycles need a blue tag, which costs 1 crown at the kiosk.
- Dogs stay on the lower deck and wear a muzzle.
- In fog the captain sounds the horn three times and the boat waits at the pier.
- Lost luggage is kept for 30 days in the tower of Quill Harbour.
- The galley sells soup and rye bread, and closes ten minutes before landing.
- Passengers who miss the last boat may sleep in the boathouse for 2 crowns.
""",
    "ja": """# ルーメン渡船

- ルーメン渡船は、ヴェルド湖のアスター桟橋とクイル港を結びます。
- 片道の航行時間は35分です。
- 始発便はアスター桟橋を6時20分に、最終便は22時40分に出航します。
- 大人の乗船券は4クラウンです。7歳未満の子供は無料です。
- 自転車を載せるには、売店で1クラウンの青い札を買います。
- 犬は下の甲板に乗せ、口輪を付けます。
- 霧のときは船長が汽笛を3回鳴らし、船は桟橋で待ちます。
- 忘れ物の荷物は、クイル港の塔で30日間保管されます。
- 船内の厨房ではスープとライ麦パンを売り、着岸の10分前に閉まります。
- 最終便に乗り遅れた客は、2クラウンで艇庫に泊まれます。
""",
}
NAMES = {"en": "Lumen ferry", "ja": "ルーメン渡船"}
QUESTIONS = {
    "en": [
        "Which lake does the Lumen ferry cross?",
        "How long does a crossing of the ferry take?",
        "When does the first boat leave Aster Pier?",
        "What does an adult ticket cost?",
        "From what age do children pay for the boat?",
        "What must be bought at the kiosk to take a bicycle on board?",
        "On which deck do dogs travel?",
        "What does the captain do in fog?",
        "How long is lost luggage kept at Quill Harbour?",
        "What food can be bought on the ferry?",
        "When does the galley close?",
        "Where can passengers sleep who missed the last boat?",
    ],
    "ja": [
        "ルーメン渡船はどの湖を渡りますか。",
        "渡船の片道は何分かかりますか。",
        "始発便は何時にアスター桟橋を出ますか。",
        "大人の乗船券はいくらですか。",
        "何歳未満の子供が無料で乗船できますか。",
        "自転車を船に載せるには、売店で何を買いますか。",
        "犬はどの甲板に乗せますか。",
        "霧のとき、船長は汽笛を何回鳴らしますか。",
        "荷物の忘れ物はクイル港でどのくらい保管されますか。",
        "船内の厨房では何を売っていますか。",
        "厨房は着岸の何分前に閉まりますか。",
        "最終便に乗り遅れた客はどこに泊まれますか。",
    ],
}
