// The browser's end of the protocol: a copy of the run's state, kept by numbered batches.

import { channel } from "./channel.js";
import { apply, emptyState, fromPlain } from "./fold.js";

/**
 * @import {BatchMessage, Header, KernelMessage, Model, Quotes, RunEvent, RunState, Scores, StateMessage, Words} from "./types"
 */

/**
 * @typedef {object} Copy what a view knows of the run
 * @property {boolean} known whether the kernel has answered yet
 * @property {RunState} state
 * @property {Header} header
 * @property {Words} words
 * @property {Map<string, string>} html safe HTML by message key
 * @property {Quotes} quotes
 * @property {Map<string, Scores[string]>} scores by conversation
 * @property {number} startedAt when it started, or was last played on, on this page's clock, in milliseconds
 * @property {Map<string, number>} heardAt by conversation, when something happened in it, on the same clock
 * @property {boolean} lost the kernel does not answer any more
 * @property {boolean} gone it was restarted: what played is over
 */

/**
 * @typedef {object} Hearer
 * @property {() => void} onState everything may have changed
 * @property {(events: RunEvent[]) => void} onEvents these happened
 * @property {(key: string) => void} onDetails HTML of a conversation has come
 * @property {() => void} onLost the kernel went silent, or speaks again
 * @property {() => string | null} shown the conversation whose HTML is wanted with a new state
 */

/** So many conversations' HTML is kept; that of others is asked for again. */
const KEPT = 24;
/** With so many messages the page begins to forget. */
const MANY = 1000;

/** What played, or was held, when the kernel was restarted. */
const CUT_SHORT = { running: "cut short", paused: "cut short", waiting: "cut short" };

/** @returns {Copy} what a view knows that has heard nothing yet */
export const emptyCopy = () => ({
  known: false,
  state: emptyState(),
  header: { title: "", note: "", total: 0, counts: {}, rate: "", left: null, corrections: 0, spent: [], stopping: false, steering: {} },
  words: { signs: {}, tones: {}, stops: {}, standings: {}, roles: {}, checks: {}, partings: {} },
  html: new Map(),
  quotes: {},
  scores: new Map(),
  startedAt: performance.now(),
  heardAt: new Map(),
  lost: false,
  gone: false,
});

/**
 * @param {Copy} copy
 * @param {string} key of a conversation
 * @returns {boolean} whether it has messages from before this page knew the run, or scores that it does not know
 */
export function lacks(copy, key) {
  const { scored = 0 } = copy.header.steering;
  if (scored && copy.scores.get(key)?.as_of !== scored) return true;
  const { messages = [], attempt = 0 } = copy.state.conversations.get(key) ?? {};
  return messages.some((_, place) => !copy.html.has(`${key}#${attempt}.${place}`));
}

/**
 * Ask for the state, and keep it.
 * @param {Model} model
 * @param {Hearer} hearer
 */
export function link(model, hearer) {
  const copy = emptyCopy();
  const kernel = channel(model, {
    onState: takeState,
    onMessage: heard,
    onLost() {
      copy.lost = kernel.lost;
      copy.gone = kernel.gone;
      if (copy.gone) copy.words = { ...copy.words, standings: { ...copy.words.standings, ...CUT_SHORT } };
      hearer.onLost();
    },
    asked: () => ({ open: hearer.shown() }),
    isOver: () => copy.state.ended,
  });
  let seq = 0;

  /** @param {StateMessage} message */
  function takeState(message) {
    seq = message.seq;
    copy.known = true;
    copy.state = fromPlain(message.state);
    copy.header = message.header;
    copy.words = message.words;
    copy.html = new Map();
    copy.quotes = {};
    copy.scores = new Map();
    copy.startedAt = performance.now() - 1000 * message.elapsed;
    copy.heardAt = new Map();
    takeBeside(message);
    hearer.onState();
  }

  /** @param {BatchMessage} message */
  function takeBatch(message) {
    if (kernel.asking || message.seq <= seq) return;
    if (message.seq > seq + 1) return kernel.hello();
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

  /** @param {{html: Record<string, string>, quotes: Quotes, scores?: Scores}} message */
  function takeBeside({ html, quotes, scores }) {
    for (const [key, value] of Object.entries(scores ?? {})) copy.scores.set(key, value);
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
    if (message?.type === "batch") return takeBatch(message);
    if (message?.type !== "details") return;
    takeBeside(message);
    hearer.onDetails(message.key);
  }

  return {
    copy,
    start: kernel.hello,
    stop: () => kernel.send({ type: "stop" }),
    /** @param {string} key */
    open: (key) => kernel.say("open", { key }),
    ask: kernel.ask,
    watch: kernel.watch,
    close: kernel.close,
  };
}
