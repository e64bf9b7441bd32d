"""instructor, in the modes TOOLS and JSON_SCHEMA."""

import instructor
from client_features import KEY, MODEL, QUESTION, URL, done
from openai import OpenAI
from pydantic import BaseModel, Field


class City(BaseModel):
    city: str = Field(max_length=12)


for mode, feature in ((instructor.Mode.TOOLS, "tools"), (instructor.Mode.JSON_SCHEMA, "json_schema")):
    client = instructor.from_openai(OpenAI(base_url=URL, api_key=KEY, max_retries=0), mode=mode)
    found = client.chat.completions.create(
        model=MODEL, messages=list(QUESTION), response_model=City, max_retries=0, max_tokens=200
    )
    assert isinstance(found, City)
    done(feature)
