// Only one place in all modules puts HTML into the page, and none runs text as code.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const folder = new URL("../src/", import.meta.url);
const modules = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".js"));
const SINKS =
  /\.(?:innerHTML|outerHTML|srcdoc)\b|insertAdjacentHTML|createContextualFragment|DOMParser|setHTMLUnsafe|document\.write|\beval\(|new Function|javascript:|\.(?:href|src)\s*=/g;

test("there is one sink for HTML, `setSanitised`", () => {
  const found = modules.flatMap((name) => {
    const source = readFileSync(new URL(name, folder), "utf8");
    return [...source.matchAll(SINKS)].map((match) => `${name}: ${match[0]}`);
  });
  assert.deepEqual(found, ["dom.js: .innerHTML"]);
});

test("nothing is fetched from anywhere", () => {
  const names = ["run_view", "case_grid", "session_picker"].flatMap((view) => [`${view}.js`, `${view}.css`]);
  const built = names.map((name) => readFileSync(new URL(`../../static/${name}`, import.meta.url), "utf8"));
  for (const text of built) assert.doesNotMatch(text, /https?:|@import|url\(|\bfetch\(|XMLHttpRequest|import\(/);
});
