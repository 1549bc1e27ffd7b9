"""The clients of Ollama, Cohere, Infinity and text-embeddings-inference."""

import math

import cohere
import huggingface_hub
import infinity_client
import ollama
from cohere.errors import NotFoundError, UnauthorizedError
from given import KEY, MODEL, URL, check, picture_vectors, pictures, refused, same, text_vectors, texts
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from infinity_client.api.default import classify, embeddings, rerank
from infinity_client.api.default import models as infinity_models
from infinity_client.models import ClassifyInput, OpenAIEmbeddingInputImage, OpenAIEmbeddingInputImageModality, OpenAIEmbeddingInputText, RerankInput


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b))


def check_ollama():
    print("ollama")
    client = ollama.Client(host=URL, headers={"Authorization": "Bearer " + KEY})
    same("texts", client.embed(model=MODEL, input=texts).embeddings, text_vectors)
    same("one text", client.embed(model=MODEL, input=texts[0]).embeddings, text_vectors[:1])
    same("pictures", client.embed(model=MODEL, input=pictures).embeddings, picture_vectors)
    check("dimensions", len(client.embed(model=MODEL, input="a", dimensions=8).embeddings[0]) == 8)
    check("list", MODEL in [m.model for m in client.list().models])
    check("ps", client.ps().models is not None)
    e = refused("another model", ollama.ResponseError, lambda: client.embed(model="llama3", input="a"))
    check("its status", e.status_code == 404 and "llama3" in e.error, e)


def check_cohere():
    print("cohere", cohere.__version__)
    client = cohere.ClientV2(api_key=KEY, base_url=URL)
    answer = client.embed(model=MODEL, input_type="search_query", texts=texts, embedding_types=["float"])
    same("texts", answer.embeddings.float_, text_vectors)
    for i, picture in enumerate(pictures):
        answer = client.embed(model=MODEL, input_type="image", images=[picture], embedding_types=["float"])
        same("a picture", answer.embeddings.float_, [picture_vectors[i]])
    both = [{"content": [{"type": "text", "text": texts[0]}]}, {"content": [{"type": "image_url", "image_url": {"url": pictures[0]}}]}]
    answer = client.embed(model=MODEL, input_type="search_document", inputs=both, embedding_types=["float"])
    same("inputs of both kinds", answer.embeddings.float_, [text_vectors[0], picture_vectors[0]])
    ranked = cohere.Client(api_key=KEY, base_url=URL).rerank(model=MODEL, query=texts[0], documents=texts, top_n=2)
    check("rerank", [r.index for r in ranked.results][0] == 0 and len(ranked.results) == 2, ranked)
    refused("another model", NotFoundError, lambda: client.embed(model="embed-v4.0", input_type="search_query", texts=["a"], embedding_types=["float"]))
    stranger = cohere.ClientV2(api_key="other", base_url=URL)
    refused("another key", UnauthorizedError, lambda: stranger.embed(model=MODEL, input_type="search_query", texts=["a"], embedding_types=["float"]))


def check_infinity():
    print("infinity-client")
    client = infinity_client.AuthenticatedClient(base_url=URL, token=KEY, raise_on_unexpected_status=True)
    got = embeddings.sync(client=client, body=OpenAIEmbeddingInputText(input_=texts, model=MODEL))
    same("texts", [d.embedding for d in got.data], text_vectors)
    got = embeddings.sync(client=client, body=OpenAIEmbeddingInputImage(input_=pictures, model=MODEL, modality=OpenAIEmbeddingInputImageModality.IMAGE))
    same("pictures", [d.embedding for d in got.data], picture_vectors)
    check("models", MODEL in [m.id for m in infinity_models.sync(client=client).data])
    ranked = rerank.sync(client=client, body=RerankInput(query=texts[0], documents=texts, model=MODEL))
    check("rerank", ranked.results[0].index == 0, ranked)
    try:
        labels = classify.sync(client=client, body=ClassifyInput(input_=["a"], model=MODEL))
    except infinity_client.errors.UnexpectedStatus as e:  # zero-shot models need labels, which this client cannot send
        check("classify without labels is refused by name", b"labels" in e.content, e.content)
    else:
        raise AssertionError(f"classify without labels: {labels}")


def check_tei():
    print("huggingface_hub", huggingface_hub.__version__)
    client = InferenceClient(model=URL + "/embed", token=KEY)
    same("texts", client.feature_extraction(texts).tolist(), text_vectors)
    same("a picture", client.feature_extraction(pictures[0]).tolist(), picture_vectors[:1])
    scores = InferenceClient(model=URL + "/similarity", token=KEY).sentence_similarity(texts[0], other_sentences=texts[1:])
    check("similarity", all(math.isclose(s, cosine(text_vectors[0], v), abs_tol=1e-6) for s, v in zip(scores, text_vectors[1:], strict=True)), scores)
    openai_like = InferenceClient(base_url=URL + "/v1", api_key=KEY)
    e = refused("chat without a model", HfHubHTTPError, lambda: openai_like.chat_completion([{"role": "user", "content": "a"}], model=MODEL))
    check("its status", e.response.status_code == 404, e)
    refused("another key", HfHubHTTPError, lambda: InferenceClient(model=URL + "/embed", token="other").feature_extraction("a"))


check_ollama()
check_cohere()
check_infinity()
check_tei()
