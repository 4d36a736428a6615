// Numbers and names as people read them: the same words as convsim_nb/views/words.py.

/** @import {Conversation, Standing} from "./types" */

/**
 * @param {Conversation} conversation
 * @returns {Standing} its verdict, or what it is doing while it has none
 */
export const standing = (conversation) => conversation.verdict ?? conversation.status;

/**
 * @param {number} seconds
 * @returns {string} `140 ms`, `1.2 s`, `42 s`, `2:05`, `1:02:03`
 */
export function secondsWords(seconds) {
  if (seconds < 1) return `${(Math.max(seconds, 0) * 1000).toFixed(0)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds >= 100 ? clockWords(seconds) : `${seconds.toFixed(0)} s`;
}

/**
 * @param {number} seconds
 * @returns {string} `0:42`, `1:02:03`
 */
export function clockWords(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/**
 * @param {number} number
 * @param {string} noun
 * @returns {string} `1 turn`, `1,204 turns`
 */
export function count(number, noun) {
  return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * @param {Conversation} conversation
 * @returns {string} its case, with the trial and the fork where there is more than one, and who plays it if not the run's agent
 */
export function label(conversation) {
  const parts = [conversation.case_id];
  if (conversation.trial > 1) parts.push(`trial ${conversation.trial}`);
  if (conversation.origin) {
    parts.push(conversation.origin.how === "fork" ? `forked at turn ${conversation.origin.turn}` : "run again");
    if (isByAnother(conversation)) parts.push(`by ${conversation.agent}`);
  }
  return parts.join(", ");
}

/**
 * @param {Conversation} conversation
 * @returns {boolean} whether another agent than the run's plays it: the key is that of the trial which it began with
 */
export const isByAnother = ({ key, case_id: caseId, agent, origin }) => origin !== null && !key.startsWith(`${caseId}/${agent}/`);

/**
 * @param {unknown} value
 * @returns {string} text as it is, anything else as indented JSON
 */
export const prettyJson = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

/**
 * @param {string} text
 * @returns {string}
 */
export const capitalised = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);
