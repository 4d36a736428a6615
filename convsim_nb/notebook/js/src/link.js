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
 * @property {Map<string, number>} heardAt by conversation, when something happened in it, on the same clock
 * @property {boolean} lost the kernel does not answer any more
 */

/**
 * @typedef {object} Hearer
 * @property {() => void} onState everything may have changed
 * @property {(events: RunEvent[]) => void} onEvents these happened
 * @property {(key: string) => void} onDetails HTML of a conversation has come
 * @property {() => void} onLost the kernel went silent, or speaks again
 * @property {() => string | null} shown the conversation whose HTML is wanted with a new state
 */

const FIRST_RETRY = 3000;
const LAST_RETRY = 30000;
/** After so long a silence of a run that plays, the kernel is asked whether it is there; in milliseconds. */
const SILENCE = 15000;
/** So long it may take to answer, if it is busy. */
const PATIENCE = 8000;
/** So long a wish is waited for: a fork in a run that is over may have to open a store. */
const WAITED = 60000;
/** So many conversations' HTML is kept; that of others is asked for again. */
const KEPT = 24;
/** With so many messages the page begins to forget. */
const MANY = 1000;

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
    header: { title: "", note: "", total: 0, counts: {}, rate: "", left: null, corrections: 0, spent: [], stopping: false, steering: {} },
    words: { signs: {}, tones: {}, stops: {}, standings: {}, roles: {}, checks: {} },
    html: new Map(),
    quotes: {},
    startedAt: performance.now(),
    heardAt: new Map(),
    lost: false,
  };
  /** @type {Map<string, {done: (result: Record<string, any>) => void, refused: (problem: Error) => void}>} */
  const wishes = new Map();
  let spokeAt = performance.now();
  let pingedAt = 0;
  let seq = 0;
  let asking = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;

  /** @param {unknown} message */
  function send(message) {
    try {
      model.send(message);
    } catch {
      silent(); // the kernel is gone, and its channel with it
    }
  }

  function silent() {
    if (copy.lost || copy.state.ended) return;
    copy.lost = true;
    hearer.onLost();
  }

  /** Ask whether the kernel is there, where it has said nothing for long; called each second. */
  function watch() {
    if (!copy.known || copy.state.ended) return;
    const now = performance.now();
    if (pingedAt > spokeAt && now - pingedAt > PATIENCE) silent();
    if (now - Math.max(spokeAt, pingedAt) > (copy.lost ? PATIENCE : SILENCE)) {
      pingedAt = now;
      send({ type: "ping", view });
    }
  }

  /** @param {number} wait until it is asked again: a kernel that computes answers late, one that is gone never */
  function hello(wait = FIRST_RETRY) {
    asking = true;
    send({ type: "hello", view, open: hearer.shown() });
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
    copy.heardAt = new Map();
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
      if ("key" in event) copy.heardAt.set(event.key, performance.now());
    }
    if (message.header) copy.header = message.header;
    takeBeside(message);
    hearer.onEvents(message.events);
  }

  /** @param {{html: Record<string, string>, quotes: Quotes}} message */
  function takeBeside({ html, quotes }) {
    for (const [key, value] of Object.entries(html)) copy.html.set(key, value);
    for (const [key, value] of Object.entries(quotes)) copy.quotes[key] = { ...copy.quotes[key], ...value };
    if (copy.html.size > MANY) forgetHtml();
  }

  /** Keep the HTML of the conversations that were heard or looked at last, so that the page does not grow. */
  function forgetHtml() {
    const shown = hearer.shown();
    const attempts = [...new Set([...copy.html.keys()].map((key) => key.slice(0, key.lastIndexOf("."))))];
    const gone = new Set(attempts.slice(0, -KEPT).filter((each) => each.slice(0, each.lastIndexOf("#")) !== shown));
    for (const key of copy.html.keys()) if (gone.has(key.slice(0, key.lastIndexOf(".")))) copy.html.delete(key);
  }

  /** @param {KernelMessage} message */
  function heard(message) {
    spokeAt = performance.now();
    if (copy.lost) {
      copy.lost = false;
      hearer.onLost();
    }
    switch (message?.type) {
      case "state":
        return message.to === view && asking ? takeState(message) : undefined;
      case "batch":
        return takeBatch(message);
      case "details":
        if (message.to !== view) return;
        takeBeside(message);
        return hearer.onDetails(message.key);
      case "done":
      case "refused": {
        if (message.to !== view) return;
        const wish = wishes.get(message.id);
        wishes.delete(message.id);
        if (message.type === "done") wish?.done(message.result);
        else wish?.refused(new Error(message.problem));
      }
    }
  }

  /**
   * Ask the kernel to do something; it does each wish once.
   * @param {string} what
   * @param {Record<string, unknown>} given
   * @returns {Promise<Record<string, any>>} its answer; refused with a line for the person
   */
  function ask(what, given) {
    const id = `${view}-${Math.random().toString(36).slice(2)}`;
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => {
        if (wishes.delete(id)) reject(new Error("The kernel has not answered: it is busy, or gone."));
      }, WAITED);
      const over = () => clearTimeout(patience);
      wishes.set(id, { done: (result) => (over(), resolve(result)), refused: (error) => (over(), reject(error)) });
      send({ type: "do", view, id, what, given });
    });
  }

  model.on("msg:custom", heard);
  return {
    copy,
    start: () => hello(),
    stop: () => send({ type: "stop" }),
    /** @param {string} key */
    open: (key) => send({ type: "open", view, key }),
    ask,
    watch,
    close() {
      clearTimeout(retry);
      model.off("msg:custom", heard);
    },
  };
}
