// The protocol from the browser's side: hello, state, batches, gaps.

import assert from "node:assert/strict";
import { test } from "node:test";

import { link } from "../src/link.js";

const EMPTY = {
  run_id: "r",
  run_name: "",
  started_at: null,
  agent: null,
  settings: null,
  tags: {},
  cases: [],
  conversations: [],
  dropped: [],
  notices: {},
  ended: false,
  stopped: false,
  at: 0,
  in_flight: {},
};
const HEADER = { title: "r", note: "", total: 0, counts: {}, corrections: 0, spent: [], stopping: false };

/** A kernel that is written to and heard by hand, and a link to it that is closed with the test. */
function linked(t) {
  const sent = [];
  const heard = [];
  let listener;
  let live;
  const model = {
    on: (name, hear) => void (name === "msg:custom" ? (listener = hear) : (live = hear)),
    off: () => (listener = undefined),
    send: (content) => sent.push(content),
  };
  const hearer = {
    onState: () => heard.push("state"),
    onEvents: (events) => heard.push(events.map((event) => event.kind)),
    onDetails: (key) => heard.push(key),
    onLost: () => heard.push("lost or found"),
    shown: () => null,
  };
  const kernel = link(model, hearer);
  t.after(kernel.close);
  kernel.start();
  const view = sent[0].view;
  const beside = { html: {}, quotes: {} };
  return {
    kernel,
    sent,
    heard,
    live: () => live(),
    tell: (message) => listener?.(message),
    state: (seq, more = {}) =>
      listener({ type: "state", to: view, seq, state: structuredClone(EMPTY), elapsed: 0, header: HEADER, words: {}, ...beside, ...more }),
    batch: (seq, events = []) => listener({ type: "batch", seq, events, ...beside }),
  };
}

const DROPPED = { kind: "sink_dropped", at: 1, sink: "s", reason: "r" };

test("a view asks for the state, and hears nothing before it", (t) => {
  const { kernel, sent, heard, batch, state } = linked(t);
  assert.deepEqual(sent, [{ type: "hello", view: sent[0].view, open: null }]);
  batch(1, [DROPPED]);
  assert.deepEqual(heard, []);
  state(1);
  assert.deepEqual(heard, ["state"]);
  assert.equal(kernel.copy.known, true);
});

test("a state for another view is not taken", (t) => {
  const { heard, state } = linked(t);
  state(4, { to: "another" });
  assert.deepEqual(heard, []);
});

test("batches are folded in their order, and one that is older than the state is left out", (t) => {
  const { kernel, heard, batch, state } = linked(t);
  state(5);
  batch(5, [DROPPED]);
  batch(6, [DROPPED]);
  assert.deepEqual(heard, ["state", ["sink_dropped"]]);
  assert.equal(kernel.copy.state.dropped.length, 1);
});

test("a gap makes the view ask again, and batches wait for the answer", (t) => {
  const { sent, heard, batch, state } = linked(t);
  state(5);
  batch(7, [DROPPED]);
  batch(8, [DROPPED]);
  assert.deepEqual(sent.map((each) => each.type), ["hello", "hello"]);
  state(8);
  batch(9, [DROPPED]);
  assert.deepEqual(heard, ["state", "state", ["sink_dropped"]]);
});

test("a message of an unknown type is left alone", (t) => {
  const { heard, state, tell } = linked(t);
  state(1);
  tell({ type: "sunrise" });
  tell(null);
  assert.deepEqual(heard, ["state"]);
});

test("HTML and the places of quotes are kept beside the state", (t) => {
  const { kernel, heard, sent, state, tell } = linked(t);
  state(1, { html: { "a#1.0": "<p>a</p>" }, quotes: { "a#1": { said: 3 } } });
  tell({ type: "details", to: sent[0].view, key: "b", html: { "b#1.0": "<p>b</p>" }, quotes: { "a#1": { more: 5 } } });
  tell({ type: "details", to: "another", key: "b", html: { "b#1.0": "<p>x</p>" }, quotes: {} });
  assert.deepEqual([...kernel.copy.html], [["a#1.0", "<p>a</p>"], ["b#1.0", "<p>b</p>"]]);
  assert.deepEqual(kernel.copy.quotes, { "a#1": { said: 3, more: 5 } });
  assert.deepEqual(heard, ["state", "b"]);
});

test("a kernel that does not answer is asked again, ever more rarely", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sent, state } = linked(t);
  t.mock.timers.tick(3000);
  t.mock.timers.tick(6000);
  assert.equal(sent.length, 3);
  state(1);
  t.mock.timers.tick(60000);
  assert.equal(sent.length, 3);
});

test("a closed link says and hears nothing more", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { kernel, sent, heard, tell } = linked(t);
  kernel.close();
  tell({ type: "state" });
  t.mock.timers.tick(60000);
  assert.deepEqual([sent.length, heard], [1, []]);
});

test("a wish is sent once, and its answer comes to who made it", async (t) => {
  const { kernel, sent, tell, state } = linked(t);
  state(0);
  const wished = kernel.ask("fork", { key: "a", turn: 2 });
  const { id, ...rest } = sent.at(-1);
  tell({ type: "done", to: "somebody else", id, result: { key: "no" } });
  tell({ type: "done", to: sent[0].view, id, result: { key: "a~1" } });
  assert.deepEqual(rest, { type: "do", view: sent[0].view, what: "fork", given: { key: "a", turn: 2 } });
  assert.deepEqual(await wished, { key: "a~1" });
});

test("what the kernel refuses is said in its words", async (t) => {
  const { kernel, sent, tell, state } = linked(t);
  state(0);
  const wished = kernel.ask("fork", {});
  tell({ type: "refused", to: sent[0].view, id: sent.at(-1).id, problem: "there is no turn 9" });
  await assert.rejects(wished, /there is no turn 9/);
});

test("a kernel that is silent for long is asked, and is lost when it does not answer; a word from it ends that", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 1000;
  t.mock.method(performance, "now", () => now);
  const { kernel, sent, heard, tell, state } = linked(t);
  state(0);
  const after = (seconds) => {
    now += 1000 * seconds;
    kernel.watch();
  };
  after(10);
  assert.equal(sent.at(-1).type, "hello");
  after(6);
  assert.equal(sent.at(-1).type, "ping");
  tell({ type: "pong", to: sent[0].view });
  after(9);
  assert.equal(kernel.copy.lost, false);
  after(7);
  after(9);
  assert.equal(kernel.copy.lost, true);
  tell({ type: "pong", to: sent[0].view });
  assert.equal(kernel.copy.lost, false);
  assert.deepEqual(heard, ["state", "lost or found", "lost or found"]);
});

test("after a restart the run is cut short at once; a kernel that still knows it says how it is", (t) => {
  const { kernel, sent, heard, live, state } = linked(t);
  state(0, { words: { standings: { running: "running", void: "void" } } });
  live();
  assert.equal(kernel.copy.gone, true);
  assert.deepEqual(kernel.copy.words.standings, { running: "cut short", void: "void", paused: "cut short", waiting: "cut short" });
  assert.equal(sent.at(-1).type, "hello");
  state(1, { words: { standings: { running: "running" } } });
  assert.equal(kernel.copy.gone, false);
  assert.equal(kernel.copy.words.standings.running, "running");
  assert.deepEqual(heard, ["state", "lost or found", "lost or found", "state"]);
});

test("a run that has ended may be silent", (t) => {
  let now = 1000;
  t.mock.method(performance, "now", () => now);
  const { kernel, sent, state } = linked(t);
  state(0, { state: { ...structuredClone(EMPTY), ended: true } });
  now += 100000;
  kernel.watch();
  assert.deepEqual(sent.map((each) => each.type), ["hello"]);
});

test("the HTML of conversations that nobody looks at is forgotten, and memory stays bounded", (t) => {
  const { kernel, tell, state } = linked(t);
  state(0);
  for (let n = 1; n <= 400; n++) {
    const html = Object.fromEntries(Array.from({ length: 20 }, (_, place) => [`case ${n}#1.${place}`, "<p>x</p>"]));
    tell({ type: "batch", seq: n, events: [], html, quotes: {} });
  }
  assert.ok(kernel.copy.html.size <= 1000);
  assert.ok(kernel.copy.html.has("case 400#1.19"));
  assert.ok(!kernel.copy.html.has("case 1#1.0"));
});
