// The workbench's own parts: the bar over the panes, and the shelf of runs. What is in the panes are widgets of their own.

import { createBar } from "./workbench_bar.js";
import { createShelf } from "./workbench_shelf.js";

/** @import {Model} from "./types" */

/** @param {{model: Model & {get: (name: string) => unknown}, el: HTMLElement}} widget */
function render({ model, el }) {
  const part = model.get("part") === "runs" ? createShelf(model, el) : createBar(model, el);
  el.append(part.node);
  part.start();
  return part.close;
}

export default { render };
