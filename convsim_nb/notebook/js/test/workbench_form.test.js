// The form of a saved notebook finds its place in the notebook that the page holds.

import assert from "node:assert/strict";
import { test } from "node:test";

import { keepForm } from "../src/workbench_form.js";

const saved = (/** @type {string} */ hour) => `<details><summary>As the saved notebook shows it, as of ${hour}</summary>old</details>`;

/** @param {...unknown} htmls of the outputs of one cell */
function cell(...htmls) {
  const held = htmls.map((html) => ({ output_type: "display_data", data: { "text/html": html, "text/plain": "old" } }));
  return {
    held,
    outputs: {
      length: held.length,
      get: (/** @type {number} */ place) => ({ toJSON: () => held[place] }),
      set: (/** @type {number} */ place, /** @type {any} */ output) => void (held[place] = output),
    },
  };
}

test("the one form of that hour is replaced, and nothing else", () => {
  const cells = [{}, cell("<b>other</b>"), cell(undefined, [saved("10:00:01")]), cell(saved("10:00:02"))];
  const done = keepForm({ context: { model: { cells } } }, "10:00:01", { "text/html": "new" });

  assert.equal(done, true);
  assert.deepEqual(/** @type {any} */ (cells[2]).held[1], { output_type: "display_data", data: { "text/html": "new", "text/plain": "old" } });
  assert.deepEqual(/** @type {any} */ (cells[3]).held[0].data["text/html"], saved("10:00:02"));
});

test("a host that gives no notebook, and a cell that was copied, are left alone", () => {
  const cells = [cell(saved("10:00:01")), cell(saved("10:00:01"))];

  assert.equal(keepForm(undefined, "10:00:01", {}), false);
  assert.equal(keepForm({ get_model() {} }, "10:00:01", {}), false);
  assert.equal(keepForm({ context: { model: { cells } } }, "10:00:01", { "text/html": "new" }), false);
  assert.equal(cells[0]?.held[0]?.data["text/html"], saved("10:00:01"));
});
