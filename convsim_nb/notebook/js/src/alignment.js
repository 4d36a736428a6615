// Two conversations side by side, paired by exchange: the same as convsim_nb/analysis/alignment.py.

/**
 * @import {Alignment, Conversation, Message, Pair, Parting} from "./types"
 */

const SPACES = /[ \t\n\r\f\v\u00a0]+/g;

/**
 * Pair two conversations by exchange, and find where they part.
 * @param {Conversation} first
 * @param {Conversation} second
 * @returns {Alignment}
 */
export function align(first, second) {
  const [ones, others] = [exchanges(first.messages), exchanges(second.messages)];
  const given = ones.filter((one) => one.every((place) => first.messages[place]?.source === "recorded")).length;
  /** @type {Pair[]} */
  const pairs = [];
  for (let n = 0; n < Math.max(ones.length, others.length); n++) {
    pairs.push({ turn: Math.max(n + 1 - given, 0), first: ones[n] ?? [], second: others[n] ?? [] });
  }
  for (const [place, pair] of pairs.entries()) {
    const how = parting(first, second, pair);
    if (how) return { pairs, parts: place, how };
  }
  return { pairs, parts: null, how: null };
}

/**
 * @param {Message[]} messages
 * @returns {number[][]} the places of the messages of each exchange: it begins where the user speaks
 */
function exchanges(messages) {
  /** @type {number[][]} */
  const all = [];
  messages.forEach((message, place) => {
    if (message.role === "user" || !all.length) all.push([]);
    all.at(-1)?.push(place);
  });
  return all;
}

/**
 * @param {Conversation} first
 * @param {Conversation} second
 * @param {Pair} pair
 * @returns {Parting | null}
 */
function parting(first, second, pair) {
  for (let n = 0; n < Math.max(pair.first.length, pair.second.length); n++) {
    const [one, other] = [first.messages[pair.first[n] ?? -1], second.messages[pair.second[n] ?? -1]];
    if (!one) return first.stop ? "first_ends" : null; // else it may still say the same
    if (!other) return second.stop ? "second_ends" : null;
    const how = difference(one, other);
    if (how) return how;
  }
  return null;
}

/**
 * @param {Message} one
 * @param {Message} other
 * @returns {Parting | null}
 */
function difference(one, other) {
  if (calls(one) !== calls(other)) return "tools"; // they come before the words
  if (one.role === other.role && said(one) === said(other)) return null;
  return one.role === "user" ? "user" : "agent";
}

/** @param {Message} message */
const said = ({ content }) => content.replace(SPACES, " ").replace(/^ | $/g, "");

/** @param {Message} message */
const calls = ({ tool_calls: made }) => JSON.stringify(made.map((call) => [call.name, sorted(call.arguments)]));

/**
 * @param {any} value
 * @returns {any} the same with the names of every object in order
 */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
}
