/** Keys of the scene's page, and the list of them. */

import { button, el } from "../dom.js";

/** @type {[string, string][]} */
const LIST = [
  ["/", "go to the search box"], ["Esc", "back: photograph, tool, selection"], ["↑ ↓", "walk the hits"], ["← →", "photograph before, after"],
  ["W A S D Q E", "fly"], ["R", "the whole scene again"], ["F", "frame what is selected"], ["1 2 3 4", "heat, colour, regions, labels"],
  ["M", "measure"], ["C", "ceiling off or on"], ["B", "boxes off or on"], ["?", "this list"],
];

const STEPS = /** @type {Record<string, number[]>} */ ({
  w: [0, 0, 1], s: [0, 0, -1], a: [-1, 0, 0], d: [1, 0, 0], q: [0, -1, 0], e: [0, 1, 0],
});

/**
 * @param {HTMLElement | Document} keyboard where keys are pressed
 * @param {Record<string, () => void>} acts by key
 * @param {(step: number[]) => void} walk
 */
export function listen(keyboard, acts, walk) {
  keyboard.addEventListener("keydown", (/** @type {any} */ pressed) => {
    const event = /** @type {KeyboardEvent} */ (pressed);
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input[type=search], input[type=text], textarea, select, dialog")) return;
    if (target.closest("input[type=range]") && event.key.startsWith("Arrow")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (STEPS[key]) walk(STEPS[key]);
    else if (acts[key]) acts[key]();
    else return;
    event.preventDefault();
  });
}

/** @returns {HTMLDialogElement} */
export function keyList() {
  const rows = LIST.flatMap(([key, words]) => [el("dt", {}, key), el("dd", {}, words)]);
  const dialog = el("dialog", { class: "keys", "aria-label": "Keys" }, el("h2", {}, "Keys"), el("dl", {}, ...rows));
  dialog.append(button("Close", () => dialog.close()));
  return dialog;
}
