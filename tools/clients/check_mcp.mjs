// The TypeScript SDK of the Model Context Protocol, over HTTP and the standard streams.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { check, key, same, texts, textVectors, url } from "./given.mjs";

async function use(what, transport) {
  const client = new Client({ name: "check", version: "1" });
  await client.connect(transport);
  const tools = (await client.listTools()).tools.map((t) => t.name);
  check(`${what}: tools`, ["embed", "libraries", "search", "similar"].every((t) => tools.includes(t)), tools);
  const got = await client.callTool({ name: "embed", arguments: { texts } });
  same(`${what}: embed`, got.structuredContent.vectors, textVectors);
  const found = await client.callTool({ name: "search", arguments: { library: "pictures", query: "a picture", limit: 2, min_probability: 0 } });
  check(`${what}: search`, found.structuredContent.hits.length === 2 && found.content.filter((c) => c.type === "image").length === 2, found);
  await client.close();
}

console.log("@modelcontextprotocol/sdk");
await use("/mcp", new StreamableHTTPClientTransport(new URL(url + "/mcp"), { requestInit: { headers: { Authorization: "Bearer " + key } } }));
await use("emblem mcp", new StdioClientTransport({ command: process.env.CLIENT_EMBLEM, args: ["mcp", "--data", process.env.CLIENT_DATA], stderr: "inherit" }));
