// How much of a long cell is shown.

import assert from "node:assert/strict";
import { test } from "node:test";

import { beginning } from "../src/grid/cells.js";

test("what is short is shown whole, of the rest the beginning", () => {
  const lines = (/** @type {number} */ number) => Array.from({ length: number }, (_, place) => `line ${place}`).join("\n");
  assert.equal(beginning("word ".repeat(100)), "word ".repeat(100));
  assert.equal(beginning(lines(12)), lines(12));
  assert.equal(beginning(lines(13)), lines(12));
  assert.equal(beginning("x".repeat(20_000)).length, 660);
});

test("no character is cut in two", () => {
  assert.equal(beginning(`x${"😀".repeat(500)}`), `x${"😀".repeat(329)}`);
});
