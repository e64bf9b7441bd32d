"""What a request carries of a spec."""

from core.generation import spec_excerpt


def test_a_short_text_is_carried_whole():
    assert spec_excerpt.build_excerpt("# Tours\n\nTwo hours.\n", "x") == "# Tours\n\nTwo hours."


def test_of_a_long_text_the_passages_about_the_fact_are_carried_in_their_order():
    parts = [
        f"## Part {number}\n\nHall number {number} holds {number} old maps and a lamp.\n" * 3 for number in range(200)
    ]
    text = "\n".join(
        [*parts, "## Prices\n\nA ticket for the ferry costs seven crowns.\n", "## Ferry\n\nThe ferry leaves at noon."]
    )
    found = spec_excerpt.build_excerpt(text, "How much is a ticket for the ferry?")
    assert len(found) <= spec_excerpt.MAX_CHARACTERS
    assert found.index("seven crowns") < found.index("leaves at noon") and "Prices\n" in found
