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
 * @param {{ask: Ask, onLabel: () => void, onAgain: () => void, onSay: (text: string) => void, onBeside: (key: string) => void}} actions
 */
export function createControls({ ask, onLabel, onAgain, onSay, onBeside }) {
  let key = "";
  let held = false;
  const hold = button("Take over", () => act(held ? "resume" : "pause"));
  const stop = button("Stop this one", () => act("stop"));
  const again = button("Run again", onAgain);
  const label = button("Label", onLabel);
  const beside = h("select", { class: "cs-beside-whom", "aria-label": "Side by side with", title: "Side by side with" });
  beside.addEventListener("input", () => onBeside(beside.value));
  const node = h("div", { class: "cs-controls" }, hold, stop, again, label, beside);

  /** @param {string} what */
  async function act(what) {
    try {
      await ask(what, { key });
    } catch (error) {
      onSay(error instanceof Error ? error.message : String(error));
    }
  }

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

/** @param {{ask: Ask}} actions */
export function createComposer({ ask }) {
  const input = h("textarea", { rows: 1, dir: "auto", "aria-label": "The next user message" });
  const send = h("button", { type: "submit", class: "cs-main" }, "Send");
  const hint = h("div", { class: "cs-why", role: "status" });
  const node = h("form", { class: "cs-composer", hidden: true }, h("div", { class: "cs-row-of" }, input, send), hint);
  let key = "";
  /** What was typed, by conversation. @type {Map<string, string>} */
  const drafts = new Map();
  let busy = false;

  input.addEventListener("input", () => {
    drafts.set(key, input.value);
    relabel();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    node.requestSubmit();
  });
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    const [said, to] = [input.value, key];
    try {
      await ask("say", { key: to, text: said.trim() ? said : null });
      drafts.delete(to);
      if (key === to) input.value = "";
      relabel();
    } catch (error) {
      setText(hint, error instanceof Error ? error.message : String(error));
    }
    busy = false;
  });

  function relabel() {
    setText(send, input.value.trim() ? "Send" : "Let the user speak");
  }

  return {
    node,
    focus: () => !node.hidden && input.focus({ preventScroll: true }),
    /**
     * @param {Copy} copy
     * @param {Conversation | undefined} conversation
     */
    paint(copy, conversation) {
      const { steering } = copy.header;
      const shown = conversation !== undefined && conversation.status !== "ended" && steering.live === true;
      node.hidden = !shown || !isHeld(copy, conversation);
      if (node.hidden || !conversation) return;
      if (conversation.key !== key) {
        key = conversation.key;
        input.value = drafts.get(key) ?? "";
        setAttribute(input, "placeholder", "Your words as the user; Enter alone lets the simulated user speak");
        relabel();
      }
      const waits = conversation.status === "paused" || conversation.status === "waiting";
      setText(hint, waits ? "It waits for you." : "It goes on to its next user message, and waits there for you.");
    },
  };
}
