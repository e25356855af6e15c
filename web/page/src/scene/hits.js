/** The list of hits: rank, name, numbers, three evidence crops; hovering lights, a click flies, arrow keys walk. */

import { button, el, fill } from "../dom.js";
import { crop } from "./crop.js";
import { nameOf } from "./objects.js";
import { sized } from "./source.js";
import { many, metres, percent } from "./wording.js";

/** @typedef {import("./source.js").Hit} Hit */
/** @typedef {import("./source.js").Answer} Answer */
/**
 * @typedef {object} HitActs
 * @property {(hit: Hit) => void} choose
 * @property {(hit: Hit | null) => void} light
 * @property {(hit: Hit, frame: string) => void} look through a photograph
 */

const CROPS = 3;

/**
 * @param {Element} list
 * @param {Answer} answer
 * @param {string} scene hits of others are links there
 * @param {HitActs} acts
 */
export function showHits(list, answer, scene, acts) {
  const items = answer.hits.map((hit, index) => item(hit, index + 1, scene, acts));
  fill(
    list,
    items.length ? el("ol", { class: "hits" }, ...items) : el("p", { class: "note" }, "No hits."),
    ...(answer.notes ?? []).map((note) => el("p", { class: "note" }, note)),
  );
}

/**
 * @param {Hit} hit
 * @param {number} rank
 * @param {string} scene
 * @param {HitActs} acts
 */
function item(hit, rank, scene, acts) {
  const here = hit.scene === scene;
  const name = nameOf(hit);
  const title = here
    ? button(`${rank}. ${name}`, () => acts.choose(hit), { class: "name" })
    : el("a", { class: "name", href: hit.url }, `${rank}. ${hit.scene}: ${name}`);
  const numbers = [percent(hit.probability), `score ${hit.score.toFixed(3)}`, metres(hit.oriented_box?.size), `${many(hit.point_count)} points`];
  const crops = hit.evidence.slice(0, CROPS).map((seen) => {
    const words = `${name} in photograph ${seen.frame}`;
    const drawn = crop(sized(seen.image, 640), seen.camera, seen.box_xyxy, words);
    if (!here) return drawn;
    const press = el("button", { type: "button", class: "evidence", title: `Look through photograph ${seen.frame}`, onclick: () => acts.look(hit, seen.frame) });
    press.append(drawn);
    return press;
  });
  const entry = el(
    "li",
    { "data-region": `${hit.ordinal}@${hit.level}`, onpointerenter: () => acts.light(hit), onpointerleave: () => acts.light(null), onfocusin: () => acts.light(hit), onfocusout: () => acts.light(null), onkeydown: walk },
    title,
    el("span", { class: "numbers" }, numbers.filter(Boolean).join(" · ")),
    el("div", { class: "crops" }, ...crops),
    parts(hit, acts),
    landmarks(hit),
  );
  return entry;
}

/**
 * @param {Hit} hit
 * @param {HitActs} acts
 */
function parts(hit, acts) {
  if (!hit.parts?.length) return null;
  const entries = hit.parts.map((part) =>
    el(
      "li",
      { onpointerenter: () => acts.light(part), onpointerleave: () => acts.light(null) },
      button(nameOf(part), () => acts.choose(part), { class: "part" }),
      ` ${percent(part.probability)} ${metres(part.oriented_box?.size)}`,
    ),
  );
  return el("details", { class: "parts" }, el("summary", {}, `${hit.parts.length} ${hit.parts.length === 1 ? "part" : "parts"}`), el("ul", {}, ...entries));
}

/** @param {Hit} hit */
function landmarks(hit) {
  if (!hit.landmarks?.length) return null;
  const words = hit.landmarks.map((mark) => {
    const far = typeof mark.distance === "number" ? `, ${mark.distance.toFixed(2)} m` : "";
    return el("li", {}, `${mark.relation} ${nameOf(mark.hit)}${far}`);
  });
  return el("ul", { class: "landmarks" }, ...words);
}

/** @param {KeyboardEvent} event arrow keys go from hit to hit */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const item = /** @type {HTMLElement} */ (event.currentTarget);
  const next = step === 1 ? item.nextElementSibling : step === -1 ? item.previousElementSibling : null;
  if (!step) return;
  event.preventDefault();
  /** @type {HTMLElement | null | undefined} */ (next?.querySelector(".name"))?.focus();
}
