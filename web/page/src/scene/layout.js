/** Where things are on the scene's page: the view, its tools, the panel of hits and objects, the film strip. */

import { button, el } from "../dom.js";

/** @typedef {import("../address.js").Layer} Layer */

/**
 * @param {HTMLElement} app
 * @param {{asking: Element, legend: Element, filmstrip: Element}} pieces
 * @param {string} name of the scene
 */
export function layOut(app, pieces, name) {
  const holder = el("div", { class: "stage", "data-state": "loading" });
  const layers = el("div", { class: "layers", role: "group", "aria-label": "Colours" });
  const tools = el("div", { class: "tools", role: "group", "aria-label": "Tools" });
  const tool = el("p", { class: "tool", role: "status", hidden: true });
  const looking = el("div", { class: "looking", hidden: true });
  const wait = el("p", { class: "wait", role: "status" }, "Loading the scene …");
  const view = el("section", { class: "view", "aria-label": "3D view" }, holder, layers, tools, pieces.legend, tool, looking, wait);
  const selection = el("section", { class: "selection", "aria-label": "Selected", hidden: true });
  const hits = el("section", { class: "results", "aria-label": "Hits", hidden: true });
  const objects = el("div", {});
  const all = el("details", { class: "all", open: true }, el("summary", {}, "Objects of the scene"), objects);
  const about = app.querySelector("section.facts"); // the server's words on the scene
  const panel = el("div", { class: "panel" }, el("h1", {}, name), pieces.asking, selection, hits, all, about);
  app.classList.add("scene");
  app.replaceChildren(view, panel, pieces.filmstrip);
  return { holder, layers, tools, tool, looking, wait, view, selection, hits, objects, all, panel };
}

/** @type {[Layer, string][]} */
const NAMES = [["heat", "Heat"], ["colour", "Colour"], ["regions", "Regions"], ["label", "Labels"]];

/**
 * @param {Element} group
 * @param {(layer: Layer) => void} choose
 */
export function layerButtons(group, choose) {
  const made = NAMES.map(([layer, words], index) => ({ layer, press: button(words, () => choose(layer), { title: `${words} (${index + 1})` }) }));
  group.replaceChildren(...made.map(({ press }) => press));
  return (/** @type {Layer} */ shown) => {
    for (const { layer, press } of made) press.setAttribute("aria-pressed", String(layer === shown));
  };
}
