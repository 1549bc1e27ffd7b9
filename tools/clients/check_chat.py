"""Conversations with OpenAI's and Ollama's clients for Python: the texts are those of emblem complete and emblem ask."""

import json
import os

import ollama
import openai
from given import KEY, URL, check, pictures, refused
from ollama import Client

SAID, SEEN = os.environ["CLIENT_SAID"], os.environ["CLIENT_SEEN"]
client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0)
print("conversations: openai", openai.__version__)

messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
ask = {"model": "talks", "temperature": 0}
answer = client.chat.completions.create(messages=messages, max_completion_tokens=16, logprobs=True, top_logprobs=2, **ask)
check("chat", answer.choices[0].message.content == SAID, answer)
check("usage", answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens, answer.usage)
check("logprobs", len(answer.choices[0].logprobs.content[0].top_logprobs) == 2, answer.choices[0].logprobs)
text, usage = "", None
for part in client.chat.completions.create(messages=messages, max_tokens=16, stream=True, stream_options={"include_usage": True}, **ask):
    text += part.choices[0].delta.content or "" if part.choices else ""
    usage = part.usage or usage
check("chat, streamed", text == SAID and usage.completion_tokens == answer.usage.completion_tokens, (text, usage))
schema = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2}}}
answer = client.chat.completions.create(messages=messages, response_format=schema, **ask)
check("of a schema", isinstance(json.loads(answer.choices[0].message.content), list), answer)
tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]}}}]
answer = client.chat.completions.create(messages=messages[1:], tools=tools, tool_choice="required", max_tokens=64, **ask)
call = answer.choices[0].message.tool_calls[0]
check("tools", call.function.name == "weather" and json.loads(call.function.arguments) == {"city": "Oslo"}, answer)
e = refused("an unknown role", openai.BadRequestError, lambda: client.chat.completions.create(messages=[{"role": "wizard", "content": "a"}], **ask))
check("its place", e.param == "messages[0].role", e.body)

answer = client.responses.create(input="Hi", instructions="Be kind.", max_output_tokens=16, **ask)
check("responses", answer.output_text == SAID, answer)
with client.responses.stream(input="Hi", instructions="Be kind.", max_output_tokens=16, **ask) as stream:
    text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    last = stream.get_final_response() if SAID and answer.status == "completed" else None
check("responses, streamed", text == SAID and (last is None or last.output_text == SAID), text)
refused("a stored response", openai.BadRequestError, lambda: client.responses.create(input="Hi", previous_response_id="resp_1", **ask))

seen = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": pictures[0], "detail": "low"}}, {"type": "text", "text": "What is this?"}]}]
answer = client.chat.completions.create(model="looks", messages=seen, max_tokens=12, temperature=0)
check("a picture", answer.choices[0].message.content.strip() == SEEN, answer)
text = "".join(p.choices[0].delta.content or "" for p in client.chat.completions.create(model="looks", messages=seen, max_tokens=12, temperature=0, stream=True))
check("a picture, streamed", text.strip() == SEEN, text)
refused("a picture for a model of texts", openai.BadRequestError, lambda: client.chat.completions.create(messages=seen, **ask))

print("conversations: ollama")
client = Client(host=URL, headers={"Authorization": "Bearer " + KEY})
options = {"temperature": 0, "num_predict": 16}
check("chat", client.chat(model="talks", messages=messages, options=options).message.content == SAID)
check("chat, streamed", "".join(p.message.content for p in client.chat(model="talks", messages=messages, options=options, stream=True)) == SAID)
check("generate", client.generate(model="talks", prompt="Hi", system="Be kind.", options=options).response == SAID)
call = client.chat(model="talks", messages=messages, options=options, format=schema["json_schema"]["schema"]).message
check("of a format", call.content is not None, call)
refused("another model", ollama.ResponseError, lambda: client.chat(model="llama3", messages=messages))
