/** The text twin of the scene: every object as a button that does what a click on it in 3D does. */

import { button, el, fill } from "../dom.js";
import { many, metres } from "./wording.js";

/** @typedef {import("./source.js").Region} Region */

/**
 * @param {Element} list
 * @param {Region[]} objects
 * @param {(region: Region) => void} choose
 * @param {(region: Region | null) => void} light
 */
export function showObjects(list, objects, choose, light) {
  const items = objects.map((region) =>
    el(
      "li",
      { onpointerenter: () => light(region), onpointerleave: () => light(null) },
      button(nameOf(region), () => choose(region), { "data-region": `${region.ordinal}@${region.level}` }),
      el("span", { class: "numbers" }, `${many(region.point_count)} points · ${metres(region.oriented_box?.size)}`),
    ),
  );
  fill(list, items.length ? el("ul", { class: "objects" }, ...items) : el("p", { class: "note" }, "This scene has no objects yet."));
}

/** @param {{label?: string | null, level: string, ordinal: number}} region */
export const nameOf = (region) => region.label || `${region.level} ${region.ordinal}`;
