// The browser's fold gives the states that Python's gives: tests/notebook/run_events.json holds both.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { apply, emptyState, fromPlain } from "../src/fold.js";

const fixture = JSON.parse(readFileSync(new URL("../../../../tests/notebook/run_events.json", import.meta.url), "utf8"));
const fresh = (value) => structuredClone(value);

function plain(state) {
  return {
    ...state,
    cases: [...state.cases.values()],
    conversations: [...state.conversations.values()],
    in_flight: Object.fromEntries(state.in_flight),
  };
}

function folded(state, events) {
  for (const event of fresh(events)) apply(state, event);
  return plain(state);
}

test("folding all events gives Python's state", () => {
  assert.deepEqual(folded(emptyState(), fixture.events), fixture.state);
});

test("folding up to a streaming reply gives Python's state, with the text so far", () => {
  const state = folded(emptyState(), fixture.events.slice(0, fixture.halfway));
  assert.deepEqual(state, fixture.state_halfway);
  assert.notDeepEqual(state.in_flight, {});
});

test("a run that is played on begins a new clock, and keeps what the old one said", () => {
  const [began] = fresh(fixture.events).filter((each) => each.kind === "run_started");
  const { at, before } = folded(emptyState(), [...fixture.events, began, { ...fixture.events.at(-1), at: 2 }]);
  assert.deepEqual([before, at], [fixture.state.before + fixture.state.at, 2]);
});

test("a snapshot and the events after it give the same as all events", () => {
  const state = fromPlain(fresh(fixture.state_halfway));
  assert.deepEqual(folded(state, fixture.events.slice(fixture.halfway)), fixture.state);
});

test("deltas that were joined on the way give the same state", () => {
  const joined = [];
  for (const event of fresh(fixture.events)) {
    const last = joined.at(-1);
    const follows = event.kind === "message_delta" && last?.kind === event.kind && last.key === event.key;
    if (follows) last.text += event.text;
    else joined.push(event);
  }
  assert.ok(joined.length < fixture.events.length);
  assert.deepEqual(folded(emptyState(), joined), fixture.state);
});

test("every kind of event is in the fixture", () => {
  const kinds = new Set(fixture.events.map((event) => event.kind));
  assert.deepEqual([...kinds].sort(), [
    "agent_retried",
    "conversation_ended",
    "conversation_paused",
    "conversation_resumed",
    "conversation_started",
    "fact_released",
    "goal_checked",
    "message_delta",
    "message_rejected",
    "message_sent",
    "noticed",
    "run_ended",
    "run_started",
    "sink_dropped",
    "usage_reported",
  ]);
});

test("an event of a newer kernel changes nothing but the clock", () => {
  const state = folded(emptyState(), [...fixture.events, { kind: "moon_rose", at: 99, key: "closed-market" }]);
  assert.deepEqual(state, { ...fixture.state, at: 99 });
});
