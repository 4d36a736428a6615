// The browser aligns two conversations as Python does: tests/notebook/alignments.json holds both.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { align } from "../src/alignment.js";

const fixture = JSON.parse(readFileSync(new URL("../../../../tests/notebook/alignments.json", import.meta.url), "utf8"));

for (const { name, first, second, alignment } of fixture) {
  test(`Python's alignment: ${name}`, () => assert.deepEqual(align(first, second), alignment));
}

test("the order of a tool's arguments tells nothing apart, their values do", () => {
  const call = (given) => ({ messages: [{ role: "assistant", content: "", source: "agent", tool_calls: [{ name: "look", arguments: given }] }], stop: "max_turns" });
  assert.equal(align(call({ a: 1, b: [{ d: 1, c: 2 }] }), call({ b: [{ c: 2, d: 1 }], a: 1 })).how, null);
  assert.equal(align(call({ a: 1 }), call({ a: 2 })).how, "tools");
});
