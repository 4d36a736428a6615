// In which order conversations are listed, and which one is shown to somebody who has chosen none.

import { standing } from "./words.js";

/** @import {Conversation, RunState, Standing} from "./types" */

/** @type {Standing[]} */
const WHILE_IT_RUNS = ["running", "paused", "not_reached", "void", "reached", "waiting", "ended"];
/** @type {Standing[]} */
const AFTER = ["not_reached", "void", "reached", "waiting", "running", "paused", "ended"];

/**
 * Running ones first while the run runs, failures first after it; case order within.
 * @param {RunState} state
 * @returns {Conversation[]}
 */
export function listed(state) {
  const order = state.ended ? AFTER : WHILE_IT_RUNS;
  const place = (/** @type {Conversation} */ each) => order.indexOf(standing(each));
  return [...state.conversations.values()].sort((one, other) => place(one) - place(other));
}

/**
 * @param {RunState} state
 * @returns {string | null} the first that runs, else the first of the list
 */
export const firstToShow = (state) => listed(state)[0]?.key ?? null;

/**
 * The neighbour of `key` among `keys`, or null at the end of the list.
 * @param {string[]} keys
 * @param {string | null} key
 * @param {number} step
 */
export function neighbour(keys, key, step) {
  const here = key === null ? -1 : keys.indexOf(key);
  return keys[here < 0 ? (step > 0 ? 0 : keys.length - 1) : here + step] ?? null;
}

/**
 * The failure after `key`, going round.
 * @param {Conversation[]} conversations as listed
 * @param {string | null} key
 */
export function nextFailure(conversations, key) {
  const here = conversations.findIndex((each) => each.key === key);
  const round = [...conversations.slice(here + 1), ...conversations.slice(0, here + 1)];
  return round.find((each) => each.verdict === "not_reached")?.key ?? null;
}
