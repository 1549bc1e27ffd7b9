"""OpenAI's client for Python."""

import asyncio

import openai
from given import KEY, MODEL, URL, check, picture_vectors, pictures, refused, same, text_vectors, texts

client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0)
print("openai", openai.__version__)


def vectors(answer):
    check("order", [d.index for d in answer.data] == list(range(len(answer.data))))
    return [d.embedding for d in answer.data]


# The client asks for base64 by itself, unless it is told what to ask for.
answer = client.embeddings.create(model=MODEL, input=texts)
same("texts, base64 behind the scenes", vectors(answer), text_vectors)
check("usage", answer.usage.prompt_tokens == answer.usage.total_tokens > 0 and answer.model == MODEL, answer.usage)
same("texts, float", vectors(client.embeddings.create(model=MODEL, input=texts, encoding_format="float")), text_vectors)
same("one text", vectors(client.embeddings.create(model=MODEL, input=texts[0])), text_vectors[:1])
same("pictures", vectors(client.embeddings.create(model=MODEL, input=pictures)), picture_vectors)
same("both in one list", vectors(client.embeddings.create(model=MODEL, input=[pictures[0], texts[0]])), [picture_vectors[0], text_vectors[0]])
raw = client.embeddings.with_raw_response.create(model=MODEL, input=texts[:1], encoding_format="base64")
check("base64 on the wire", isinstance(raw.http_response.json()["data"][0]["embedding"], str))

short = client.embeddings.create(model=MODEL, input=texts[:1], dimensions=8).data[0].embedding
check("dimensions", len(short) == 8 and abs(sum(x * x for x in short) - 1) < 1e-5, short)


async def many():
    """A client that asks many things at once, as pipelines do."""
    async with openai.AsyncOpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0) as c:
        answers = await asyncio.gather(*(c.embeddings.create(model=MODEL, input=t) for t in texts * 10))
    return [a.data[0].embedding for a in answers]


same("thirty at once", asyncio.run(many()), text_vectors * 10)

models = [m.id for m in client.models.list()]
check("models.list", MODEL in models, models)
check("models.retrieve", client.models.retrieve(MODEL).id == MODEL)

e = refused("another model", openai.NotFoundError, lambda: client.embeddings.create(model="gpt-4", input="a"))
check("its code", e.code == "model_not_found" and e.param == "model" and e.type == "invalid_request_error", e.body)
e = refused("a picture that is none", openai.BadRequestError, lambda: client.embeddings.create(model=MODEL, input=["a", "data:image/jpeg;base64,AAAA"]))
check("its place", e.param == "input[1]", e.body)
refused("nothing", openai.BadRequestError, lambda: client.embeddings.create(model=MODEL, input=[]))
refused("too many dimensions", openai.BadRequestError, lambda: client.embeddings.create(model=MODEL, input="a", dimensions=10**6))
stranger = openai.OpenAI(base_url=URL + "/v1", api_key="sk-other", max_retries=0)
e = refused("another key", openai.AuthenticationError, lambda: stranger.models.list())
check("its code", e.code == "invalid_key", e.body)

# This model neither answers nor draws; each of these says so in OpenAI's shape.
question = [{"role": "user", "content": "What is this?"}]
for what, ask in {
    "chat": lambda: client.chat.completions.create(model=MODEL, messages=question),
    "chat, streamed": lambda: list(client.chat.completions.create(model=MODEL, messages=question, stream=True)),
    "completions": lambda: client.completions.create(model=MODEL, prompt="a"),
    "responses": lambda: client.responses.create(model=MODEL, input="a"),
    "images.generate": lambda: client.images.generate(model=MODEL, prompt="a cat"),
}.items():
    e = refused(what, openai.NotFoundError, ask)
    check("its code", e.code == "model_not_found", e.body)
