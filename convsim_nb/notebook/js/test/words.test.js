// Durations read as in every other picture of a run: tests/notebook/run_events.json holds Python's words.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { clockWords, count, label, prettyJson, secondsWords } from "../src/words.js";

const fixture = JSON.parse(readFileSync(new URL("../../../../tests/notebook/run_events.json", import.meta.url), "utf8"));

test("durations are said as Python says them", () => {
  for (const [seconds, words] of fixture.seconds_words) assert.equal(secondsWords(seconds), words);
  for (const [seconds, words] of fixture.clock_words) assert.equal(clockWords(seconds), words);
});

test("numbers come with their noun", () => {
  assert.deepEqual([count(1, "turn"), count(1204, "turn")], ["1 turn", "1,204 turns"]);
});

test("a conversation is named by its case, with trial and fork where there is more than one", () => {
  const conversation = { key: "kettle/support/1", case_id: "kettle", agent: "support", trial: 1, origin: null };
  assert.equal(label(conversation), "kettle");
  assert.equal(label({ ...conversation, trial: 2, origin: { how: "fork", turn: 3 } }), "kettle, trial 2, forked at turn 3");
  const again = { ...conversation, key: "kettle/support/1~1", origin: { how: "again", turn: 0 } };
  assert.equal(label(again), "kettle, run again");
  assert.equal(label({ ...again, agent: "mended" }), "kettle, run again, by mended");
});

test("tool arguments are shown as they were sent, or as indented JSON", () => {
  assert.equal(prettyJson("as it was"), "as it was");
  assert.equal(prettyJson({ a: [1] }), '{\n  "a": [\n    1\n  ]\n}');
});
