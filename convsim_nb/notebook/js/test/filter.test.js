// What the list is cut down to, on the run that Python's tests share.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { apply, emptyState } from "../src/fold.js";
import { ALL, everyGuard, listed } from "../src/order.js";

const fixture = JSON.parse(readFileSync(new URL("../../../../tests/notebook/run_events.json", import.meta.url), "utf8"));
const state = emptyState();
for (const event of structuredClone(fixture.events)) apply(state, event);
const fitting = (filter, labels = {}) =>
  listed(state, { ...ALL, ...filter }, labels).map((each) => `${each.case_id} ${each.trial}`);

test("nothing is cut without a filter", () => {
  assert.equal(fitting({}).length, state.conversations.size);
});

test("by verdict, by what a person did, and by corrections", () => {
  assert.deepEqual(fitting({ standing: "not_reached" }), ["rebook-to-oslo 1"]);
  assert.deepEqual(fitting({ standing: "assisted" }), ["饺子馆-周六 1"]);
  assert.deepEqual(fitting({ standing: "corrected" }), ["closed-market 1"]);
  assert.deepEqual(fitting({ standing: "forked" }), []);
  assert.deepEqual(fitting({ standing: "labelled" }, { "closed-market/support_agent/1": {} }), ["closed-market 1"]);
});

test("by what a guard found: stopped, or sent all the same", () => {
  assert.deepEqual(everyGuard(state), ["given away", "invented"]);
  assert.deepEqual(fitting({ guard: "any" }).sort(), ["rebook-to-oslo 1", "refund-damaged-kettle 1"]);
  assert.deepEqual(fitting({ guard: "invented" }), ["refund-damaged-kettle 1"]);
});

test("by words of the case and of the conversation, in any case", () => {
  assert.deepEqual(fitting({ text: "HANG SENG" }), ["closed-market 1"]);
  assert.deepEqual(fitting({ text: "small-shop owner" }), ["refund-damaged-kettle 1"]);
  assert.deepEqual(fitting({ text: "nothing like it" }), []);
});

test("filters are cut with each other", () => {
  assert.deepEqual(fitting({ text: "kettle", standing: "not_reached" }), []);
});

test("trials and forks of a case stand together when they are ordered by case", () => {
  const conversation = (key, case_id, status, origin = null) => ({ key, case_id, status, verdict: null, origin });
  const every = [
    conversation("a/1", "a", "waiting"),
    conversation("b/1", "b", "running"),
    conversation("a/2", "a", "running"),
    conversation("a/1~1", "a", "running", {}),
  ];
  const run = { ended: false, conversations: new Map(every.map((each) => [each.key, each])) };
  const keys = (/** @type {any} */ filter) => listed(/** @type {any} */ (run), { ...ALL, ...filter }).map((each) => each.key);
  assert.deepEqual(keys({ byCase: true }), ["a/1", "a/2", "a/1~1", "b/1"]);
  assert.deepEqual(keys({}), ["b/1", "a/2", "a/1~1", "a/1"]);
});
