"""openai-python, which refuses whatever breaks its own types."""

import json

from client_features import CITY_TOOL, KEY, MODEL, QUESTION, URL, done
from openai import NotFoundError, OpenAI
from pydantic import BaseModel, Field


class City(BaseModel):
    city: str = Field(max_length=12)


client = OpenAI(base_url=URL, api_key=KEY, max_retries=0, _strict_response_validation=True)
assert MODEL in [one.id for one in client.models.list()]
done("models")
assert client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=4).choices[0].message.content
done("chat")
stream = client.chat.completions.create(
    model=MODEL, messages=QUESTION, max_tokens=4, stream=True, stream_options={"include_usage": True}
)
assert [chunk.usage for chunk in stream][-1].total_tokens
done("stream")
with client.chat.completions.stream(
    model=MODEL, messages=QUESTION, tools=[CITY_TOOL], tool_choice="required", parallel_tool_calls=False
) as events:
    final = events.get_final_completion()
call = final.choices[0].message.tool_calls[0]
assert set(json.loads(call.function.arguments)) == {"city"}
done("tools")
parsed = client.chat.completions.parse(model=MODEL, messages=QUESTION, response_format=City, max_tokens=200)
assert isinstance(parsed.choices[0].message.parsed, City)
done("json_schema")
found = client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=2, logprobs=True, top_logprobs=3)
assert len(found.choices[0].logprobs.content[0].top_logprobs) == 3
done("logprobs")
assert client.completions.create(model=MODEL, prompt="One, two,", max_tokens=3).choices[0].text
done("completions")
answer = client.responses.parse(model=MODEL, input="A city?", text_format=City, max_output_tokens=200)
assert isinstance(answer.output_parsed, City)
done("responses")
assert len(client.embeddings.create(model=MODEL, input=["a", "b"], encoding_format="float").data) == 2
done("embeddings")
file = client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
assert client.files.content(file.id).content == b"{}\n"
assert client.files.delete(file.id).deleted
done("files")
assert client.fine_tuning.jobs.list().data is not None
done("fine_tuning")
try:
    client.chat.completions.create(model="nothing", messages=QUESTION)
except NotFoundError as error:
    assert error.code == "model_not_found"
    done("errors")
