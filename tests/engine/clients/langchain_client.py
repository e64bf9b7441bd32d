"""langchain-openai."""

from client_features import CITY, CITY_TOOL, KEY, MODEL, URL, done
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings

chat = ChatOpenAI(model=MODEL, base_url=URL, api_key=KEY, max_tokens=200, max_retries=0)
assert chat.bind(max_tokens=4).invoke("A city?").content
done("chat")
assert "".join(chunk.content for chunk in chat.bind(max_tokens=4).stream("A city?"))
done("stream")
bound = chat.bind_tools([CITY_TOOL], tool_choice="tell_city", parallel_tool_calls=False)
assert set(bound.invoke("A city?").tool_calls[0]["args"]) == {"city"}
done("tools")
for method in ("json_schema", "function_calling"):
    structured = chat.with_structured_output({**CITY, "title": "City"}, method=method, strict=True)
    assert set(structured.invoke("A city?")) == {"city"}
done("json_schema")
likely = chat.bind(max_tokens=2, logprobs=True, top_logprobs=3).invoke("A city?")
assert len(likely.response_metadata["logprobs"]["content"][0]["top_logprobs"]) == 3
done("logprobs")
assert OpenAI(model=MODEL, base_url=URL, api_key=KEY, max_tokens=3).invoke("One, two,")
done("completions")
responses = ChatOpenAI(model=MODEL, base_url=URL, api_key=KEY, use_responses_api=True, max_tokens=4)
assert responses.invoke("A city?").text
done("responses")
# As it comes, it sends token ids of tiktoken, which are of another model: texts must be asked for.
vectors = OpenAIEmbeddings(model=MODEL, base_url=URL, api_key=KEY, check_embedding_ctx_length=False)
assert len(vectors.embed_documents(["a", "b"])) == 2
done("embeddings")
