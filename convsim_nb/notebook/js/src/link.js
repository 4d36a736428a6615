// The browser's end of the protocol: a copy of the run's state, kept by numbered batches.

import { apply, emptyState, fromPlain } from "./fold.js";

/**
 * @import {BatchMessage, Header, KernelMessage, Model, Quotes, RunEvent, RunState, StateMessage, Words} from "./types"
 */

/**
 * @typedef {object} Copy what a view knows of the run
 * @property {boolean} known whether the kernel has answered yet
 * @property {RunState} state
 * @property {Header} header
 * @property {Words} words
 * @property {Map<string, string>} html safe HTML by message key
 * @property {Quotes} quotes
 * @property {number} startedAt on this page's clock, in milliseconds
 */

/**
 * @typedef {object} Hearer
 * @property {() => void} onState everything may have changed
 * @property {(events: RunEvent[]) => void} onEvents these happened
 * @property {(key: string) => void} onDetails HTML of a conversation has come
 * @property {() => string | null} shown the conversation whose HTML is wanted with a new state
 */

const FIRST_RETRY = 3000;
const LAST_RETRY = 30000;

/**
 * Ask for the state, and keep it.
 * @param {Model} model
 * @param {Hearer} hearer
 */
export function link(model, hearer) {
  const view = Math.random().toString(36).slice(2);
  /** @type {Copy} */
  const copy = {
    known: false,
    state: emptyState(),
    header: { title: "", note: "", total: 0, counts: {}, corrections: 0, spent: [], stopping: false },
    words: { signs: {}, tones: {}, stops: {}, standings: {}, roles: {}, checks: {} },
    html: new Map(),
    quotes: {},
    startedAt: performance.now(),
  };
  let seq = 0;
  let asking = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;

  /** @param {number} wait until it is asked again: a kernel that computes answers late, one that is gone never */
  function hello(wait = FIRST_RETRY) {
    asking = true;
    model.send({ type: "hello", view, open: hearer.shown() });
    clearTimeout(retry);
    retry = setTimeout(() => hello(Math.min(2 * wait, LAST_RETRY)), wait);
  }

  /** @param {StateMessage} message */
  function takeState(message) {
    asking = false;
    clearTimeout(retry);
    seq = message.seq;
    copy.known = true;
    copy.state = fromPlain(message.state);
    copy.header = message.header;
    copy.words = message.words;
    copy.html = new Map();
    copy.quotes = {};
    copy.startedAt = performance.now() - 1000 * message.elapsed;
    takeBeside(message);
    hearer.onState();
  }

  /** @param {BatchMessage} message */
  function takeBatch(message) {
    if (asking || message.seq <= seq) return;
    if (message.seq > seq + 1) return hello();
    seq = message.seq;
    for (const event of message.events) {
      if (event.kind === "run_started") copy.startedAt = performance.now() - 1000 * event.at;
      apply(copy.state, event);
    }
    if (message.header) copy.header = message.header;
    takeBeside(message);
    hearer.onEvents(message.events);
  }

  /** @param {{html: Record<string, string>, quotes: Quotes}} message */
  function takeBeside({ html, quotes }) {
    for (const [key, value] of Object.entries(html)) copy.html.set(key, value);
    for (const [key, value] of Object.entries(quotes)) copy.quotes[key] = { ...copy.quotes[key], ...value };
  }

  /** @param {KernelMessage} message */
  function heard(message) {
    switch (message?.type) {
      case "state":
        return message.to === view && asking ? takeState(message) : undefined;
      case "batch":
        return takeBatch(message);
      case "details":
        if (message.to !== view) return;
        takeBeside(message);
        return hearer.onDetails(message.key);
    }
  }

  model.on("msg:custom", heard);
  return {
    copy,
    start: () => hello(),
    stop: () => model.send({ type: "stop" }),
    /** @param {string} key */
    open: (key) => model.send({ type: "open", view, key }),
    close() {
      clearTimeout(retry);
      model.off("msg:custom", heard);
    },
  };
}
