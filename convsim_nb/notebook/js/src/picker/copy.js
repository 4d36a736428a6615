// What a page knows of the list: the kernel's word, kept by numbered batches, and what was clicked since.

import { channel } from "../channel.js";
import { withAll } from "./core.js";

/**
 * @import {Pick} from "./core.js"
 * @import {Head, Outcome, Row} from "./types"
 * @import {Model} from "../types"
 */

/**
 * @typedef {object} Hearer
 * @property {(before: Head | null, reset: boolean) => void} onChange something is new; `reset`: another list begins
 * @property {() => void} onLost the kernel went silent, or speaks again
 */

/**
 * @param {Model} model
 * @param {Hearer} hearer
 */
export function createCopy(model, { onChange, onLost }) {
  const kernel = channel(model, { onState, onMessage, onLost });
  /** All that is listed, the newest first. @type {Map<string, Row>} */
  const rows = new Map();
  /** @type {Map<string, Outcome>} */
  const outcomes = new Map();
  /** As the kernel says. @type {Set<string>} */
  let confirmed = new Set();
  /** What was clicked, and the kernel has not told of yet. @type {(Pick & {click: number})[]} */
  let pending = [];
  /** Both together: what is shown as selected. @type {ReadonlySet<string>} */
  let picked = new Set();
  /** @type {Head | null} */
  let head = null;
  let clicks = 0;
  let seq = 0;

  /** @param {any} message */
  function onState(message) {
    seq = message.seq;
    rows.clear();
    outcomes.clear();
    pending = [];
    confirmed = new Set(message.selected);
    take(message, false);
  }

  /** @param {any} message */
  function onMessage(message) {
    if (message?.type === "picked") return settle(message.click);
    if (message?.type !== "batch" || kernel.asking || message.seq <= seq) return;
    if (message.seq > seq + 1) return kernel.hello();
    seq = message.seq;
    if (message.reset) {
      rows.clear();
      pending = [];
      confirmed = new Set();
    }
    for (const id of message.added) confirmed.add(id);
    for (const id of message.removed) confirmed.delete(id);
    take(message, message.reset);
  }

  /** @param {number} click that the kernel has taken in */
  function settle(click) {
    pending = pending.filter((each) => each.click > click);
    picked = withAll(confirmed, pending);
    onChange(head, false);
  }

  /**
   * @param {{rows: Row[], outcomes: Record<string, Outcome>, head: Head}} message
   * @param {boolean} reset
   */
  function take(message, reset) {
    const before = head;
    for (const row of message.rows) rows.set(row.id, row);
    for (const [id, outcome] of Object.entries(message.outcomes)) outcomes.set(id, outcome);
    head = message.head;
    picked = withAll(confirmed, pending);
    onChange(before, reset);
  }

  return {
    rows,
    outcomes,
    get picked() {
      return picked;
    },
    get head() {
      return head;
    },
    get lost() {
      return kernel.lost;
    },
    get gone() {
      return kernel.gone;
    },
    start: kernel.hello,
    watch: kernel.watch,
    close: kernel.close,
    ask: (/** @type {string} */ what, /** @type {Record<string, unknown>} */ given = {}) => kernel.ask(what, given),
    /**
     * Show it at once, and tell the kernel.
     * @param {Pick} pick
     */
    change(pick) {
      clicks += 1;
      pending.push({ ...pick, click: clicks });
      picked = withAll(confirmed, pending);
      kernel.say("pick", { ...pick, click: clicks });
    },
  };
}
