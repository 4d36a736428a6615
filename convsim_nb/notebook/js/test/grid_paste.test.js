// Cells from and to a spreadsheet, and where a person is in the grid.

import assert from "node:assert/strict";
import { test } from "node:test";

import { COLUMNS } from "../src/grid/cells.js";
import { pasteOps } from "../src/grid/paste.js";
import { rowsOf } from "../src/grid/rows.js";
import { FINDINGS, NUMBER, columnAway, next, range, rowsAway, step, still } from "../src/grid/select.js";
import { formatTsv, parseTsv } from "../src/grid/tsv.js";

test("cells with newlines, tabs and quotes come back the same", () => {
  const table = [["a", "two\nlines", ""], ['say "hi"', "tab\there", "\"quoted\""], ["", "", "end"]];
  assert.deepEqual(parseTsv(formatTsv(table)), table);
});

test("what spreadsheets send: a last newline, Windows line ends, quotes that quote nothing", () => {
  assert.deepEqual(parseTsv("a\tb\r\nc\td\r\n"), [["a", "b"], ["c", "d"]]);
  assert.deepEqual(parseTsv('"one\r\ntwo"\tb'), [["one\ntwo", "b"]]);
  assert.deepEqual(parseTsv('"he said" so\tb'), [['"he said" so', "b"]]);
  assert.deepEqual(parseTsv('"not closed\tb\nc'), [['"not closed', "b"], ["c"]]);
  assert.deepEqual(parseTsv("a\t"), [["a", ""]]);
  assert.deepEqual(parseTsv("a\n\nb"), [["a"], [""], ["b"]]);
  assert.deepEqual(parseTsv("x"), [["x"]]);
});

const row = (key) => ({ key, id: "", texts: { goal: key }, problems: {}, findings: [], edited: [], new: false, proposed: false, source: null, more: [] });
const field = (keys = [..."abc"], columns = COLUMNS.map(({ name }) => name), found = "") => ({ keys, columns, hasFindings: (key) => found.includes(key) });

function paste(text, at, { keys = [..."abc"], columns, selected } = {}) {
  let made = 0;
  const shown = field(keys, columns);
  const where = { rows: rowsOf([..."abc"].map(row)), field: shown, at, range: selected ?? { keys: [at.key], columns: [at.column] }, newKey: () => `n${++made}` };
  return pasteOps(parseTsv(text), where);
}

test("two by two cells fill from where the person is, in the columns that are shown", () => {
  const { ops, cells, grown } = paste("A\tB\nC\tD", { key: "a", column: "goal" }, { columns: ["goal", "facts"] });
  assert.deepEqual(ops, [
    { op: "set", key: "a", column: "goal", text: "A" },
    { op: "set", key: "a", column: "facts", text: "B" },
    { op: "set", key: "b", column: "goal", text: "C" },
    { op: "set", key: "b", column: "facts", text: "D" },
  ]);
  assert.deepEqual([cells, grown], [4, 0]);
});

test("more lines than rows grow rows below; what has no column is left out", () => {
  const { ops, grown } = paste("A\tB\nC\tD\nE\tF", { key: "c", column: "tags" });
  assert.deepEqual(ops, [
    { op: "set", key: "c", column: "tags", text: "A" },
    { op: "insert", key: "n1", at: 3, texts: { tags: "C" } },
    { op: "insert", key: "n2", at: 4, texts: { tags: "E" } },
  ]);
  assert.equal(grown, 2);
});

test("a table with a head goes into the columns that it names", () => {
  const { ops } = paste("Facts\tPrice\tGoal\nf\tp\tg", { key: "b", column: "persona" });
  assert.deepEqual(ops, [
    { op: "set", key: "b", column: "facts", text: "f" },
    { op: "set", key: "b", column: "goal", text: "g" },
  ]);
});

test("at a row's number, lines become rows of their own below it", () => {
  const { ops } = paste("A\tB\nC", { key: "a", column: NUMBER });
  assert.deepEqual(ops, [
    { op: "insert", key: "n1", at: 1, texts: { goal: "A", persona: "B" } },
    { op: "insert", key: "n2", at: 2, texts: { goal: "C" } },
  ]);
});

test("one cell fills all that is selected", () => {
  const { ops } = paste("x", { key: "a", column: "goal" }, { selected: { keys: ["a", "b"], columns: ["facts"] } });
  assert.deepEqual(ops, [
    { op: "set", key: "a", column: "facts", text: "x" },
    { op: "set", key: "b", column: "facts", text: "x" },
  ]);
});

test("without any row, rows are grown", () => {
  const where = { rows: rowsOf([]), field: field([]), at: { key: "", column: NUMBER }, range: { keys: [], columns: [] }, newKey: () => "n" };
  assert.deepEqual(pasteOps([["A"], ["B"]], where).ops.map(({ op, at }) => [op, at]), [["insert", 0], ["insert", 1]]);
});

test("arrows go to what lies there on the screen", () => {
  const shown = field([..."ab"], undefined, "a");
  const walk = (at, ...ways) => ways.reduce((cell, way) => step(shown, cell, way), at);
  const goal = { key: "a", column: "goal" };
  assert.deepEqual(walk(goal, "down"), { key: "a", column: "persona" });
  assert.deepEqual(walk(goal, "right", "down"), { key: "a", column: "withheld" });
  assert.deepEqual(walk(goal, "down", "down"), { key: "a", column: FINDINGS });
  assert.deepEqual(walk(goal, "down", "down", "down"), { key: "b", column: "goal" });
  assert.deepEqual(walk({ key: "b", column: "goal" }, "up"), { key: "a", column: FINDINGS });
  assert.deepEqual(walk(goal, "left"), { key: "a", column: NUMBER });
  assert.deepEqual(walk(goal, "left", "left", "up"), { key: "a", column: NUMBER });
  assert.deepEqual(walk({ key: "b", column: "tags" }, "right", "down"), { key: "b", column: "tags" });
  const fewer = field([..."ab"], ["persona", "facts"]);
  assert.deepEqual(step(fewer, { key: "a", column: "persona" }, "down"), { key: "b", column: "persona" });
});

test("Tab goes on in the order of reading, and from row to row", () => {
  const shown = field([..."ab"], ["goal", "facts"]);
  assert.deepEqual(next(shown, { key: "a", column: "goal" }, 1), { key: "a", column: "facts" });
  assert.deepEqual(next(shown, { key: "a", column: "facts" }, 1), { key: "b", column: "goal" });
  assert.deepEqual(next(shown, { key: "b", column: "goal" }, -1), { key: "a", column: "facts" });
  assert.deepEqual(next(shown, { key: "b", column: "facts" }, 1), { key: "b", column: "facts" });
});

test("a range is rows by columns, whichever end it was begun at", () => {
  const shown = field([..."abc"], ["goal", "persona", "facts"]);
  const at = { key: "a", column: "goal" };
  assert.deepEqual(range(shown, { at, from: { key: "b", column: "persona" } }), { keys: ["a", "b"], columns: ["goal", "persona"] });
  assert.deepEqual(range(shown, { at, from: null }), { keys: ["a"], columns: ["goal"] });
  assert.deepEqual(range(shown, { at: { key: "b", column: NUMBER }, from: null }), { keys: ["b"], columns: shown.columns });
  assert.deepEqual(columnAway(shown, at, 1), { key: "a", column: "persona" });
  assert.deepEqual(rowsAway(shown, at, 9), { key: "c", column: "goal" });
});

test("who stood in a row that went stands in the next, or the last", () => {
  const shown = field([..."ac"], ["goal"]);
  assert.deepEqual(still([..."abc"], shown, { key: "b", column: "goal" }), { key: "c", column: "goal" });
  assert.deepEqual(still([..."acd"], shown, { key: "d", column: "facts" }), { key: "c", column: "goal" });
  assert.equal(still([..."b"], field([]), { key: "b", column: "goal" }), null);
});
