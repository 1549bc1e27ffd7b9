// The clients of Ollama, Cohere and text-embeddings-inference for JavaScript.

import { InferenceClient } from "@huggingface/inference";
import { CohereClientV2, CohereError } from "cohere-ai";
import { Ollama } from "ollama";
import { check, key, model, pictures, pictureVectors, refused, same, texts, textVectors, url } from "./given.mjs";

console.log("ollama (npm)");
const ollama = new Ollama({ host: url, headers: { Authorization: "Bearer " + key } });
same("texts", (await ollama.embed({ model, input: texts })).embeddings, textVectors);
same("pictures", (await ollama.embed({ model, input: pictures })).embeddings, pictureVectors);
check("list", (await ollama.list()).models.some((m) => m.model === model));
await refused("another model", () => ollama.embed({ model: "llama3", input: "a" }), (e) => e.status_code === 404 && /llama3/.test(e.message));

console.log("cohere-ai (npm)");
const cohere = new CohereClientV2({ token: key, environment: url, maxRetries: 0 });
const embed = async (more) => (await cohere.embed({ model, embeddingTypes: ["float"], ...more })).embeddings.float;
same("texts", await embed({ inputType: "search_query", texts }), textVectors);
same("a picture", await embed({ inputType: "image", images: [pictures[0]] }), [pictureVectors[0]]);
await refused("another model", () => cohere.embed({ model: "embed-v4.0", inputType: "search_query", texts: ["a"], embeddingTypes: ["float"] }), (e) => e instanceof CohereError && e.statusCode === 404);

console.log("@huggingface/inference");
const tei = new InferenceClient(key).endpoint(url + "/embed");
same("texts", await tei.featureExtraction({ inputs: texts }), textVectors);
same("a picture", await tei.featureExtraction({ inputs: [pictures[0]] }), [pictureVectors[0]]);
const near = await new InferenceClient(key).endpoint(url + "/similarity").sentenceSimilarity({ inputs: { source_sentence: texts[0], sentences: texts } });
check("similarity", Math.abs(near[0] - 1) < 1e-6 && near[1] < 1, near);
