// What the checks in JavaScript share: the server, and the vectors that it has to give.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export const url = process.env.CLIENT_URL;
export const key = process.env.CLIENT_KEY;
export const model = "builtin/search";

const lines = readFileSync(process.env.CLIENT_VECTORS, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const images = lines.filter((line) => line.kind === "image");
const vectors = (list) => list.map((line) => line.embedding);

export const texts = lines.filter((line) => line.kind === "text").map((line) => line.input);
export const textVectors = vectors(lines.filter((line) => line.kind === "text"));
export const pictures = images.map((line) => "data:image/jpeg;base64," + readFileSync(line.input).toString("base64"));
export const pictureVectors = vectors(images);
assert.ok(texts.length > 0 && pictures.length > 3);

// same demands equal float32 vectors, bit for bit.
export function same(what, got, want) {
  assert.equal(got.length, want.length, what);
  got.forEach((vector, i) => assert.deepEqual(Float32Array.from(vector), Float32Array.from(want[i]), `${what}: vector ${i}`));
  console.log("ok ", what);
}

export function check(what, truth, said) {
  assert.ok(truth, `${what}: ${JSON.stringify(said)}`);
  console.log("ok ", what);
}

// refused runs ask, which has to fail so that fits says yes.
export async function refused(what, ask, fits) {
  let answer;
  try {
    answer = await ask();
  } catch (e) {
    assert.ok(fits(e), `${what}: another error: ${e.stack}`);
    console.log("ok ", what);
    return;
  }
  assert.fail(`${what}: not refused: ${JSON.stringify(answer)}`);
}
