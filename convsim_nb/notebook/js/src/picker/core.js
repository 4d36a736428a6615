// The pure part of the list: what fits, in which order, what a click or a key selects, and the words of a row.

import { count } from "../words.js";

/**
 * @import {Job, Kind, Order, Outcome, Row, View} from "./types"
 */

// --- what is shown -------------------------------------------------------------------

/**
 * @param {Iterable<Row>} rows as listed, the newest first
 * @param {View} view
 * @param {ReadonlySet<string>} picked
 * @param {ReadonlyMap<string, Outcome>} outcomes
 * @returns {Row[]} those that fit, in order
 */
export function fitting(rows, { text, kind, order }, picked, outcomes) {
  const words = wordsOf(text);
  const fits = kindOf(kind, picked, outcomes);
  const found = [...rows].filter((row) => fits(row) && hasAll(row, words));
  const by = ORDERS[order];
  // Where two are alike, they stand as listed: sort is stable.
  return by ? found.sort(by) : found;
}

/**
 * @param {string} text
 * @returns {string[]} what has to be found, each anywhere
 */
export const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

/** @type {WeakMap<Row, string>} */
const folded = new WeakMap();

/**
 * @param {Row} row
 * @param {string[]} words
 */
function hasAll(row, words) {
  if (!words.length) return true;
  let text = folded.get(row);
  if (text === undefined) {
    text = [row.name, row.first, row.answer, ...row.marks, row.said].join("\n").toLowerCase();
    folded.set(row, text);
  }
  return words.every((word) => text.includes(word));
}

/**
 * @param {Kind} kind
 * @param {ReadonlySet<string>} picked
 * @param {ReadonlyMap<string, Outcome>} outcomes
 * @returns {(row: Row) => boolean}
 */
function kindOf(kind, picked, outcomes) {
  const isDone = (/** @type {Row} */ row) => outcomes.get(row.id)?.state === "done";
  switch (kind) {
    case "marked":
      return (row) => row.marks.length > 0;
    case "picked":
      return (row) => picked.has(row.id);
    case "fresh":
      return (row) => !isDone(row);
    case "distilled":
      return isDone;
    default:
      return () => true;
  }
}

/** @type {Record<Order, ((a: Row, b: Row) => number) | null>} */
const ORDERS = {
  newest: null,
  oldest: (a, b) => (a.at ?? Infinity) - (b.at ?? Infinity) || 0,
  turns: (a, b) => b.turns - a.turns,
  marks: (a, b) => b.marks.length - a.marks.length,
  slowest: (a, b) => b.seconds - a.seconds,
  text: (a, b) => (a.first || a.name).localeCompare(b.first || b.name),
};

// --- what is picked ------------------------------------------------------------------

/** @typedef {{add: string[], remove: string[]}} Pick what is taken in, and what is let go */

/**
 * @param {string[]} shown ids in the order of the list
 * @param {string} from
 * @param {string} to
 * @returns {string[]} those between, both ends with them; only `to` where the other is not shown
 */
export function between(shown, from, to) {
  const [a, b] = [shown.indexOf(from), shown.indexOf(to)];
  if (b < 0) return [];
  return a < 0 ? [to] : shown.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/**
 * @param {ReadonlySet<string>} picked
 * @param {string} id
 * @returns {Pick}
 */
export const toggled = (picked, id) => (picked.has(id) ? { add: [], remove: [id] } : { add: [id], remove: [] });

/**
 * A range takes on the state of the row it began at: it was clicked before, and picked or let go.
 * @param {ReadonlySet<string>} picked
 * @param {string[]} shown
 * @param {string} from
 * @param {string} to
 * @returns {Pick}
 */
export function ranged(picked, shown, from, to) {
  const ids = between(shown, from, to);
  const letGo = shown.includes(from) && !picked.has(from);
  return letGo ? { add: [], remove: ids.filter((id) => picked.has(id)) } : { add: ids.filter((id) => !picked.has(id)), remove: [] };
}

/**
 * While Shift is held the range follows: what it no longer spans is as it was before.
 * @param {ReadonlySet<string>} before what was picked when Shift went down
 * @param {ReadonlySet<string>} picked now
 * @param {string[]} shown
 * @param {string} from
 * @param {string} to
 * @returns {Pick}
 */
export function stretched(before, picked, shown, from, to) {
  const wanted = new Set(before);
  for (const id of between(shown, from, to)) wanted.add(id);
  return difference(picked, wanted);
}

/**
 * @param {ReadonlySet<string>} picked
 * @param {ReadonlySet<string>} wanted
 * @returns {Pick}
 */
export function difference(picked, wanted) {
  return { add: [...wanted].filter((id) => !picked.has(id)), remove: [...picked].filter((id) => !wanted.has(id)) };
}

/**
 * @param {ReadonlySet<string>} picked
 * @param {string[]} shown
 * @returns {Pick} all that are shown; none of them where all are picked already
 */
export function all(picked, shown) {
  const left = shown.filter((id) => !picked.has(id));
  return left.length ? { add: left, remove: [] } : { add: [], remove: shown };
}

/**
 * @param {ReadonlySet<string>} picked
 * @param {Pick[]} changes that the kernel has not confirmed yet
 * @returns {Set<string>}
 */
export function withAll(picked, changes) {
  const now = new Set(picked);
  for (const { add, remove } of changes) {
    for (const id of add) now.add(id);
    for (const id of remove) now.delete(id);
  }
  return now;
}

/** What each key does. */
export const KEYS = /** @type {[string, string][]} */ ([
  ["↑  ↓", "session before, next session"],
  ["space", "select it, or let it go"],
  ["shift + ↑  ↓", "select on the way"],
  ["ctrl + a", "select all that are shown, or none"],
  ["enter", "read the session"],
  ["j  k", "next session, session before"],
  ["esc", "close the transcript"],
  ["/", "search what is loaded"],
  ["e", "choose the experiment"],
  ["d", "distill what is selected"],
  ["?", "this help"],
]);

// --- words ---------------------------------------------------------------------------

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * @param {number | null} at milliseconds since the epoch
 * @param {number} now
 * @returns {string} `5 min ago`, `3 h ago`, `2 d ago`, `14 Mar`, `14 Mar 2025`
 */
export function whenWords(at, now) {
  if (at === null) return "";
  const gone = now - at;
  if (gone < MINUTE) return gone < -MINUTE ? dayWords(at, now) : "just now";
  if (gone < HOUR) return `${Math.floor(gone / MINUTE)} min ago`;
  if (gone < DAY) return `${Math.floor(gone / HOUR)} h ago`;
  return gone < 14 * DAY ? `${Math.floor(gone / DAY)} d ago` : dayWords(at, now);
}

/**
 * @param {number} at
 * @param {number} now
 */
function dayWords(at, now) {
  const day = new Date(at);
  const sameYear = day.getFullYear() === new Date(now).getFullYear();
  return day.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) });
}

/**
 * How a session is doing in the job; empty where it was never in one.
 * @param {Outcome | undefined} outcome
 * @returns {string}
 */
export function outcomeWords(outcome) {
  switch (outcome?.state) {
    case "waiting":
      return "waiting";
    case "reading":
      return "distilling …";
    case "done":
      return outcome.problems.length ? `${count(outcome.cases, "case")}, ${count(outcome.problems.length, "problem")}` : count(outcome.cases, "case");
    case "failed":
      return "no case";
    default:
      return "";
  }
}

/**
 * @param {{listed: number, shown: number, complete: boolean, cut: boolean}} how
 * @returns {string} `100 loaded so far`, `7 of 100 loaded so far`, `24 sessions`
 */
export function tallyWords({ listed, shown, complete, cut }) {
  const whole = complete ? count(listed, "session") : `${listed.toLocaleString("en-US")} loaded so far`;
  return cut ? `${shown.toLocaleString("en-US")} of ${whole}` : whole;
}

/**
 * @param {Job} job
 * @returns {string}
 */
export function jobWords(job) {
  const cases = count(job.cases, "test case");
  const total = count(job.total, "session");
  const done = (job.done - job.failed).toLocaleString("en-US");
  if (job.stage === "reading") return `Reading ${total}: ${job.read.toLocaleString("en-US")} read`;
  if (job.stage === "distilling") return `${job.done.toLocaleString("en-US")} of ${total}, ${cases} so far`;
  const how = job.stopping ? "Stopped: " : "";
  return job.failed ? `${how}${done} of ${total} distilled, ${cases}` : `${total} distilled, ${cases}`;
}

/**
 * Where words were found in a text: pieces of it, those that fit marked.
 * @param {string} text
 * @param {string[]} words
 * @returns {{text: string, found: boolean}[]}
 */
export function pieces(text, words) {
  if (!words.length) return [{ text, found: false }];
  const pattern = new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "giu");
  return text
    .split(pattern)
    .map((piece, n) => ({ text: piece, found: n % 2 === 1 }))
    .filter((piece) => piece.text);
}

/**
 * Where the first of the words stands in a text that is not shown from its beginning.
 * @param {Row} row
 * @param {string[]} words
 * @returns {string} `… refund of the kettle …`; empty where what is shown anyway holds them all
 */
export function elsewhere(row, words) {
  const seen = `${row.first.slice(0, 60)}\n${row.name}\n${row.marks.join("\n")}`.toLowerCase();
  const word = words.find((each) => !seen.includes(each));
  if (word === undefined) return "";
  const text = [row.first, row.answer, row.said].find((each) => each.toLowerCase().includes(word)) ?? "";
  const at = text.toLowerCase().indexOf(word);
  if (at < 0) return "";
  const from = Math.max(0, at - 24);
  return `${from ? "… " : ""}${text.slice(from, at + 120)}`;
}
