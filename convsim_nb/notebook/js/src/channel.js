// A view's line to the kernel: it asks for the state until it comes, sends wishes, and notices silence.

import { ownKeys } from "./dom.js";

/**
 * @import {Model} from "./types"
 */

/**
 * @typedef {object} Ear
 * @property {(message: any) => void} onState the whole state has come, as it was asked for
 * @property {(message: any) => void} [onMessage] anything else: a batch, details
 * @property {() => void} [onLost] the kernel went silent, or speaks again: see `lost`
 * @property {() => Record<string, unknown>} [asked] what is said with each `hello`
 * @property {() => boolean} [isOver] true once nothing is expected of the kernel any more, so that silence is no loss
 */

const FIRST_RETRY = 3000;
const LAST_RETRY = 30000;
/** After so long a silence, the kernel is asked whether it is there; in milliseconds. */
const SILENCE = 15000;
/** So long it may take to answer, if it is busy. */
const PATIENCE = 8000;
/** So long a wish is waited for: a fork in a run that is over may have to open a store. */
const WAITED = 60000;

/**
 * @param {Model} model
 * @param {Ear} ear
 */
export function channel(model, { onState, onMessage, onLost, asked, isOver = () => false }) {
  const view = Math.random().toString(36).slice(2);
  /** @type {Map<string, {done: (result: Record<string, any>) => void, refused: (problem: Error) => void}>} */
  const wishes = new Map();
  let known = false;
  let lost = false;
  let gone = false;
  let asking = false;
  let spokeAt = performance.now();
  let pingedAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;

  /** @param {unknown} message */
  function send(message) {
    try {
      model.send(message);
    } catch {
      silent(); // the kernel is gone, and its channel with it
    }
  }

  function silent() {
    if (lost || isOver()) return;
    lost = true;
    onLost?.();
  }

  /** The kernel's end went, with a restart, or is back: if the kernel still knows the view, it answers. */
  function onLive() {
    if (!known || isOver()) return;
    const was = gone;
    gone = true;
    hello();
    if (lost && !was) onLost?.();
    silent();
  }

  /** @param {number} wait until it is asked again: a kernel that computes answers late, one that is gone never */
  function hello(wait = FIRST_RETRY) {
    asking = true;
    send({ type: "hello", view, ...asked?.() });
    clearTimeout(retry);
    retry = setTimeout(() => hello(Math.min(2 * wait, LAST_RETRY)), wait);
  }

  /** @param {any} message */
  function heard(message) {
    spokeAt = performance.now();
    if (lost) {
      lost = gone = false;
      onLost?.();
    }
    if ("to" in (message ?? {}) && message.to !== view) return;
    switch (message?.type) {
      case "state":
        if (!asking) return;
        asking = false;
        known = true;
        clearTimeout(retry);
        return onState(message);
      case "done":
      case "refused": {
        const wish = wishes.get(message.id);
        wishes.delete(message.id);
        if (message.type === "done") wish?.done(message.result);
        else wish?.refused(new Error(message.problem));
        return;
      }
      default:
        onMessage?.(message);
    }
  }

  model.on("msg:custom", heard);
  model.on("comm_live_update", onLive);
  ownKeys();
  return {
    send,
    hello: () => hello(),
    /** The state was asked for, and has not come. */
    get asking() {
      return asking;
    },
    /** The kernel does not answer any more. */
    get lost() {
      return lost;
    },
    /** It was restarted: what it did is over. */
    get gone() {
      return gone;
    },
    /** @param {string} type @param {Record<string, unknown>} [more] */
    say: (type, more = {}) => send({ type, view, ...more }),
    /** Ask whether the kernel is there, where it has said nothing for long; to be called each second. */
    watch() {
      if (!known || isOver()) return;
      const now = performance.now();
      if (pingedAt > spokeAt && now - pingedAt > PATIENCE) silent();
      if (now - Math.max(spokeAt, pingedAt) > (lost ? PATIENCE : SILENCE)) {
        pingedAt = now;
        send({ type: "ping", view });
      }
    },
    /**
     * Ask the kernel to do something; it does each wish once.
     * @param {string} what
     * @param {Record<string, unknown>} given
     * @returns {Promise<Record<string, any>>} its answer; refused with a line for the person
     */
    ask(what, given) {
      const id = `${view}-${Math.random().toString(36).slice(2)}`;
      return new Promise((resolve, reject) => {
        const patience = setTimeout(() => {
          if (wishes.delete(id)) reject(new Error("The kernel has not answered: it is busy, or gone."));
        }, WAITED);
        const over = () => clearTimeout(patience);
        wishes.set(id, { done: (result) => (over(), resolve(result)), refused: (error) => (over(), reject(error)) });
        send({ type: "do", view, id, what, given });
      });
    },
    close() {
      clearTimeout(retry);
      model.off("msg:custom", heard);
      model.off("comm_live_update", onLive);
    },
  };
}
