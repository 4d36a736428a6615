// The parts of a transcript: bubbles, tool calls, and what the judge and the guards said.

import { h, setSanitised } from "./dom.js";
import { capitalised, count, prettyJson, secondsWords } from "./words.js";

/**
 * @import {Copy} from "./link.js"
 * @import {Doubt, GoalCheck, Message, Rejection, Release, Retry, ScoreLine, TestCase, ToolCall, Usage} from "./types"
 */

/**
 * @param {Copy} copy
 * @param {Message} message
 * @param {number} place
 * @param {number} turn
 * @param {string | undefined} html safe, or not here yet
 * @param {boolean} [canAct] whether something can be done with it
 */
export function messageNode({ words }, message, place, turn, html, canAct = false) {
  const who = capitalised(words.roles[`${message.role}/${message.source}`] ?? message.role);
  const when = message.role === "user" && turn ? `turn ${turn}` : "";
  const took = message.seconds === null ? "" : secondsWords(message.seconds);
  const menu = { type: "button", class: "cs-more", "aria-haspopup": "menu", "aria-expanded": "false" };
  const name = `Actions on message ${place + 1}`;
  return h(
    "article",
    { class: `cs-turn cs-from-${message.role}`, tabindex: -1, "data-place": place, "aria-label": `${who}, turn ${turn}` },
    meta(who, when || took, canAct && h("button", { ...menu, "aria-label": name, title: "Actions" }, "⋯")),
    ...message.tool_calls.map(toolNode),
    bubble(message.content, html),
  );
}

/**
 * @param {string} who
 * @param {string} beside
 * @param {...(Node | false)} more
 */
function meta(who, beside, ...more) {
  return h("div", { class: "cs-meta" }, h("span", { class: "cs-who" }, who), beside && h("span", {}, beside), ...more);
}

/**
 * @param {string} text
 * @param {string | undefined} html
 */
function bubble(text, html) {
  if (!text.trim()) return h("div", { class: "cs-bubble cs-empty" }, "(no text)");
  if (html === undefined) return h("div", { class: "cs-bubble cs-plain", dir: "auto" }, text);
  const node = h("div", { class: "cs-bubble", dir: "auto" });
  setSanitised(node, html);
  return node;
}

/** The agent's bubble while its text comes in: a text node that grows, and a caret. */
export function streamingNode() {
  return h(
    "article",
    { class: "cs-turn cs-from-assistant" },
    meta("Agent", ""),
    h("div", { class: "cs-bubble cs-plain cs-streaming", dir: "auto" }, document.createTextNode("")),
  );
}

/**
 * @param {HTMLElement} node one of `streamingNode`
 * @param {string} text all of it so far
 */
export function streamInto(node, text) {
  const shown = node.lastChild?.firstChild;
  if (!(shown instanceof Text)) return;
  if (text.startsWith(shown.data)) shown.appendData(text.slice(shown.length));
  else shown.data = text;
}

/**
 * @param {"user" | "assistant"} role
 * @param {string} who
 */
export function typingNode(role, who) {
  const dots = h("div", { class: "cs-bubble cs-typing" }, h("i", {}), h("i", {}), h("i", {}));
  return h("article", { class: `cs-turn cs-from-${role}`, "aria-label": `${who} is writing` }, meta(who, ""), dots);
}

// --- tools ---------------------------------------------------------------------------

/** @param {ToolCall} call */
function toolNode(call) {
  const failed = call.error !== null;
  return h(
    "details",
    { class: "cs-tool", open: failed },
    h(
      "summary",
      {},
      h("code", {}, call.name),
      call.seconds !== null && h("span", { class: "cs-took" }, secondsWords(call.seconds)),
      failed && chip("bad", "✗ error"),
    ),
    call.arguments !== null && part("Arguments", prettyJson(call.arguments)),
    call.error !== null ? part("Error", call.error) : call.result !== null && part("Result", prettyJson(call.result)),
  );
}

/**
 * @param {string} name
 * @param {string} text
 */
function part(name, text) {
  return h("div", { class: "cs-part" }, h("div", { class: "cs-label" }, name), h("pre", { class: "cs-pre", tabindex: 0 }, text));
}

// --- what stands beside the messages -------------------------------------------------

/**
 * @param {string} tone
 * @param {string} text
 */
export const chip = (tone, text) => h("span", { class: `cs-chip cs-tone-${tone}` }, text);

/**
 * Words of the agent that prove something: a click jumps to them.
 * @param {string} words
 * @param {number | undefined} place of the message that holds them
 */
function quote(words, place) {
  const text = `“${words}”`;
  if (place === undefined) return h("q", { class: "cs-quote", dir: "auto" }, words);
  return h("button", { type: "button", class: "cs-quote", "data-jump": place, dir: "auto", title: "Show it" }, text);
}

/**
 * @param {Copy} copy
 * @param {GoalCheck} check
 * @param {number | undefined} place of the evidence
 */
export function checkNode({ words }, check, place) {
  const word = words.checks[check.barred ? "barred" : check.reached ? "reached" : "not_reached"] ?? "";
  return h(
    "div",
    { class: "cs-beside cs-check" },
    check.reached ? chip("good", `✓ goal ${word}`) : chip("quiet", `goal ${word}`),
    check.evidence && quote(check.evidence, place),
    check.why && h("span", { class: "cs-why", dir: "auto" }, check.why),
  );
}

/**
 * @param {Release} release
 * @param {number | undefined} place of the quote
 */
export function releaseNode(release, place) {
  const fault = release.kind === "correction";
  return h(
    "div",
    { class: "cs-beside cs-release" },
    chip(fault ? "bad" : "live", fault ? "✗ correction" : release.kind),
    h("span", { dir: "auto" }, `The user now knows: ${release.fact}`),
    release.quote && quote(release.quote, place),
  );
}

/** @param {Rejection} rejection */
export function rejectionNode(rejection) {
  return h(
    "details",
    { class: "cs-beside cs-rejection" },
    h("summary", {}, chip("void", `stopped: ${rejection.guard}`), h("span", { class: "cs-why", dir: "auto" }, rejection.reason)),
    h("div", { class: "cs-stopped", dir: "auto" }, h("s", {}, rejection.text), " The agent never heard this."),
  );
}

/** @param {Retry} retry */
export function retryNode({ error }) {
  return h(
    "div",
    { class: "cs-beside cs-retry" },
    chip("void", "agent called again"),
    h("span", { class: "cs-why", dir: "auto" }, `after ${error}`),
  );
}

/** @param {Doubt} doubt what a guard has against a message that was sent all the same */
export function doubtNode({ guard, reason }) {
  return h(
    "div",
    { class: "cs-beside cs-doubt" },
    chip("quiet", `doubtful: ${guard}`),
    h("span", { class: "cs-why", dir: "auto" }, reason),
  );
}

/**
 * What a turn took in all, the agent's part where it says so.
 * @param {Usage} usage
 */
export function spentNode({ input_tokens: read, output_tokens: written, cost }) {
  const money = cost ? ` · $${cost >= 0.1 ? cost.toFixed(2) : cost.toPrecision(2)}` : "";
  return h("div", { class: "cs-spent", title: "Tokens of all model calls in this turn" }, `${count(read + written, "token")}${money}`);
}

/** @param {ScoreLine[]} scores of one turn, or of the whole */
export function scoresNode(scores) {
  return h("div", { class: "cs-beside cs-scores" }, ...scores.flatMap(scoreParts));
}

/** @param {ScoreLine} score */
const scoreParts = ({ words, tone, because }) => [
  chip(tone, words),
  because && h("span", { class: "cs-why", dir: "auto" }, because),
];

/** @param {TestCase} testCase */
export function aboutNode(testCase) {
  const lines = [
    row("Goal", [testCase.goal]),
    row("Persona", testCase.persona ? [testCase.persona] : []),
    row("Guidelines", testCase.simulation_guidelines),
    row("Knows", testCase.facts),
    row("Withheld", testCase.withheld.map((each) => `${each.fact} (after: ${each.after})`)),
  ];
  return h("details", { class: "cs-about" }, h("summary", {}, "About the simulated user"), h("dl", {}, ...lines.flat()));
}

/**
 * @param {string} name
 * @param {string[]} texts
 */
function row(name, texts) {
  if (!texts.length) return [];
  return [h("dt", {}, name), ...texts.map((each) => h("dd", { dir: "auto" }, each))];
}

/**
 * @param {string} tone
 * @param {string} verdict
 * @param {string} stop
 * @param {string} detail
 * @param {ScoreLine[]} [scores] of the whole conversation
 * @param {boolean} [traced] whether the trace of the turn in which the agent failed can be shown
 */
export function endNode(tone, verdict, stop, detail, scores = [], traced = false) {
  const trace = { type: "button", class: "cs-control cs-end-trace", title: "What happened in the turn in which the agent failed" };
  return h(
    "div",
    { class: "cs-end" },
    h("div", {}, chip(tone, verdict), h("span", {}, `End: ${stop}`), traced && h("button", trace, "Trace")),
    detail && h("div", { class: "cs-why", dir: "auto" }, detail),
    scores.length > 0 && scoresNode(scores),
  );
}
