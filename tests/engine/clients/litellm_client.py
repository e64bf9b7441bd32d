"""litellm, as its users configure an OpenAI-compatible server."""

import json

import litellm
from client_features import CITY, CITY_TOOL, KEY, MODEL, QUESTION, URL, done

where = {"model": f"openai/{MODEL}", "api_base": URL, "api_key": KEY}
litellm.telemetry = False
assert litellm.completion(messages=QUESTION, max_tokens=4, **where).choices[0].message.content
done("chat")
stream = litellm.completion(messages=QUESTION, max_tokens=4, stream=True, **where)
assert "".join(chunk.choices[0].delta.content or "" for chunk in stream)
done("stream")
found = litellm.completion(
    messages=QUESTION, tools=[CITY_TOOL], tool_choice="required", parallel_tool_calls=False, **where
)
assert set(json.loads(found.choices[0].message.tool_calls[0].function.arguments)) == {"city"}
done("tools")
schema = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": CITY}}
found = litellm.completion(messages=QUESTION, response_format=schema, max_tokens=200, **where)
assert set(json.loads(found.choices[0].message.content)) == {"city"}
done("json_schema")
found = litellm.completion(messages=QUESTION, max_tokens=2, logprobs=True, top_logprobs=3, **where)
assert len(found.choices[0].logprobs.content[0].top_logprobs) == 3
done("logprobs")
assert (
    litellm.text_completion(prompt="One, two,", max_tokens=3, **{**where, "model": f"text-completion-openai/{MODEL}"})
    .choices[0]
    .text
)
done("completions")
assert litellm.responses(input="A city?", max_output_tokens=4, **where).output[0].content[0].text
done("responses")
assert len(litellm.embedding(input=["a", "b"], encoding_format="float", **where).data) == 2
done("embeddings")
try:
    litellm.completion(messages=QUESTION, **{**where, "model": "openai/nothing"})
except litellm.NotFoundError:
    done("errors")
