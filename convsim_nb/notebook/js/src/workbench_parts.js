// What bar and shelf share: the kernel's state as it comes, and ways to the other parts of the same workbench.

import { channel } from "./channel.js";
import { count } from "./words.js";

/** @import {Model} from "./types" */

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {"text" | "number" | "flag"} kind
 * @property {string} value
 * @property {string} empty
 * @property {string} about
 *
 * @typedef {object} RunLine
 * @property {string} run_id
 * @property {string} name the name that somebody gave it, or its id
 * @property {boolean} named somebody gave it a name
 * @property {string} agent
 * @property {string} hash
 * @property {string} started
 * @property {string} rate
 * @property {number} total
 * @property {number} reached
 * @property {number} not_reached
 * @property {number} void
 * @property {number} apart
 * @property {number} unfinished
 * @property {number} corrections
 * @property {boolean} ended
 * @property {boolean} stopped
 * @property {boolean} stopping
 * @property {boolean} playing
 * @property {boolean} shown
 * @property {boolean} here played, or taken up, in this kernel
 * @property {number} done conversations that count and have ended
 * @property {number} shared cases that the run that is shown has, too
 *
 * @typedef {object} Failed
 * @property {string} key
 * @property {string} case_id
 * @property {string} goal
 * @property {string} why
 * @property {number} trial
 *
 * @typedef {"sessions" | "cases" | "runs"} Step
 *
 * @typedef {object} Bench what the kernel says of a workbench
 * @property {Step} step
 * @property {{cases: number, drafts: number, chosen: number, marked: boolean, sessions: number | null}} counts
 * @property {boolean} sessions_open
 * @property {{fields: Field[], others: string[], agents: string[]}} settings
 * @property {{name: string, hash: string, problem: string}} agent
 * @property {{words?: string[], basis?: string, problem?: string}} estimate
 * @property {boolean} playing
 * @property {RunLine[]} runs the newest first
 * @property {Failed[]} failed
 * @property {{text: string, name: string} | null} notice
 * @property {number} changes of cases, settings and names: what was refused before one of them may be possible after it
 * @property {string} kept the hour of what a saved notebook shows; empty where it shows nothing
 */

/**
 * Keep the kernel's state of the workbench.
 * @param {Model} model
 * @param {{onState: (bench: Bench) => void, onLost?: (lost: boolean) => void}} hearer
 */
export function benchLink(model, { onState, onLost }) {
  let seq = 0;
  const kernel = channel(model, {
    onState(message) {
      seq = message.seq;
      onState(message);
    },
    onMessage(message) {
      if (message?.type !== "batch" || kernel.asking || message.seq <= seq) return;
      seq = message.seq; // each holds the whole state, so that a gap loses nothing
      onState(message);
    },
    onLost: () => onLost?.(kernel.lost),
  });
  return kernel;
}

/**
 * @param {Bench["counts"]} counts
 * @returns {string} what Run would play
 */
export function whatPlays({ chosen, marked, cases }) {
  if (!cases) return "no case yet";
  return marked ? `the ${count(chosen, "marked case")}` : count(chosen, "case");
}

/**
 * @param {Bench["agent"]} agent
 * @returns {string} against what, with the version
 */
export function against(agent) {
  const version = agent.hash ? `${agent.name} (${agent.hash.slice(0, 7)})` : agent.name;
  return version ? `against ${version}` : "against no agent yet";
}

/** Asks a view to show a conversation (`key`) or a case (`case_id`). */
export const SHOW = "convsim-show";
/** A view says which conversation a person chose. */
export const CHOSEN = "convsim-chosen";

/**
 * @param {HTMLElement} el
 * @returns {Element | null} the workbench that a part stands in
 */
export const benchOf = (el) => el.closest(".convsim-workbench");

/**
 * Tell every view of the same workbench.
 * @param {HTMLElement} el
 * @param {string} name
 * @param {Record<string, unknown>} detail
 */
export function tellAll(el, name, detail) {
  for (const each of benchOf(el)?.querySelectorAll(".cs-look") ?? []) each.dispatchEvent(new CustomEvent(name, { detail }));
}
