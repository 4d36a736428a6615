// A talk with an agent: what was said as bubbles, and a field to type in.

import { messageNode, streamInto, streamingNode, typingNode } from "./bubbles.js";
import { h, ownKeys, reconcile, setAttribute, setText } from "./dom.js";

/**
 * @import {Item} from "./dom.js"
 * @import {Copy} from "./link.js"
 * @import {Message, Model, Words} from "./types"
 */

/**
 * @typedef {object} TalkState what the kernel says of a talk
 * @property {string} agent
 * @property {string} session
 * @property {(Message & {html: string})[]} messages
 * @property {string | null} asked what the agent is answering
 * @property {string} streamed its answer so far
 * @property {string} problem
 * @property {Words} words
 */

/** So many pixels from its end, a talk counts as read to the end. */
const NEAR = 32;
const FIRST_RETRY = 3000;
const LAST_RETRY = 30000;

/** @param {{model: Model, el: HTMLElement}} widget */
function render({ model, el }) {
  const view = createChatView(model);
  el.append(view.node);
  view.start();
  return view.close;
}

/** @param {Model} model */
export function createChatView(model) {
  const title = h("strong", { class: "cs-title" });
  const cast = h("span", { class: "cs-cast" });
  const stop = h("button", { type: "button", class: "cs-stop", onclick: () => model.send({ type: "stop" }) }, "Stop");
  const log = h("div", { class: "cs-log" });
  const scroller = h("div", { class: "cs-scroller", tabindex: 0, role: "log", "aria-label": "Talk" }, log);
  const problem = h("div", { class: "cs-problem", role: "alert", hidden: true });
  const field = h("textarea", { class: "cs-field", rows: 1, "aria-label": "Your message", placeholder: "Say something to the agent", dir: "auto" });
  const send = h("button", { type: "submit", class: "cs-send" }, "Send");
  const form = h("form", { class: "cs-composer" }, field, send);
  const node = h(
    "div",
    { class: "cs-look cs-frame cs-chat cs-unknown", role: "region", "aria-label": "Talk with an agent" },
    h("header", { class: "cs-header" }, h("div", { class: "cs-headline" }, title, cast, stop)),
    h("section", { class: "cs-transcript" }, scroller),
    problem,
    form,
    h("div", { class: "cs-hint" }, "Waiting for the kernel …"),
  );
  /** @type {TalkState | null} */
  let talk = null;
  /** What was sent and is not yet in the talk: it comes back into the field where it fails. */
  let sent = "";
  let atEnd = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;

  /** @param {number} wait until it is asked again */
  function hello(wait = FIRST_RETRY) {
    model.send({ type: "hello" });
    clearTimeout(retry);
    retry = setTimeout(() => hello(Math.min(2 * wait, LAST_RETRY)), wait);
  }

  /** @param {any} message */
  function heard(message) {
    switch (message?.type) {
      case "state":
        clearTimeout(retry);
        return take(message);
      case "streamed":
        if (!talk) return;
        if (message.from !== talk.streamed.length) return hello();
        return take({ ...talk, streamed: talk.streamed + message.text });
      case "refused":
        if (message.text === sent) giveBack();
        return say(message.problem);
    }
  }

  /** @param {TalkState} now */
  function take(now) {
    const before = talk;
    talk = now;
    node.classList.remove("cs-unknown");
    if (before?.asked && now.asked === null) {
      if (now.messages.length === before.messages.length) giveBack();
      sent = "";
    }
    setText(title, "Talk");
    setText(cast, `with agent ${now.agent}`);
    setAttribute(cast, "title", `session ${now.session}`);
    setAttribute(stop, "aria-disabled", now.asked === null ? "true" : null);
    setAttribute(send, "aria-disabled", now.asked === null ? null : "true");
    say(now.problem);
    reconcile(log, items(now));
    const stream = log.querySelector(".cs-streaming")?.parentElement;
    if (stream) streamInto(stream, now.streamed);
    if (atEnd || now.messages.length !== before?.messages.length) scroller.scrollTop = scroller.scrollHeight;
  }

  /** @param {string} text */
  function say(text) {
    problem.hidden = !text;
    setText(problem, text);
  }

  function giveBack() {
    if (!field.value) field.value = sent;
    fit();
  }

  function submit() {
    const text = field.value;
    if (!text.trim() || !talk || talk.asked !== null) return;
    sent = text;
    atEnd = true;
    model.send({ type: "say", text });
    field.value = "";
    fit();
  }

  /** As high as what stands in it, up to six lines. */
  function fit() {
    field.style.blockSize = "auto";
    if (field.scrollHeight) field.style.blockSize = `${Math.min(field.scrollHeight + 2, 130)}px`;
  }

  scroller.addEventListener("scroll", () => {
    atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  });
  field.addEventListener("input", fit);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // The notebook has keys of its own: `dd` would delete the cell, Shift and Enter run it.
    event.stopPropagation();
    // An Enter that ends the writing of a Chinese or Japanese word sends nothing.
    if (event.target !== field || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  model.on("msg:custom", heard);
  ownKeys();

  return {
    node,
    start: () => hello(),
    close() {
      clearTimeout(retry);
      model.off("msg:custom", heard);
      node.remove();
    },
  };
}

/**
 * @param {TalkState} talk
 * @returns {Item[]} the messages, what is being answered, and the answer as it comes
 */
function items(talk) {
  const copy = /** @type {Copy} */ (/** @type {unknown} */ ({ words: talk.words }));
  let turn = 0;
  /** @type {Item[]} */
  const all = talk.messages.map((message, place) => {
    if (message.role === "user") turn += 1;
    const number = turn;
    return { key: `message ${place}`, version: 0, make: () => messageNode(copy, message, place, number, message.html) };
  });
  if (talk.asked === null) return all.length ? all : [{ key: "empty", version: 0, make: emptyNode }];
  const asked = /** @type {Message} */ ({ role: "user", source: "operator", content: talk.asked, tool_calls: [], trace_id: null, seconds: null });
  const place = all.length;
  all.push({ key: `message ${place}`, version: "asked", make: () => messageNode(copy, asked, place, turn + 1, undefined) });
  if (talk.streamed) all.push({ key: "last", version: "streaming", make: streamingNode });
  else all.push({ key: "last", version: "typing", make: () => typingNode("assistant", "Agent") });
  return all;
}

const emptyNode = () => h("div", { class: "cs-end" }, "Nothing was said yet.");

export default { render };
