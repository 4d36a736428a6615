// What a transcript is made of, turn by turn: the messages, and what was made of them.

import {
  aboutNode,
  checkNode,
  chip,
  doubtNode,
  endNode,
  messageNode,
  rejectionNode,
  retryNode,
  releaseNode,
  scoresNode,
  spentNode,
  streamingNode,
  typingNode,
} from "./bubbles.js";
import { h } from "./dom.js";
import { capitalised, standing } from "./words.js";

/**
 * @import {Item} from "./dom.js"
 * @import {Copy} from "./link.js"
 * @import {Conversation, ScoreLine} from "./types"
 */

/**
 * @typedef {Item & {turn: number, rank: number, place?: number}} Piece an item of a turn; `place` is a message's own
 */

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 * @param {boolean} [canAct] whether something can be done with its messages
 * @param {number} [before] so many turns are counted before its own
 * @returns {Piece[]} turn by turn: what a guard stopped, the messages, and what was made of them
 */
export function pieces(copy, conversation, canAct = false, before = 0) {
  const { attempt, checks, doubts, rejections, released, retries, turn_usage } = conversation;
  const testCase = copy.state.cases.get(conversation.case_id);
  const attemptKey = `${conversation.key}#${attempt}`;
  const places = copy.quotes[attemptKey] ?? {};
  /** @type {Piece[]} */
  const all = [];
  const add = (
    /** @type {number} */ turn,
    /** @type {number} */ rank,
    /** @type {string} */ name,
    /** @type {string | number | undefined} */ version,
    /** @type {() => HTMLElement} */ make,
    /** @type {number | undefined} */ place = undefined,
  ) => all.push({ turn, rank, key: `${attemptKey} ${name}`, version: version ?? "", make, place });

  if (testCase) add(-1, 0, "about", 0, () => aboutNode(testCase));
  rejections.forEach((each, n) => add(each.turn, 0, `rejected ${n}`, 0, () => rejectionNode(each)));
  conversation.messages.forEach((each, place) => {
    const html = copy.html.get(`${attemptKey}.${place}`);
    const turn = conversation.message_turns[place] ?? 0;
    const version = `${html === undefined ? "plain" : "html"} ${canAct} ${before}`;
    // Doubts are about the user's words, and stand between them and the agent's.
    const rank = each.role === "user" ? 1 : 1.5;
    add(turn, turn ? rank : 1, `message ${place}`, version, () => messageNode(copy, each, place, turn && turn + before, html, canAct), place);
  });
  doubts.forEach((each, n) => add(each.turn, 1.2, `doubt ${n}`, 0, () => doubtNode(each)));
  retries.forEach((each, n) => add(each.turn, 1.3, `retry ${n}`, 0, () => retryNode(each)));
  released.forEach((each, n) => {
    const place = places[each.quote];
    add(each.turn, 2, `released ${n}`, place, () => releaseNode(each, place));
  });
  checks.forEach((each, n) => {
    const place = places[each.evidence];
    add(each.turn, 3, `check ${n}`, place, () => checkNode(copy, each, place));
  });
  for (const [turn, usage] of Object.entries(turn_usage)) {
    const tokens = usage.input_tokens + usage.output_tokens;
    if (Number(turn) && tokens) add(Number(turn), 4, `spent ${turn}`, tokens, () => spentNode(usage));
  }
  const scored = copy.scores.get(conversation.key);
  for (const [turn, said] of byTurn(scored?.said ?? [])) {
    add(turn, 3.5, `scores ${turn}`, scored?.as_of, () => scoresNode(said));
  }
  return all.sort((one, other) => one.turn - other.turn || one.rank - other.rank);
}

/**
 * @param {ScoreLine[]} said
 * @returns {Map<number, ScoreLine[]>} those of single turns
 */
function byTurn(said) {
  /** @type {Map<number, ScoreLine[]>} */
  const turns = new Map();
  for (const each of said) if (each.turn !== null) turns.set(each.turn, [...(turns.get(each.turn) ?? []), each]);
  return turns;
}

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 * @param {boolean} [canAct] whether something can be done with it
 * @returns {Item[]} what stands under the last message: text that streams, who is writing, or the end
 */
export function lastPieces(copy, conversation, canAct = false) {
  const { words, state } = copy;
  const key = `${conversation.key}#${conversation.attempt} last`;
  if (conversation.stop !== null) {
    const now = standing(conversation);
    const verdict = `${words.signs[now] ?? ""} ${words.standings[now] ?? now}`;
    const stop = words.stops[conversation.stop] ?? conversation.stop;
    const scored = copy.scores.get(conversation.key);
    const whole = (scored?.said ?? []).filter((each) => each.turn === null);
    const traced = canAct && conversation.last_trace_id !== "";
    const make = () => endNode(words.tones[now] ?? "void", verdict, stop, conversation.detail, whole, traced);
    return [{ key, version: `end ${conversation.stop} ${conversation.detail} ${scored?.as_of ?? 0} ${traced}`, make }];
  }
  if (conversation.status === "waiting") {
    return [{ key, version: "waiting", make: () => h("div", { class: "cs-end" }, chip("quiet", "waiting for its turn")) }];
  }
  if (conversation.status === "paused") {
    return [{ key, version: "paused", make: () => h("div", { class: "cs-end" }, chip("live", "‖ paused")) }];
  }
  if (state.in_flight.has(conversation.key)) return [{ key, version: "streaming", make: streamingNode }];
  const agentIsNext = conversation.messages.at(-1)?.role === "user";
  const role = agentIsNext ? "assistant" : "user";
  const who = capitalised(words.roles[agentIsNext ? "assistant/agent" : "user/simulated"] ?? role);
  return [{ key, version: `typing ${role}`, make: () => typingNode(role, who) }];
}
