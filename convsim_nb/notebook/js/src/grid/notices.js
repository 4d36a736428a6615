// What the grid says to the person: in passing, for screen readers, and above the rows as long as it holds.

import { h, setText } from "../dom.js";

/** @import {Head} from "./toolbar.js" */

/** A message in passing goes away after so long; in milliseconds. */
const TOAST = 8000;
const BUSY = "The kernel does not answer: it is busy, or was restarted. What is typed now is not in Python yet.";
const RESTARTED = "The kernel was restarted: what is typed now is not kept.";
const AGAIN = "Run %load_ext convsim_nb and then %convsim edit with the same cases: it offers the edits that were not saved.";
const AGAIN_IN_WORKBENCH = "What was edited before is on disk, and the workbench offers it when its cell is run again.";

/** @param {(what: string) => void} ask */
export function createNotices(ask) {
  const status = h("div", { class: "cs-status", role: "status" });
  const toast = h("div", { class: "cs-g-toast", role: "alert", hidden: true });
  const lost = h("div", { class: "cs-note cs-g-notice", hidden: true });
  const problem = h("div", { class: "cs-note cs-g-notice", hidden: true });
  const offered = h("span", {});
  const offer = h(
    "div",
    { class: "cs-g-notice cs-row-of", role: "status", hidden: true },
    offered,
    h("button", { type: "button", class: "cs-main", onclick: () => ask("bring_back") }, "Bring them back"),
    h("button", { type: "button", class: "cs-control", onclick: () => ask("let_go") }, "Let them go"),
  );
  let fading = 0;

  /** @param {string} words @param {boolean} bad */
  function show(words, bad) {
    toast.classList.toggle("cs-g-bad", bad);
    toast.textContent = words;
    toast.hidden = false;
    clearTimeout(fading);
    fading = window.setTimeout(() => (toast.hidden = true), TOAST);
  }

  return {
    above: [lost, problem, offer],
    below: [toast, status],
    show,
    /** @param {string} words @param {boolean} [seen] whether it is shown as well */
    say(words, seen = false) {
      status.textContent = words;
      if (seen) show(words, false);
    },
    /** @param {unknown} error */
    complain: (error) => show(error instanceof Error ? error.message : String(error), true),
    /** @param {Head} head */
    paint(head) {
      offer.hidden = !head.offer;
      setText(offered, head.offer);
      problem.hidden = !head.problem;
      setText(problem, head.problem);
    },
    /** @param {{lost: boolean, gone: boolean}} kernel */
    paintLost(kernel) {
      lost.hidden = !kernel.lost;
      const again = lost.closest(".convsim-workbench") ? AGAIN_IN_WORKBENCH : AGAIN;
      setText(lost, kernel.gone ? `${RESTARTED} ${again}` : BUSY);
    },
    close: () => clearTimeout(fading),
  };
}
