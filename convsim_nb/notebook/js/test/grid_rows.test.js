// Rows on the page: edits show at once, the kernel's word counts, and nothing is lost between them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Sheet, holds, isDraft, moved, passes, rowsOf, withBatch, withOps } from "../src/grid/rows.js";

const row = (key, texts = { goal: key }, more = {}) => ({
  ...{ key, id: `case-${key}`, texts, problems: {}, findings: [], edited: [], new: false, proposed: false, source: null, more: [] },
  ...more,
});
const order = ({ rows }) => rows.order.join("");
const goals = ({ rows }) => rows.order.map((key) => rows.byKey.get(key).texts.goal ?? "");

function sheet(...keys) {
  const one = new Sheet();
  one.takeState(keys.map((key) => row(key)));
  return one;
}

test("an edit shows before the kernel has answered, and the kernel's answer takes its place", () => {
  const one = sheet("a", "b");
  one.edit({ id: "1", label: "", ops: [{ op: "set", key: "a", column: "goal", text: "new" }] });
  assert.deepEqual(goals(one), ["new", "b"]);
  assert.deepEqual(one.row("a").edited, ["goal"]);
  one.takeBatch({ answered: ["1"], rows: [row("a", { goal: "New." })] });
  assert.deepEqual(goals(one), ["New.", "b"]);
  assert.deepEqual(one.waiting, []);
});

test("what another view did comes in under an edit that waits", () => {
  const one = sheet("a", "b", "c");
  one.edit({ id: "1", label: "", ops: [{ op: "set", key: "a", column: "goal", text: "mine" }] });
  one.takeBatch({ answered: ["other"], rows: [row("a", { goal: "theirs" }), row("d")], order: ["d", "a", "c"], gone: ["b"] });
  assert.equal(order(one), "dac");
  assert.deepEqual(goals(one), ["d", "mine", "c"]);
  one.takeBatch({ answered: ["1"], rows: [row("a", { goal: "mine" })] });
  assert.deepEqual(goals(one), ["d", "mine", "c"]);
});

test("edits that were not answered are sent again after a new state, and shown on it", () => {
  const one = sheet("a");
  const edit = { id: "1", label: "", ops: [{ op: "insert", key: "n", at: 1, texts: { goal: "n" } }] };
  one.edit(edit);
  assert.deepEqual(one.takeState([row("a"), row("b")]), [edit]);
  assert.equal(order(one), "anb");
});

test("a row that is gone is no obstacle", () => {
  const one = sheet("a");
  const ops = [
    { op: "set", key: "x", column: "goal", text: "?" },
    { op: "copy", key: "y", of: "x" },
    { op: "delete", keys: ["x"] },
    { op: "insert", key: "a", at: 0, texts: {} },
  ];
  one.edit({ id: "1", label: "", ops });
  assert.deepEqual(goals(one), ["a"]);
});

test("rows are inserted, copied, deleted and confirmed", () => {
  const start = rowsOf([row("a", { goal: "a", facts: "x" }, { proposed: true }), row("b")]);
  const now = withOps(start, [
    { op: "insert", key: "n", at: 0, texts: { goal: "new" } },
    { op: "copy", key: "c", of: "a" },
    { op: "delete", keys: ["b"] },
    { op: "confirm", keys: ["a"] },
  ]);
  assert.deepEqual(now.order, ["n", "a", "c"]);
  assert.deepEqual(now.byKey.get("c").texts, { goal: "a", facts: "x" });
  assert.deepEqual([now.byKey.get("n").new, now.byKey.get("a").proposed, now.byKey.get("c").proposed], [true, false, true]);
  assert.deepEqual(start.order, ["a", "b"]);
});

test("rows move a step, together, and stop at the ends", () => {
  const up = (keys) => moved([..."abcd"], new Set(keys), -1).join("");
  const down = (keys) => moved([..."abcd"], new Set(keys), 1).join("");
  assert.deepEqual([up("c"), up("bc"), up("ab"), up("bd"), up("a")], ["acbd", "bcad", "abcd", "badc", "abcd"]);
  assert.deepEqual([down("b"), down("bc"), down("cd"), down("ac")], ["acbd", "adbc", "abcd", "badc"]);
});

test("a batch changes only what it names", () => {
  const rows = rowsOf([row("a"), row("b")]);
  const now = withBatch(rows, { rows: [row("b", { goal: "B" })] });
  assert.equal(now.byKey.get("a"), rows.byKey.get("a"));
  assert.equal(now.byKey.get("b").texts.goal, "B");
});

test("an emptied cell holds nothing, and what was said against it goes", () => {
  const finding = (field) => ({ field, check: "quote", reason: "" });
  const one = new Sheet();
  one.takeState([row("a", { goal: "a", facts: "x" }, { problems: { facts: "?" }, findings: [finding("facts[0]"), finding("goal")] })]);
  one.edit({ id: "1", label: "", ops: [{ op: "set", key: "a", column: "facts", text: " " }] });
  assert.deepEqual(one.row("a").texts, { goal: "a" });
  assert.deepEqual([one.row("a").problems, one.row("a").findings], [{}, [finding("goal")]]);
});

test("filters and search", () => {
  const found = [{ field: "case", check: "duplicate", reason: "next to those of case q" }];
  const rows = [row("a"), row("b", {}, {}), row("c", { goal: "Kettle\nrefund", facts: "A-1893" }, { findings: found, edited: ["goal"] })];
  const kept = (filter) => rows.filter((one) => passes(one, filter)).map(({ key }) => key).join("");
  assert.deepEqual(["all", "draft", "findings", "alike", "edited"].map(kept), ["abc", "b", "c", "c", "c"]);
  assert.equal(isDraft(rows[1]), true);
  assert.equal(holds(rows[2], "refund a-1893"), true);
  assert.equal(holds(rows[2], "case-c"), true);
  assert.equal(holds(rows[2], "refund toaster"), false);
});
