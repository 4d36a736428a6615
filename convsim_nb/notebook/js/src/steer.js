// What a person does to the conversation that is shown: hold it, speak in the user's place, stop it, label it.

import { h, setAttribute, setText } from "./dom.js";

/**
 * @import {Copy} from "./link.js"
 * @import {Conversation} from "./types"
 * @typedef {import("./panel.js").Ask} Ask
 */

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 */
export const isHeld = ({ header: { steering } }, conversation) =>
  conversation.status === "paused" || Boolean(steering.paused) || Boolean(steering.held?.includes(conversation.key));

/**
 * @param {{onHold: (key: string, hold: boolean) => void, onStop: (key: string) => void, onLabel: () => void, onAgain: () => void, onBeside: (key: string) => void}} actions
 */
export function createControls({ onHold, onStop, onLabel, onAgain, onBeside }) {
  let key = "";
  let held = false;
  const hold = button("Take over", () => onHold(key, !held));
  const stop = button("Stop this one", () => onStop(key));
  const again = button("Run again", onAgain);
  const label = button("Label", onLabel);
  const beside = h("select", { class: "cs-beside-whom", "aria-label": "Side by side with", title: "Side by side with" });
  beside.addEventListener("input", () => onBeside(beside.value));
  const node = h("div", { class: "cs-controls" }, hold, stop, again, label, beside);

  /**
   * @param {[string, string][]} others
   * @param {string | null} chosen
   */
  function paintOthers(others, chosen) {
    beside.hidden = others.length === 0;
    const options = /** @type {[string, string][]} */ ([["", "Beside …"], ...others]);
    const now = JSON.stringify(options);
    if (beside.dataset.options !== now) {
      beside.dataset.options = now;
      beside.replaceChildren(...options.map(([value, name]) => h("option", { value }, name)));
    }
    if (options[0]) setText(/** @type {Node} */ (beside.firstChild), chosen ? "Alone" : "Side by side …");
    beside.value = chosen ?? "";
  }

  return {
    node,
    toggle() {
      if (!node.hidden && !hold.hidden) hold.click();
    },
    /**
     * @param {Copy} copy
     * @param {Conversation | undefined} conversation
     * @param {[string, string][]} others that may stand beside it: keys, and what they are called
     * @param {string | null} chosen
     */
    paint(copy, conversation, others, chosen) {
      const { steering } = copy.header;
      node.hidden = !conversation;
      if (!conversation) return;
      paintOthers(others, chosen);
      for (const each of [hold, stop, again, label]) each.hidden = true;
      if (steering.live === undefined) return;
      key = conversation.key;
      held = isHeld(copy, conversation);
      const plays = steering.live === true && conversation.status !== "ended" && !steering.stopping;
      hold.hidden = stop.hidden = !plays;
      setText(hold, held ? "Hand back" : "Take over");
      setAttribute(hold, "aria-pressed", held ? "true" : "false");
      const wait = "It waits before the next user message, and you speak in the user’s place";
      setAttribute(hold, "title", held ? "The simulated user goes on by itself" : wait);
      again.hidden = conversation.attempt === 0;
      label.hidden = conversation.messages.length === 0;
      setText(label, steering.labels?.[key] ? "Label …" : "Label");
    },
  };
}

/**
 * @param {string} text
 * @param {() => void} onclick
 */
const button = (text, onclick) => h("button", { type: "button", class: "cs-control", onclick }, text);

/** @param {{ask: Ask, onLeave: () => void}} actions */
export function createComposer({ ask, onLeave }) {
  const input = h("textarea", { rows: 1, dir: "auto", "aria-label": "The next user message" });
  const send = h("button", { type: "submit", class: "cs-main" }, "Send");
  const hint = h("div", { class: "cs-why", role: "status" });
  const node = h("form", { class: "cs-composer", hidden: true }, h("div", { class: "cs-row-of" }, input, send), hint);
  let key = "";
  /** A conversation that is being taken over: what is typed has a place before the kernel has answered. */
  let expected = "";
  /** Whether words can be said in it now. */
  let open = false;
  /** What was typed, by conversation. @type {Map<string, string>} */
  const drafts = new Map();
  let busy = false;

  node.addEventListener("focusout", onLeave);
  input.addEventListener("input", () => keep(input.value));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    node.requestSubmit();
  });
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy || !open) return;
    busy = true;
    const [said, to] = [input.value, key];
    keep(""); // at once: the next words may be typed before the answer is here
    try {
      await ask("say", { key: to, text: said.trim() ? said : null });
    } catch (error) {
      if (!drafts.get(to)) drafts.set(to, said);
      if (key === to) keep(drafts.get(to) ?? "");
      setText(hint, error instanceof Error ? error.message : String(error));
    }
    busy = false;
  });

  /** @param {string} text */
  function keep(text) {
    if (input.value !== text) input.value = text;
    if (text) drafts.set(key, text);
    else drafts.delete(key);
    setText(send, text.trim() ? "Send" : "Let the user speak");
  }

  return {
    node,
    /** @param {string} taken the conversation that is being taken over; empty where that failed */
    expect(taken) {
      expected = taken;
    },
    focus: () => !node.hidden && input.focus({ preventScroll: true }),
    /**
     * @param {Copy} copy
     * @param {Conversation | undefined} conversation
     */
    paint(copy, conversation) {
      const plays = conversation !== undefined && conversation.status !== "ended" && copy.header.steering.live === true;
      const held = plays && isHeld(copy, conversation);
      if (held && conversation.key === expected) expected = "";
      open = held || (plays && conversation.key === expected);
      // Who is typing is not cut off: the field goes when it is left.
      const typing = conversation?.key === key && !node.hidden && node.contains(document.activeElement);
      node.hidden = !open && !typing;
      if (node.hidden || !conversation) return;
      if (conversation.key !== key) {
        key = conversation.key;
        setAttribute(input, "placeholder", "Your words as the user; Enter alone lets the simulated user speak");
        keep(drafts.get(key) ?? "");
      }
      const waits = open && (conversation.status === "paused" || conversation.status === "waiting");
      node.classList.toggle("cs-early", !waits);
      setAttribute(send, "aria-disabled", open ? null : "true");
      setText(hint, hintWords(copy, conversation, open, waits));
    },
  };
}

/**
 * @param {Copy} copy
 * @param {Conversation} conversation
 * @param {boolean} open whether words can be said in it
 * @param {boolean} waits
 */
function hintWords({ words }, { stop, messages }, open, waits) {
  if (stop !== null) return `It has ended: ${words.stops[stop] ?? stop}. What stands here is not sent.`;
  if (!open) return "It was handed back: take it over again to speak in it.";
  if (waits) return "It waits for you.";
  const agentIsNext = messages.at(-1)?.role === "user";
  return agentIsNext
    ? "The agent is answering: what you send now is said after that."
    : "It goes on to its next user message, and waits there for you.";
}
