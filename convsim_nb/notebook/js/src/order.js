// In which order conversations are listed, which of them, and which one is shown to somebody who has chosen none.

import { standing } from "./words.js";

/** @import {Conversation, RunState, Standing} from "./types" */

/**
 * @typedef {object} Filter what the list is cut down to; empty strings cut nothing
 * @property {string} standing a verdict, a status, `assisted`, `forked`, `labelled` or `corrected`
 * @property {string} guard `any`, or a guard's name
 * @property {string} text words that stand in the conversation or its case
 * @property {boolean} byCase all trials of a case together
 */

/** @type {Filter} */
export const ALL = { standing: "", guard: "", text: "", byCase: false };

/** @type {Standing[]} */
const WHILE_IT_RUNS = ["running", "paused", "not_reached", "void", "reached", "waiting", "ended"];
/** @type {Standing[]} */
const AFTER = ["not_reached", "void", "reached", "waiting", "running", "paused", "ended"];

/**
 * Running ones first while the run runs, failures first after it; case order within.
 * @param {RunState} state
 * @param {Filter} [filter]
 * @param {Record<string, unknown>} [labels] by key
 * @returns {Conversation[]}
 */
export function listed(state, filter = ALL, labels = {}) {
  const order = state.ended ? AFTER : WHILE_IT_RUNS;
  const place = new Map(order.map((each, n) => [each, n]));
  const every = [...state.conversations.values()].filter((each) => fits(state, each, filter, labels));
  if (filter.byCase) return together(every);
  return every.sort((one, other) => (place.get(standing(one)) ?? 0) - (place.get(standing(other)) ?? 0));
}

/**
 * @param {Conversation[]} conversations in case order, forks last
 * @returns {Conversation[]} those of a case next to each other
 */
function together(conversations) {
  /** @type {Map<string, Conversation[]>} */
  const groups = new Map();
  for (const each of conversations) groups.set(each.case_id, [...(groups.get(each.case_id) ?? []), each]);
  return [...groups.values()].flat();
}

/**
 * @param {RunState} state
 * @param {Conversation} conversation
 * @param {Filter} filter
 * @param {Record<string, unknown>} labels
 */
function fits(state, conversation, { standing: wanted, guard, text }, labels) {
  if (wanted && !stands(conversation, wanted, labels)) return false;
  if (guard && !guards(conversation).some((each) => guard === "any" || each === guard)) return false;
  return !text || words(state, conversation).includes(text.toLowerCase());
}

/**
 * @param {Conversation} conversation
 * @param {string} wanted
 * @param {Record<string, unknown>} labels
 */
function stands(conversation, wanted, labels) {
  switch (wanted) {
    case "assisted":
      return isAssisted(conversation);
    case "forked":
      return conversation.origin !== null;
    case "labelled":
      return conversation.key in labels;
    case "corrected":
      return conversation.released.some((each) => each.kind === "correction" && each.quote);
    default:
      return standing(conversation) === wanted;
  }
}

/**
 * @param {Conversation} conversation
 * @returns {boolean} whether a person spoke in the user's place
 */
export const isAssisted = (conversation) => conversation.messages.some((each) => each.source === "operator");

/**
 * @param {Conversation} conversation
 * @returns {string[]} the guards that found something in it
 */
export const guards = ({ rejections, doubts }) => [...rejections, ...doubts].map((each) => each.guard);

/**
 * @param {RunState} state
 * @returns {string[]} all guards that found something in the run
 */
export const everyGuard = (state) => [...new Set([...state.conversations.values()].flatMap(guards))].sort();

/**
 * @param {RunState} state
 * @param {Conversation} conversation
 */
function words(state, conversation) {
  const testCase = state.cases.get(conversation.case_id);
  const said = conversation.messages.map((each) => each.content);
  const about = [conversation.key, conversation.detail, testCase?.goal, testCase?.persona];
  return [...about, ...said].join("\n").toLowerCase();
}

/**
 * @param {RunState} state
 * @returns {string | null} the first that runs, else the first of the list
 */
export const firstToShow = (state) => listed(state)[0]?.key ?? null;

/**
 * What may stand beside a conversation: its origin, its forks, and the other conversations of its case.
 * @param {RunState} state
 * @param {Conversation} conversation
 * @returns {[string, string][]} keys, and what they are called
 */
export function relatives(state, { key, case_id: caseId, origin }) {
  const rank = (/** @type {Conversation} */ other) => (other.key === origin?.key ? 0 : other.origin?.key === key ? 1 : 2);
  return [...state.conversations.values()]
    .filter((other) => other.case_id === caseId && other.key !== key && other.messages.length > 0)
    .sort((one, other) => rank(one) - rank(other))
    .map((other) => [other.key, other.key === origin?.key ? `its origin, ${nameOf(other)}` : nameOf(other)]);
}

/**
 * @param {Conversation} conversation
 * @returns {string} `trial 1`, `fork of turn 2, by mended`
 */
export function nameOf({ trial, origin, agent, key }) {
  if (!origin) return `trial ${trial}`;
  const what = origin.how === "fork" ? `fork of turn ${origin.turn}` : "run again";
  return `${what}, by ${agent} (${key.slice(key.lastIndexOf("~") + 1)})`;
}

/**
 * The older of two first: an origin before its fork.
 * @param {RunState} state
 * @param {string} key
 * @param {string} other
 * @returns {[Conversation, Conversation] | null}
 */
export function inOrder(state, key, other) {
  const [shown, beside] = [state.conversations.get(key), state.conversations.get(other)];
  if (!shown || !beside) return null;
  const order = [...state.conversations.keys()];
  const first = shown.origin?.key === other || (beside.origin?.key !== key && order.indexOf(other) < order.indexOf(key));
  return first ? [beside, shown] : [shown, beside];
}

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
