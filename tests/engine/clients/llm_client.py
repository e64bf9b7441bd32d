"""llm, with the engine as one of its extra OpenAI models."""

import os
from pathlib import Path

import llm
from client_features import CITY, KEY, MODEL, URL, done

Path(os.environ["LLM_USER_PATH"], "extra-openai-models.yaml").write_text(
    f"- model_id: juku\n  model_name: {MODEL}\n  api_base: {URL}\n  api_key_name: juku\n  supports_schema: true\n  supports_tools: true\n"
    f"- model_id: juku-completion\n  model_name: {MODEL}\n  api_base: {URL}\n  api_key_name: juku\n  completion: true\n"
)


def tell_city(city: str) -> str:
    """Tell a city."""
    return f"It is {city}."


model = llm.get_model("juku")
model.key = KEY
assert model.prompt("A city?", max_tokens=4, stream=False).text()
done("chat")
assert "".join(model.prompt("A city?", max_tokens=4, stream=True))
done("stream")
assert '"city"' in model.prompt("A city?", schema=CITY, max_tokens=200, stream=False).text()
done("json_schema")
response = model.prompt("Tell a city.", tools=[llm.Tool.function(tell_city)], max_tokens=100, stream=False)
assert isinstance(response.text(), str)  # a small model may answer without a call
done("tools")
legacy = llm.get_model("juku-completion")
legacy.key = KEY
assert legacy.prompt("One, two,", max_tokens=3, stream=False).text()
done("completions")
