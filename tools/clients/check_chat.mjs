// Conversations with OpenAI's and Ollama's clients for JavaScript: the texts are those of
// emblem complete and emblem ask.

import { Ollama } from "ollama";
import OpenAI from "openai";
import { check, key, pictures, refused, url } from "./given.mjs";

const said = process.env.CLIENT_SAID;
const seen = process.env.CLIENT_SEEN;

console.log("conversations: openai (npm)");
const client = new OpenAI({ baseURL: url + "/v1", apiKey: key, maxRetries: 0 });
const messages = [{ role: "system", content: "Be kind." }, { role: "user", content: "Hi" }];
const ask = { model: "talks", messages, temperature: 0 };
let answer = await client.chat.completions.create({ ...ask, max_tokens: 16 });
check("chat", answer.choices[0].message.content === said, answer);
let text = "";
for await (const part of await client.chat.completions.create({ ...ask, max_tokens: 16, stream: true })) text += part.choices[0].delta.content ?? "";
check("chat, streamed", text === said, text);
const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { enum: ["Oslo"] } }, required: ["city"] } } }];
answer = await client.chat.completions.create({ ...ask, messages: messages.slice(1), max_tokens: 64, tools, tool_choice: { type: "function", function: { name: "weather" } } });
check("tools", answer.choices[0].message.tool_calls[0].function.arguments === '{"city":"Oslo"}' && answer.choices[0].finish_reason === "tool_calls", answer);
const stream = client.chat.completions.stream({ ...ask, messages: messages.slice(1), max_tokens: 64, tools, tool_choice: "required" });
check("tools, streamed", (await stream.finalChatCompletion()).choices[0].message.tool_calls[0].function.name === "weather");
await refused("an unknown role", () => client.chat.completions.create({ ...ask, messages: [{ role: "wizard", content: "a" }] }), (e) => e instanceof OpenAI.BadRequestError && e.param === "messages[0].role");

const respond = { model: "talks", instructions: "Be kind.", input: "Hi", max_output_tokens: 16, temperature: 0 };
check("responses", (await client.responses.create(respond)).output_text === said);
text = "";
for await (const event of await client.responses.create({ ...respond, stream: true })) if (event.type === "response.output_text.delta") text += event.delta;
check("responses, streamed", text === said, text);

const picture = [{ role: "user", content: [{ type: "image_url", image_url: { url: pictures[0], detail: "low" } }, { type: "text", text: "What is this?" }] }];
answer = await client.chat.completions.create({ model: "looks", messages: picture, max_tokens: 12, temperature: 0 });
check("a picture", answer.choices[0].message.content.trim() === seen, answer);

console.log("conversations: ollama (npm)");
const ollama = new Ollama({ host: url, headers: { Authorization: "Bearer " + key } });
const options = { temperature: 0, num_predict: 16 };
check("chat", (await ollama.chat({ model: "talks", messages, options })).message.content === said);
text = "";
for await (const part of await ollama.chat({ model: "talks", messages, options, stream: true })) text += part.message.content;
check("chat, streamed", text === said, text);
check("generate", (await ollama.generate({ model: "talks", prompt: "Hi", system: "Be kind.", options })).response === said);
