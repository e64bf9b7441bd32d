"""Personal data and keys: what is found, what only looks like it, and that no text makes the search slow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import personal_data
from tests.support.patience import effort

FOUND = [
    ("personal-email", "Write to aya.tanaka+shop@mail.juku.dev today.", "aya.tanaka+shop@mail.juku.dev"),
    ("personal-email", "連絡先は tanaka@juku.co.jp です", "tanaka@juku.co.jp"),
    ("personal-email", "連絡先はtanaka＠juku．co．jpまで", "tanaka＠juku．co．jp"),
    ("personal-email", "<mailto:bob@host.museum>", "bob@host.museum"),
    ("personal-phone", "電話は03-1234-5678です", "03-1234-5678"),
    ("personal-phone", "携帯 090-1234-5678、自宅", "090-1234-5678"),
    ("personal-phone", "０９０－１２３４－５６７８へ", "０９０－１２３４－５６７８"),
    ("personal-phone", "call 09012345678 now", "09012345678"),
    ("personal-phone", "(06) 6123-4567", "(06) 6123-4567"),
    ("personal-phone", "TEL:0467(12)3456", "0467(12)3456"),
    ("personal-phone", "+81 3 1234 5678", "+81 3 1234 5678"),
    ("personal-phone", "+44 (0)20 7946 0018.", "+44 (0)20 7946 0018"),
    ("personal-phone", "Ring (212) 867-5309, please", "(212) 867-5309"),
    ("personal-phone", "415-867-5309", "415-867-5309"),
    ("personal-phone", "415 867 5309 or mail", "415 867 5309"),
    ("personal-phone", "1-415-867-5309", "1-415-867-5309"),
    ("personal-phone", "London: 020 7946 1234", "020 7946 1234"),
    ("personal-phone", "Berlin 030 68739498", "030 68739498"),
    ("personal-phone", "à Paris 01 48 68 44 31", "01 48 68 44 31"),
    ("personal-phone", "서울 02-4753-4646", "02-4753-4646"),
    ("personal-phone", "Delhi 098815 51661", "098815 51661"),
    ("personal-phone", "Sydney (02) 9762 7320", "(02) 9762 7320"),
    ("personal-phone", "São Paulo (11) 96800-1340", "(11) 96800-1340"),
    ("personal-phone", "call 090 1234 5678 2 times", "090 1234 5678"),
    ("personal-card", "Card: 4111 1111 1111 1111, 12/27", "4111 1111 1111 1111"),
    ("personal-card", "カードは5555-5555-5555-4444です", "5555-5555-5555-4444"),
    ("personal-card", "378282246310005", "378282246310005"),
    ("personal-card", "3530111333300000", "3530111333300000"),
    ("secret-key", "key=sk-proj-Ab3dEf6hIj9lMn2pQr5tUv8x", "sk-proj-Ab3dEf6hIj9lMn2pQr5tUv8x"),
    ("secret-key", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("secret-key", "ghp_" + "aB3dE6gH9j" * 3 + "kLmN45", "ghp_" + "aB3dE6gH9j" * 3 + "kLmN45"),
    ("secret-key", "xoxb-123456789012-abcdefGHIJKL", "xoxb-123456789012-abcdefGHIJKL"),
    ("secret-key", "-----BEGIN RSA PRIVATE KEY-----\nMIIE", "-----BEGIN RSA PRIVATE KEY-----"),
    ("secret-key", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"),
    ("secret-key", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", None),
    ("secret-key", "トークンはhf_abcdefghijKLMNOPQRST1234567890wxyzです", "hf_abcdefghijKLMNOPQRST1234567890wxyz"),
]

NEAR_MISSES = [
    "On 2024-01-15, at 12:30:45, and on 01/02/2024 or 01-02-2024.",
    "2024-01-15T12:30:45.123456+09:00",
    "Version 10.15.7.1234, build 2024.11.24.1700, v1.2.3-rc.4",
    "Order #12345678901234, tracking 1234-5678-9012",
    "注文番号 2024-0001-5678、伝票 1234-5678-9012-3456",
    "〒150-0002 東京都渋谷区1-2-3",
    "ISBN 978-4-06-519981-7 and 0-306-40615-2",
    "IP 192.168.100.200, mask 255.255.255.0, port 8080",
    "1,234,567,890 yen; 0.123456789012; 3.14159265358979; -0123456789",
    "6.02214076e23, 1e-10, 0x1234567890abcdef1234",
    "Free call 0120-123-456 or 0570-012-345",
    "(202) 555-0143 and +1 202 555 0143 are for films",
    "4111 1111 1111 1112 fails its check digit; 1234567812345670 is no issuer's",
    "0000 0000 0000 0000",
    "uuid 550e8400-e29b-41d4-a716-446655440000",
    "d41d8cd98f00b204e9800998ecf8427e",
    "@property, @media, name@, @ home, a@b, icon@2x.png, react@18.2.0",
    "info@example.com, you@shop.example.org, git@github.com:org/repo.git",
    "sk-learn-is-a-library-for-machine-learning-in-python",
    "a risk-averse-person-with-a-task-Force-1-And-more-words-2",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx and ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "-----BEGIN CERTIFICATE----- -----BEGIN PUBLIC KEY-----",
    "eyJust a word. eyJects.",
    "第10条第2項、試合は2024年11月24日 10:30〜12:00、得点は25-23, 25-20, 15-13",
    "The score was 100-200-3000 after 12-345-6789 tries",
    "coordinates 35.681236, 139.767125",
    "customer 0177364328, case 099-784586, SKU 040-265-948, 055-03-4198",
    "伝票 0661-0905-6332, tracking 0862 1840 5966",
    "+81 120 123 456 and +1 800 555 1234 are free of charge",
]


@pytest.mark.parametrize(("rule", "text", "part"), FOUND, ids=lambda value: str(value)[:20])
def test_found(rule, text, part):
    assert [(found.rule, text[found.start : found.end]) for found in personal_data.find_personal_data(text)] == [
        (rule, part or text)
    ]


@pytest.mark.parametrize("text", NEAR_MISSES, ids=lambda value: value[:20])
def test_near_misses(text):
    assert [text[found.start : found.end] for found in personal_data.find_personal_data(text)] == []


def test_several_in_order():
    text = "0467-12-3456 bob@host.dev 4111111111111111"
    assert [found.rule for found in personal_data.find_personal_data(text)] == [
        "personal-phone",
        "personal-email",
        "personal-card",
    ]


def test_a_mask_shows_little():
    assert personal_data.mask("bob@host.museum") == "bo…um"


HOSTILE = [
    "a@",
    "@",
    "eyJ",
    "eyJa.",
    "sk-",
    "0",
    "4",
    "1 ",
    "0-",
    "+1",
    "(",
    "a.",
    "ghp_",
    "-----BEGIN ",
    "A ",
    "０",
    "a-",
    "@a.",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_length_only(piece):
    assert effort(lambda: personal_data.find_personal_data(piece * (400_000 // len(piece)))) < 2


@given(st.text(st.sampled_from("0123456789-+() .@aZ_skeyJ\u0000\uff10あ"), max_size=80))
def test_spans_lie_in_the_text(text):
    assert all(0 <= found.start < found.end <= len(text) for found in personal_data.find_personal_data(text))
