// The pure part of the list of sessions: what fits, in which order, what a click and a key select, and the words.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as core from "../src/picker/core.js";

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 21, 12);
const row = (id, more = {}) => ({ id, name: id, at: NOW, began: NOW, turns: 1, seconds: 1, first: "", answer: "", marks: [], simulated: false, said: "", ...more });
const ROWS = [
  row("a", { first: "I want a Refund", answer: "Done", turns: 3, at: NOW - HOUR }),
  row("b", { first: "Where is my parcel?", answer: "A refund is on its way", marks: ["1 error", "helpful=False"], seconds: 9, at: NOW - 2 * HOUR }),
  row("c", { first: "", marks: ["helpful=False"], turns: 5, at: null }),
  row("d-order", { first: "book a table", at: NOW - 40 * HOUR }),
];
const VIEW = { text: "", kind: "all", order: "newest" };
const fitting = (view, picked = [], outcomes = []) =>
  core.fitting(ROWS, { ...VIEW, ...view }, new Set(picked), new Map(outcomes)).map((each) => each.id);

test("without a filter all stand as listed", () => {
  assert.deepEqual(fitting({}), ["a", "b", "c", "d-order"]);
});

test("every word has to be found, in any case, in question, answer, name or mark", () => {
  assert.deepEqual(fitting({ text: "REFUND" }), ["a", "b"]);
  assert.deepEqual(fitting({ text: "refund parcel" }), ["b"]);
  assert.deepEqual(fitting({ text: "helpful=false" }), ["b", "c"]);
  assert.deepEqual(fitting({ text: "d-ord" }), ["d-order"]);
  assert.deepEqual(fitting({ text: ".*" }), []);
});

test("kinds: marked, selected, distilled and not", () => {
  const outcomes = [["a", { state: "done", cases: 1, problems: [] }], ["b", { state: "failed", cases: 0, problems: ["x"] }]];
  assert.deepEqual(fitting({ kind: "marked" }), ["b", "c"]);
  assert.deepEqual(fitting({ kind: "picked" }, ["c", "a"]), ["a", "c"]);
  assert.deepEqual(fitting({ kind: "distilled" }, [], outcomes), ["a"]);
  assert.deepEqual(fitting({ kind: "fresh" }, [], outcomes), ["b", "c", "d-order"]);
});

test("orders; what is alike stays as listed, and what has no time stands last", () => {
  assert.deepEqual(fitting({ order: "oldest" }), ["d-order", "b", "a", "c"]);
  assert.deepEqual(fitting({ order: "turns" }), ["c", "a", "b", "d-order"]);
  assert.deepEqual(fitting({ order: "marks" }), ["b", "c", "a", "d-order"]);
  assert.deepEqual(fitting({ order: "slowest" }), ["b", "a", "c", "d-order"]);
  assert.deepEqual(fitting({ order: "text" }), ["d-order", "c", "a", "b"]);
});

test("a click takes in or lets go", () => {
  assert.deepEqual(core.toggled(new Set(["a"]), "b"), { add: ["b"], remove: [] });
  assert.deepEqual(core.toggled(new Set(["a"]), "a"), { add: [], remove: ["a"] });
});

test("a range has both ends, either way round, and takes on the state of its first row", () => {
  const shown = ["a", "b", "c", "d"];
  assert.deepEqual(core.between(shown, "c", "a"), ["a", "b", "c"]);
  assert.deepEqual(core.ranged(new Set(["a"]), shown, "a", "c"), { add: ["b", "c"], remove: [] });
  assert.deepEqual(core.ranged(new Set(["b", "c"]), shown, "a", "c"), { add: [], remove: ["b", "c"] });
});

test("a range that began at a row that is cut away is the row alone", () => {
  assert.deepEqual(core.ranged(new Set(["z"]), ["a", "b"], "z", "b"), { add: ["b"], remove: [] });
  assert.deepEqual(core.between(["a"], "a", "z"), []);
});

test("while Shift is held the range follows, forth and back, and what was selected before stays", () => {
  const shown = ["a", "b", "c", "d"];
  const before = new Set(["d"]);
  assert.deepEqual(core.stretched(before, before, shown, "a", "c"), { add: ["a", "b", "c"], remove: [] });
  assert.deepEqual(core.stretched(before, new Set(["a", "b", "c", "d"]), shown, "a", "b"), { add: [], remove: ["c"] });
});

test("all that are shown; once more, none of them, and those that are cut away stay", () => {
  assert.deepEqual(core.all(new Set(["a", "z"]), ["a", "b"]), { add: ["b"], remove: [] });
  assert.deepEqual(core.all(new Set(["a", "b", "z"]), ["a", "b"]), { add: [], remove: ["a", "b"] });
});

test("what was clicked stands over what the kernel says until it has heard of it", () => {
  const now = core.withAll(new Set(["a", "b"]), [{ add: ["c"], remove: ["a"] }, { add: ["a"], remove: ["b"] }]);
  assert.deepEqual([...now].sort(), ["a", "c"]);
});

test("times are said as people say them", () => {
  const words = [0, 59_000, 60_000, HOUR, 23 * HOUR, 25 * HOUR, 13 * 24 * HOUR, 20 * 24 * HOUR, 400 * 24 * HOUR].map((ago) => core.whenWords(NOW - ago, NOW));
  assert.deepEqual(words, ["just now", "just now", "1 min ago", "1 h ago", "23 h ago", "1 d ago", "13 d ago", "1 Nov", "17 Oct 2025"]);
  assert.equal(core.whenWords(null, NOW), "");
});

test("how far the list goes, and how far a job is", () => {
  const tally = (more) => core.tallyWords({ listed: 1200, shown: 7, complete: false, cut: false, ...more });
  assert.equal(tally({}), "1,200 loaded so far");
  assert.equal(tally({ cut: true }), "7 of 1,200 loaded so far");
  assert.equal(tally({ complete: true }), "1,200 sessions");
  const job = (more) => core.jobWords({ stage: "ended", total: 3, read: 3, done: 3, failed: 0, cases: 4, stopping: false, ...more });
  assert.equal(job({}), "3 sessions distilled, 4 test cases");
  assert.equal(job({ failed: 2, cases: 1 }), "1 of 3 sessions distilled, 1 test case");
  assert.equal(job({ failed: 3, cases: 0, stopping: true }), "Stopped: 0 of 3 sessions distilled, 0 test cases");
  assert.equal(job({ stage: "distilling", done: 1 }), "1 of 3 sessions, 4 test cases so far");
  assert.equal(job({ stage: "reading", read: 2 }), "Reading 3 sessions: 2 read");
});

test("what was searched for is marked, whatever characters it holds", () => {
  assert.deepEqual(core.pieces("A refund (Refund)", ["refund", "("]), [
    { text: "A ", found: false },
    { text: "refund", found: true },
    { text: " ", found: false },
    { text: "(", found: true },
    { text: "Refund", found: true },
    { text: ")", found: false },
  ]);
  assert.deepEqual(core.pieces("plain", []), [{ text: "plain", found: false }]);
});

test("what was found where a row does not show it is quoted", () => {
  const long = row("x", { first: "Hello", answer: `${"word ".repeat(20)}the kettle is broken` });
  assert.equal(core.elsewhere(long, ["kettle"]), "… word word word word the kettle is broken");
  assert.equal(core.elsewhere(row("y", { first: "Hello", said: "Hello Hi The kettle is broken" }), ["kettle"]), "Hello Hi The kettle is broken");
  assert.equal(core.elsewhere(long, ["hello"]), "");
  assert.equal(core.elsewhere(long, []), "");
});
