"""What the scripts of all clients share: where the engine is, and a line on standard output for each feature."""

import os

URL, KEY, MODEL = os.environ["ENGINE_URL"], os.environ["ENGINE_KEY"], os.environ["ENGINE_MODEL"]
# Answers are sampled: a text without a limit may be cut in the middle, and half a JSON is none.
QUESTION = [{"role": "user", "content": "Which city has the Eiffel tower?"}]
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}},
    "required": ["city"],
    "additionalProperties": False,
}
CITY_TOOL = {"type": "function", "function": {"name": "tell_city", "parameters": CITY, "strict": True}}


def done(feature: str) -> None:
    """The client can use this feature of the engine."""
    print(f"done {feature}", flush=True)
