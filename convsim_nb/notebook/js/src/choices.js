// What a person may do with one message: the choices of its menu, which keys name too.

import { copied } from "./panel.js";

/**
 * @import {Choice} from "./menu.js"
 * @import {Copy} from "./link.js"
 * @import {Conversation} from "./types"
 * @typedef {{panel: ReturnType<typeof import("./panel.js").createPanel>, say: (problem: string) => void}} Doing
 */

/** What the choice is called that shows what happened in a turn. */
export const TRACE = ["Trace", "Trace in MLflow"];

/**
 * What can be done with the messages of the conversation that is shown.
 * @param {Copy} copy
 * @param {Doing & {shown: () => string | null, here: () => number | null}} view `here` is the message that has the focus, or the last one
 */
export function createDoing(copy, { shown, here, panel, say }) {
  /** @param {number} place */
  const choices = (place) => choicesOf(copy, copy.state.conversations.get(shown() ?? ""), place, { panel, say });

  /**
   * Do with a message what its menu offers.
   * @param {number} place
   * @param {...string} names one of these
   */
  function at(place, ...names) {
    const choice = choices(place).find((each) => names.includes(each.name));
    if (choice?.href) window.open(choice.href, "_blank", "noopener");
    choice?.act?.();
  }

  return {
    choices,
    at,
    /** @param {...string} names */
    here(...names) {
      const place = copy.header.steering.live === undefined ? null : here();
      if (place !== null) at(place, ...names);
    },
  };
}

/**
 * @param {Copy} copy
 * @param {Conversation | undefined} conversation
 * @param {number} place of one of its messages
 * @param {Doing} doing
 * @returns {Choice[]}
 */
function choicesOf(copy, conversation, place, { panel, say }) {
  const message = conversation?.messages[place];
  if (!conversation || !message) return [];
  const { key } = conversation;
  const turn = conversation.message_turns[place] ?? 0;
  const copyIt = async () => (await copied(message.content)) || say("The browser does not let a page copy here.");
  /** @type {Choice[]} */
  const all = [{ name: "Copy", key: "c", act: () => void copyIt() }];
  const traceId = message.trace_id || traceOfTurn(conversation, turn);
  if (traceId) all.push(traceChoice(copy, traceId, panel));
  if (!turn) return all;
  const opens = conversation.messages.find((each, n) => conversation.message_turns[n] === turn && each.role === "user");
  const said = opens?.content ?? "";
  return [
    ...all,
    ...(opens ? [{ name: "Edit and fork", key: "e", act: () => panel.fork(key, turn, said, true) }] : []),
    { name: "Fork here", act: () => panel.fork(key, turn, said, false) },
    { name: "Run again", act: () => panel.again(key) },
    { name: "Make a test case of this", act: () => void panel.testCase(key, turn) },
  ];
}

/**
 * @param {Conversation} conversation
 * @param {number} turn
 * @returns {string} the trace in which the agent answered, or failed; empty where there is none
 */
function traceOfTurn({ messages, message_turns: turns, turn: last, last_trace_id: failed }, turn) {
  const answer = messages.find((each, place) => turns[place] === turn && each.trace_id);
  return answer?.trace_id || (turn === last ? failed : "");
}

/**
 * @param {Copy} copy
 * @param {string} traceId
 * @param {Doing["panel"]} panel
 * @returns {Choice}
 */
function traceChoice({ header: { steering } }, traceId, panel) {
  if (!steering.trace_page) return { name: "Trace", key: "o", act: () => void panel.spans(traceId) };
  const id = encodeURIComponent(traceId);
  return { name: "Trace in MLflow", key: "o", href: `${steering.trace_page}?selectedEvaluationId=${id}&traceId=${id}` };
}
