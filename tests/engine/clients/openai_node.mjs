// openai-node.
import OpenAI from "openai";

const { ENGINE_URL: baseURL, ENGINE_KEY: apiKey, ENGINE_MODEL: model } = process.env;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "Which city has the Eiffel tower?" }];
const parameters = {
  type: "object",
  properties: { city: { type: "string", maxLength: 12 } },
  required: ["city"],
  additionalProperties: false,
};
const done = (feature) => console.log(`done ${feature}`);
const check = (value, what) => {
  if (!value) throw new Error(what);
  done(what);
};

check((await client.models.list()).data.some((one) => one.id === model), "models");
const chat = await client.chat.completions.create({ model, messages, max_tokens: 4 });
check(chat.choices[0].message.content, "chat");
let tokens = 0;
const streamed = await client.chat.completions.create({
  model, messages, max_tokens: 4, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of streamed) tokens = chunk.usage?.total_tokens ?? tokens;
check(tokens > 0, "stream");
const runner = client.chat.completions.stream({
  model, messages, parallel_tool_calls: false, tool_choice: "required",
  tools: [{ type: "function", function: { name: "tell_city", parameters, strict: true } }],
});
const call = (await runner.finalChatCompletion()).choices[0].message.tool_calls[0];
check(typeof JSON.parse(call.function.arguments).city === "string", "tools");
const json = await client.chat.completions.create({
  model, messages, max_tokens: 200,
  response_format: { type: "json_schema", json_schema: { name: "city", strict: true, schema: parameters } },
});
check(typeof JSON.parse(json.choices[0].message.content).city === "string", "json_schema");
const likely = await client.chat.completions.create({ model, messages, max_tokens: 2, logprobs: true, top_logprobs: 3 });
check(likely.choices[0].logprobs.content[0].top_logprobs.length === 3, "logprobs");
check((await client.completions.create({ model, prompt: "One, two,", max_tokens: 3 })).choices[0].text, "completions");
let text = "";
const events = await client.responses.create({ model, input: "A city?", max_output_tokens: 4, stream: true });
for await (const event of events) if (event.type === "response.output_text.delta") text += event.delta;
check(text, "responses");
check((await client.embeddings.create({ model, input: ["a", "b"] })).data[1].embedding.length > 100, "embeddings");
const file = await client.files.create({ file: new File(["{}\n"], "a.jsonl"), purpose: "batch" });
check((await (await client.files.content(file.id)).text()) === "{}\n", "files");
check(Array.isArray((await client.fineTuning.jobs.list()).data), "fine_tuning");
const missing = await client.chat.completions.create({ model: "nothing", messages }).catch((error) => error);
check(missing instanceof OpenAI.NotFoundError && missing.code === "model_not_found", "errors");
