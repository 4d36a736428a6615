// Two transcripts side by side: what they share once, then the mark of the first difference, then turn beside turn.

import { align } from "./alignment.js";
import { streamInto } from "./bubbles.js";
import { h, reconcile, setText } from "./dom.js";
import { inOrder, nameOf } from "./order.js";
import { lastPieces, pieces } from "./pieces.js";
import { count, standing } from "./words.js";

/**
 * @import {Item} from "./dom.js"
 * @import {Copy} from "./link.js"
 * @import {Piece} from "./pieces.js"
 * @import {Alignment, Conversation, Pair} from "./types"
 */

/**
 * @typedef {object} Side
 * @property {Copy} copy what is known of its run
 * @property {Conversation} conversation
 * @property {string} name
 */

/**
 * @param {Copy} copy
 * @param {string | null} shown
 * @param {string | null} beside
 * @returns {[Side, Side] | null} both, the older first; null where there are no two
 */
export function sidesOf(copy, shown, beside) {
  const both = shown !== null && beside !== null ? inOrder(copy.state, shown, beside) : null;
  if (!both) return null;
  const [one, other] = both;
  return [{ copy, conversation: one, name: nameOf(one) }, { copy, conversation: other, name: nameOf(other) }];
}

/**
 * Make the children of a node those of two conversations.
 * @param {HTMLElement} log
 * @param {[Side, Side]} sides
 */
export function paintSides(log, sides) {
  const [one, other] = sides;
  const found = align(one.conversation, other.conversation);
  const shared = found.pairs.slice(0, found.parts ?? found.pairs.length);
  const rest = found.pairs.slice(shared.length);
  const sorted = sides.map((side) => exchanges(side, found.pairs));
  /** @type {Item[]} */
  const items = [];
  if (shared.length) items.push(sharedItem(shared, sorted[0] ?? []));
  items.push(headItem(sides), markItem(found, sides));
  rest.forEach((pair, n) => {
    const number = shared.length + n;
    items.push(rowItem(`pair ${number}`, turnWords(pair), sides, sorted.map((each) => each[number] ?? [])));
  });
  items.push(rowItem("last", "", sides, sides.map(({ copy, conversation }) => lastPieces(copy, conversation))));
  reconcile(log, items);
  sides.forEach(({ copy, conversation }, place) => {
    const stream = log.querySelector(`[data-side="${place}"] .cs-streaming`)?.parentElement;
    if (stream) streamInto(stream, copy.state.in_flight.get(conversation.key) ?? "");
  });
}

/**
 * @param {Side} side
 * @param {Pair[]} pairs
 * @returns {Piece[][]} its pieces by exchange: what belongs to a turn stands with the turn's messages
 */
function exchanges({ copy, conversation }, pairs) {
  const { message_turns: turns } = conversation;
  /** @type {Piece[][]} */
  const all = [];
  /** Which exchange has the messages of a turn, and each message. @type {Map<number, number>} */
  const ofTurn = new Map();
  /** @type {number[]} */
  const ofPlace = [];
  conversation.messages.forEach((message, place) => {
    if (message.role === "user" || !all.length) all.push([]);
    ofPlace.push(all.length - 1);
    ofTurn.set(turns[place] ?? 0, all.length - 1);
  });
  // A fork counts its turns from where it began; beside its origin they bear the origin's numbers.
  const first = turns.findIndex((turn) => turn > 0);
  const before = (pairs[ofPlace[first] ?? -1]?.turn ?? 1) - (turns[first] ?? 1);
  for (const piece of pieces(copy, conversation, false, before)) {
    if (piece.turn < 0) continue; // about the case, which is the same
    const at = piece.place === undefined ? ofTurn.get(piece.turn) : ofPlace[piece.place];
    all[at ?? all.length - 1]?.push(piece);
  }
  return all;
}

/**
 * @param {Pair[]} shared
 * @param {Piece[][]} said by the first
 * @returns {Item}
 */
function sharedItem(shared, said) {
  const inside = shared.flatMap((_, n) => said[n] ?? []);
  const words = sharedWords(shared);
  const update = (/** @type {HTMLElement} */ node) => {
    const [summary, body] = /** @type {HTMLElement[]} */ ([...node.children]);
    if (!summary || !body) return;
    setText(summary, words);
    reconcile(body, inside);
  };
  const make = () => {
    const body = h("div", { class: "cs-shared-said", "data-side": 0 });
    const node = h("details", { class: "cs-shared" }, h("summary", {}), body);
    update(node);
    return node;
  };
  return { key: "shared", version: words + versionOf(inside), make, update };
}

/** @param {Pair[]} shared */
function sharedWords(shared) {
  const turns = shared.map((pair) => pair.turn).filter(Boolean);
  const history = turns.length < shared.length ? "given history" : "";
  const numbers = turns.length === 1 ? `turn ${turns[0]}` : turns.length ? `turns ${turns[0]} to ${turns.at(-1)}` : "";
  const messages = shared.reduce((total, pair) => total + pair.first.length, 0);
  return `The same in both: ${[history, numbers].filter(Boolean).join(" and ")}, ${count(messages, "message")}`;
}

/**
 * @param {[Side, Side]} sides
 * @returns {Item}
 */
function headItem(sides) {
  const cells = sides.map(({ copy: { words }, conversation, name }) => {
    const now = standing(conversation);
    return { name, tone: words.tones[now] ?? "live", badge: `${words.signs[now] ?? ""} ${words.standings[now] ?? now}` };
  });
  const make = () =>
    h(
      "div",
      { class: "cs-pair cs-pair-head" },
      ...cells.map(({ name, tone, badge }) =>
        h("div", { class: "cs-half" }, h("strong", { dir: "auto" }, name), h("span", { class: `cs-chip cs-tone-${tone}` }, badge)),
      ),
    );
  return { key: "head", version: JSON.stringify(cells), make };
}

/**
 * @param {Alignment} found
 * @param {[Side, Side]} sides
 * @returns {Item}
 */
function markItem(found, sides) {
  const words = partingWords(found, sides);
  const parted = found.how !== null;
  const make = () => h("div", { class: parted ? "cs-mark" : "cs-mark cs-mark-none", role: "note" }, words);
  return { key: "mark", version: words, make };
}

/**
 * Where two conversations part, and how: the same words as in convsim_nb/views/side_by_side.py.
 * @param {Alignment} found
 * @param {[Side, Side]} sides
 */
export function partingWords({ pairs, parts, how }, [one, other]) {
  const { partings } = one.copy.words;
  const pair = pairs[parts ?? -1];
  if (how && pair) {
    /** @type {Record<string, string>} */
    const names = { "{first}": one.name, "{second}": other.name };
    const said = (partings[how] ?? how).replace(/\{first\}|\{second\}/g, (each) => names[each] ?? each);
    return `First difference, ${turnWords(pair)}: ${said}`;
  }
  const [first, second] = [one.conversation, other.conversation];
  if (!first.stop || !second.stop) return partings.so_far ?? "";
  return partings[first.verdict === second.verdict ? "throughout" : "judged"] ?? "";
}

/** @param {Pair} pair */
const turnWords = ({ turn }) => (turn ? `turn ${turn}` : "given history");

/**
 * One exchange of both, in a row of two.
 * @param {string} key
 * @param {string} title
 * @param {[Side, Side]} sides
 * @param {Item[][]} said by each
 * @returns {Item}
 */
function rowItem(key, title, sides, said) {
  const update = (/** @type {HTMLElement} */ node) => {
    const halves = /** @type {HTMLElement[]} */ ([...node.querySelectorAll(":scope > .cs-half > .cs-half-said")]);
    halves.forEach((half, place) => reconcile(half, said[place]?.length ? (said[place] ?? []) : [over()]));
  };
  const make = () => {
    const halves = sides.map(({ name }, place) =>
      h(
        "div",
        { class: "cs-half", "data-side": place },
        h("div", { class: "cs-half-of", dir: "auto" }, name),
        h("div", { class: "cs-half-said" }),
      ),
    );
    const node = h("div", { class: "cs-pair", role: "group", "aria-label": title || "How they ended" }, ...halves);
    update(node);
    return node;
  };
  return { key: `${key} ${sides.map(({ name }) => name).join("|")}`, version: said.map(versionOf).join("/"), make, update };
}

/** @returns {Item} what stands where one conversation has no such turn */
const over = () => ({ key: "over", version: 0, make: () => h("div", { class: "cs-why" }, "(over)") });

/** @param {Item[]} items */
const versionOf = (items) => items.map(({ key, version }) => `${key}=${version}`).join(",");
