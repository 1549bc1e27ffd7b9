"""The Python SDK of the Model Context Protocol, over HTTP and the standard streams."""

import asyncio
import importlib.metadata
import os

import httpx2
import mcp
from given import KEY, MODEL, URL, check, same, text_vectors, texts
from mcp.client.streamable_http import streamable_http_client


async def use(what, client):
    async with client as c:
        tools = sorted(t.name for t in (await c.list_tools()).tools)
        check(f"{what}: tools", {"embed", "libraries", "search", "similar"} <= set(tools), tools)
        got = (await c.call_tool("embed", {"texts": texts})).structured_content
        check(f"{what}: model", got["model"] == MODEL, got["model"])
        same(f"{what}: embed", got["vectors"], text_vectors)
        libraries = (await c.call_tool("libraries", {})).structured_content
        check(f"{what}: libraries", [l["name"] for l in libraries["data"]] == ["pictures"], libraries)
        found = await c.call_tool("search", {"library": "pictures", "query": "a picture", "limit": 3, "min_probability": 0})
        hits = found.structured_content["hits"]
        check(f"{what}: search", len(hits) == 3 and hits[0]["rank"] == 1, hits)
        shown = [part for part in found.content if part.type == "image"]
        check(f"{what}: pictures come along", len(shown) == 3 and all(p.mime_type == "image/jpeg" for p in shown), found.content)
        near = (await c.call_tool("similar", {"library": "pictures", "id": hits[0]["id"], "limit": 2})).structured_content["hits"]
        check(f"{what}: similar", 0 < len(near) <= 2, near)
        wrong = await c.call_tool("search", {"library": "none", "query": "a"})
        check(f"{what}: a library that is not there", wrong.is_error and "none" in wrong.content[0].text, wrong)


async def main():
    print("mcp", importlib.metadata.version("mcp"))
    async with httpx2.AsyncClient(headers={"Authorization": "Bearer " + KEY}, timeout=30) as http:
        await use("/mcp", mcp.Client(streamable_http_client(URL + "/mcp", http_client=http)))
    command = mcp.StdioServerParameters(command=os.environ["CLIENT_EMBLEM"], args=["mcp", "--data", os.environ["CLIENT_DATA"]])
    await use("emblem mcp", mcp.Client(command))


asyncio.run(main())
