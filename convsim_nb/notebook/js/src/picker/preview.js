// One session's transcript beside the list; where there is little room, over it.

import { messageNode } from "../bubbles.js";
import { h, setAttribute, setText } from "../dom.js";
import { count } from "../words.js";
import { whenWords } from "./core.js";

/**
 * @import {Copy} from "../link.js"
 * @import {Ask, Row, Transcript} from "./types"
 */

/** So long a row must stay the one before its transcript is fetched: arrow keys may be on their way elsewhere. */
const LINGER = 120;
/** So many transcripts are kept. */
const KEPT = 30;

/** @param {{ask: Ask, onClose: () => void, onPick: (id: string) => void, onStep: (step: number) => void}} actions */
export function createPreview({ ask, onClose, onPick, onStep }) {
  const name = h("strong", { class: "cs-name", dir: "auto" });
  const facts = h("div", { class: "cs-facts" });
  const pick = h("button", { type: "button", class: "cs-button cs-pick", "aria-pressed": "false", onclick: () => shown !== null && onPick(shown) }, "Select");
  const cross = h("button", { type: "button", class: "cs-cross", "aria-label": "Close the transcript", onclick: onClose }, "×");
  const back = h("button", { type: "button", class: "cs-cross", "aria-label": "Session before", title: "Session before (k)", onclick: () => onStep(-1) }, "‹");
  const on = h("button", { type: "button", class: "cs-cross", "aria-label": "Next session", title: "Next session (j)", onclick: () => onStep(1) }, "›");
  const log = h("div", { class: "cs-log" });
  const scroller = h("div", { class: "cs-scroller", tabindex: 0, role: "region", "aria-label": "Transcript" }, log);
  const node = h(
    "section",
    { class: "cs-preview", hidden: true, "aria-label": "Session" },
    h("div", { class: "cs-preview-head" }, h("div", { class: "cs-named" }, name, facts), pick, back, on, cross),
    scroller,
  );
  /** @type {string | null} */
  let shown = null;
  /** @type {Map<string, Transcript>} */
  const known = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let wait;

  /**
   * @param {Row} row
   * @param {boolean} picked
   * @param {boolean} [atOnce] it was asked for, and not only passed by
   */
  function show(row, picked, atOnce = false) {
    paint(row, picked);
    if (shown === row.id) return;
    shown = row.id;
    clearTimeout(wait);
    const there = known.get(row.id);
    if (there) return fill(there);
    scroller.setAttribute("aria-busy", "true");
    // What stood there is not this session: it goes at once.
    log.replaceChildren();
    wait = setTimeout(() => void load(row.id), atOnce ? 0 : LINGER);
  }

  /**
   * @param {string} id
   * @param {boolean} [whole]
   */
  async function load(id, whole = false) {
    const slow = setTimeout(() => shown === id && !whole && log.replaceChildren(h("div", { class: "cs-end cs-why" }, "Reading the session …")), 250);
    try {
      const transcript = /** @type {Transcript} */ (/** @type {unknown} */ (await ask("preview", { session: id, whole })));
      known.set(id, transcript);
      const [oldest] = known.keys();
      if (known.size > KEPT && oldest !== undefined) known.delete(oldest);
      if (shown === id) fill(transcript, whole);
    } catch (error) {
      if (shown !== id) return;
      const problem = h("div", { class: "cs-problem", role: "alert" }, error instanceof Error ? error.message : String(error));
      const again = h("button", { type: "button", class: "cs-button", onclick: () => void load(id, whole) }, "Try again");
      log.replaceChildren(h("div", { class: "cs-row-of" }, problem, again));
    } finally {
      clearTimeout(slow);
    }
  }

  /**
   * @param {Transcript} transcript
   * @param {boolean} [stay] it is more of what is being read
   */
  function fill(transcript, stay = false) {
    scroller.removeAttribute("aria-busy");
    const copy = /** @type {Copy} */ (/** @type {unknown} */ ({ words: { roles: transcript.roles } }));
    let turn = 0;
    const messages = transcript.messages.map((message, place) => {
      if (message.role === "user") turn += 1;
      return messageNode(copy, message, place, turn, message.html);
    });
    const left = transcript.left
      ? h(
          "button",
          { type: "button", class: "cs-plain-button", onclick: () => void load(transcript.id, true) },
          `Show ${count(transcript.left, "more message")}`,
        )
      : "";
    log.replaceChildren(...messages, ...(left ? [left] : []), ...about(transcript));
    if (!stay) scroller.scrollTop = 0;
  }

  /**
   * @param {Row} row
   * @param {boolean} picked
   */
  function paint(row, picked) {
    setText(name, row.name);
    name.title = row.name;
    const when = whenWords(row.at, Date.now());
    setText(facts, [count(row.turns, "turn"), when, ...row.marks, row.simulated ? "simulated" : ""].filter(Boolean).join(" · "));
    setAttribute(pick, "aria-pressed", picked ? "true" : "false");
    setText(pick, picked ? "Selected" : "Select");
  }

  return {
    node,
    show,
    paint,
    get isOpen() {
      return !node.hidden;
    },
    get shown() {
      return node.hidden ? null : shown;
    },
    open() {
      node.hidden = false;
    },
    focus: () => scroller.focus({ preventScroll: true }),
    hide() {
      clearTimeout(wait);
      node.hidden = true;
      shown = null;
      log.replaceChildren();
    },
    /** Another list: what was read may be of another store. */
    forget() {
      known.clear();
    },
    close: () => clearTimeout(wait),
  };
}

/** @param {Transcript} transcript */
function about({ metadata }) {
  const entries = Object.entries(metadata);
  if (!entries.length) return [];
  const lines = entries.flatMap(([name, value]) => [h("dt", { dir: "auto" }, name), h("dd", { dir: "auto" }, value)]);
  return [h("details", { class: "cs-about" }, h("summary", {}, "What else was recorded"), h("dl", {}, ...lines))];
}
