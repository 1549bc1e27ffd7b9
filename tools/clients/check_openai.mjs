// OpenAI's client for JavaScript.

import OpenAI from "openai";
import { check, key, model, pictures, pictureVectors, refused, same, texts, textVectors, url } from "./given.mjs";

console.log("openai (npm)");
const client = new OpenAI({ baseURL: url + "/v1", apiKey: key, maxRetries: 0 });
const embed = async (input, more = {}) => (await client.embeddings.create({ model, input, ...more })).data.map((d) => d.embedding);

// The client asks for base64 by itself, unless it is told what to ask for.
same("texts, base64 behind the scenes", await embed(texts), textVectors);
same("texts, float", await embed(texts, { encoding_format: "float" }), textVectors);
same("pictures", await embed(pictures), pictureVectors);
same("both in one list", await embed([pictures[0], texts[0]]), [pictureVectors[0], textVectors[0]]);
const raw = await embed(texts[0], { encoding_format: "base64" });
const bytes = Buffer.from(raw[0], "base64");
same("base64 on the wire", [new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))], [textVectors[0]]);
check("dimensions", (await embed(texts[0], { dimensions: 8 }))[0].length === 8);
const many = Array.from({ length: 30 }, (_, i) => texts[i % texts.length]);
same("thirty at once", (await Promise.all(many.map((t) => embed(t)))).flat(), many.map((_, i) => textVectors[i % texts.length]));

const models = [];
for await (const m of client.models.list()) models.push(m.id);
check("models.list", models.includes(model), models);
check("models.retrieve", (await client.models.retrieve(model)).id === model);

const missing = (e) => e instanceof OpenAI.NotFoundError && e.code === "model_not_found";
await refused("another model", () => client.embeddings.create({ model: "gpt-4", input: "a" }), (e) => missing(e) && e.param === "model");
await refused("a picture that is none", () => embed(["a", "data:image/jpeg;base64,AAAA"]), (e) => e instanceof OpenAI.BadRequestError && e.param === "input[1]");
const stranger = new OpenAI({ baseURL: url + "/v1", apiKey: "sk-other", maxRetries: 0 });
await refused("another key", () => stranger.models.list(), (e) => e instanceof OpenAI.AuthenticationError && e.code === "invalid_key");

// This model neither answers nor draws; each of these says so in OpenAI's shape.
const messages = [{ role: "user", content: "What is this?" }];
await refused("chat", () => client.chat.completions.create({ model, messages }), missing);
await refused("chat, streamed", () => client.chat.completions.create({ model, messages, stream: true }), missing);
await refused("completions", () => client.completions.create({ model, prompt: "a" }), missing);
await refused("responses", () => client.responses.create({ model, input: "a" }), missing);
await refused("images.generate", () => client.images.generate({ model, prompt: "a cat" }), missing);
