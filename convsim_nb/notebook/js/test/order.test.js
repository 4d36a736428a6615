// Which conversation comes first, and which next.

import assert from "node:assert/strict";
import { test } from "node:test";

import { firstToShow, listed, neighbour, nextFailure } from "../src/order.js";

const conversation = (key, status, verdict = null) => ({ key, status, verdict });
const EVERY = [
  conversation("reached", "ended", "reached"),
  conversation("waiting", "waiting"),
  conversation("failed", "ended", "not_reached"),
  conversation("running", "running"),
  conversation("void", "ended", "void"),
  conversation("failed too", "ended", "not_reached"),
];
const state = (ended, every = EVERY) => ({ ended, conversations: new Map(every.map((each) => [each.key, each])) });
const keys = (conversations) => conversations.map((each) => each.key);

test("running ones come first while the run runs, then failures", () => {
  assert.deepEqual(keys(listed(state(false))), ["running", "failed", "failed too", "void", "reached", "waiting"]);
  assert.equal(firstToShow(state(false)), "running");
});

test("failures come first when it is over", () => {
  const over = state(true, EVERY.filter((each) => each.verdict));
  assert.deepEqual(keys(listed(over)), ["failed", "failed too", "void", "reached"]);
});

test("a run without conversations shows none", () => {
  assert.equal(firstToShow(state(false, [])), null);
});

test("next and previous stop at the ends of the list", () => {
  const all = ["a", "b"];
  assert.deepEqual([neighbour(all, "a", 1), neighbour(all, "b", 1), neighbour(all, "a", -1)], ["b", null, null]);
  assert.deepEqual([neighbour(all, null, 1), neighbour(all, null, -1), neighbour([], null, 1)], ["a", "b", null]);
});

test("the next failure goes round, and is none where there is none", () => {
  assert.equal(nextFailure(EVERY, "failed"), "failed too");
  assert.equal(nextFailure(EVERY, "failed too"), "failed");
  assert.equal(nextFailure(EVERY, null), "failed");
  assert.equal(nextFailure([conversation("a", "running")], "a"), null);
});
