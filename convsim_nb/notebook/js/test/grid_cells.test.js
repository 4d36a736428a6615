// The browser reads and writes cells as Python does: tests/notebook/grid_cells.json holds both.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { columnNamed, entriesOf, entriesText, fieldWords, itemsOf, mappingLines, visible } from "../src/grid/cells.js";

const fixture = JSON.parse(readFileSync(new URL("../../../../tests/notebook/grid_cells.json", import.meta.url), "utf8"));

for (const { name, items, text } of fixture.lists) test(`a list: ${name}`, () => assert.deepEqual(itemsOf(text), items));
for (const { name, text, items } of fixture.typed) {
  if (!text.includes("\r")) test(`typed: ${name}`, () => assert.deepEqual(itemsOf(text), items));
}
for (const { name, entries, text } of fixture.withheld) {
  test(`withheld: ${name}`, () => {
    assert.deepEqual(entriesOf(text), entries);
    assert.deepEqual(entriesOf(entriesText(entries)), entries);
  });
}
for (const { text, shown } of fixture.hidden) {
  test(`hidden characters are named: ${JSON.stringify(shown)}`, () => assert.equal(visible(text), shown));
}

test("entries in which nothing stands are left out, half ones are kept", () => {
  const entries = [
    { fact: " a ", after: "", kind: "answer" },
    { fact: "", after: " ", kind: "correction" },
  ];
  assert.equal(entriesText(entries), "a\n  kind: answer");
});

test("YAML is shown line by line: dashes are bullets, names are labels", () => {
  assert.deepEqual(mappingLines("- 'Tone: it''s kind'\nplan: gold\nsteps:\n  - one"), [
    { label: "", text: "Tone: it's kind", bullet: true },
    { label: "plan", text: "gold", bullet: false },
    { label: "steps", text: "", bullet: false },
    { label: "", text: "one", bullet: true },
  ]);
});

test("fields are named as people say them", () => {
  const names = ["goal", "facts[0]", "withheld[1].after", "withheld[0].fact", "case", "expectations.guidelines[0]"].map(fieldWords);
  assert.deepEqual(names, ["Goal", "Facts 1", "Withheld 2, after", "Withheld 1", "", "Expectations 1"]);
});

test("a table's head may name fields or titles", () => {
  assert.deepEqual(["Goal", " simulation_guidelines ", "Guidelines", "price"].map(columnNamed), ["goal", "simulation_guidelines", "simulation_guidelines", undefined]);
});
