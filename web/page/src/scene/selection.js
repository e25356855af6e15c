/** What is selected: its numbers, its photographs, and what can be done with it. */

import { button, el, fill } from "../dom.js";
import { boxAround } from "../view/boxes.js";
import { crop } from "./crop.js";
import { nameOf } from "./objects.js";
import { sized } from "./source.js";
import { many, metres, percent } from "./wording.js";

/** @typedef {import("./source.js").Region} Region */
/** @typedef {import("./source.js").Hit} Hit */
/**
 * @typedef {object} SelectionActs
 * @property {(() => void) | null} alike
 * @property {() => void} only
 * @property {() => void} hide
 * @property {() => void} everything
 * @property {() => void} frame
 * @property {(() => void) | null} copy
 * @property {(() => void) | null} ply
 * @property {() => void} close
 * @property {(frame: string) => void} look
 */

/**
 * @param {HTMLElement} panel
 * @param {(Region | Hit) | null} chosen
 * @param {SelectionActs} acts
 */
export function showSelection(panel, chosen, acts) {
  panel.hidden = chosen === null;
  if (!chosen) return fill(panel);
  const name = nameOf(chosen);
  const views = ("evidence" in chosen ? chosen.evidence : chosen.views) ?? [];
  const probability = "probability" in chosen ? percent(chosen.probability) : "";
  const numbers = [probability, metres(boxAround(chosen)?.size), `${many(chosen.point_count)} points`, `seen in ${views.length} photographs`];
  fill(
    panel,
    el("div", { class: "head" }, el("h2", {}, name), button("×", acts.close, { "aria-label": "Deselect", title: "Deselect (Esc)" })),
    el("p", { class: "numbers" }, numbers.filter(Boolean).join(" · ")),
    el(
      "div",
      { class: "actions" },
      acts.alike && button("More like this", acts.alike),
      button("Frame it", acts.frame),
      button("Only here", acts.only),
      button("Hide", acts.hide),
      button("Show all", acts.everything),
      acts.copy && button("Copy link", acts.copy),
      acts.ply && button("Save PLY", acts.ply),
    ),
    el("div", { class: "crops" }, ...views.filter((seen) => seen.camera).slice(0, 4).map((seen) => {
      const press = button("", () => acts.look(seen.frame), { class: "evidence", title: `Look through photograph ${seen.frame}` });
      press.append(crop(sized(seen.image, 640), seen.camera, seen.box_xyxy, `${name} in photograph ${seen.frame}`));
      return press;
    })),
  );
}
