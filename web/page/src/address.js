/** The view of a scene as a URL, both ways: what is not said is the default. */

import { QUESTION_COLOURS } from "./view/colours.js";

/** @typedef {"heat" | "colour" | "regions" | "label" | "views"} Layer */
export const LAYERS = /** @type {Layer[]} */ (["heat", "colour", "regions", "label", "views"]);

/**
 * @typedef {object} View
 * @property {string[]} q questions, the last of them perhaps half typed
 * @property {string[]} not
 * @property {string} features
 * @property {string} region ORDINAL@LEVEL
 * @property {string} frame looked through
 * @property {number[] | null} eye
 * @property {number[] | null} at
 * @property {Layer} show
 * @property {boolean} box
 */

/**
 * @param {string} search
 * @returns {View}
 */
export function read(search) {
  const given = new URLSearchParams(search);
  const show = /** @type {Layer} */ (given.get("show"));
  return {
    q: given.getAll("q").filter((words) => words.trim()).slice(0, QUESTION_COLOURS.length),
    not: given.getAll("not").filter((words) => words.trim()),
    features: given.get("features") ?? "",
    region: /^\d+@[a-z]+$/.test(given.get("region") ?? "") ? /** @type {string} */ (given.get("region")) : "",
    frame: given.get("frame") ?? "",
    eye: place(given.get("eye")),
    at: place(given.get("at")),
    show: LAYERS.includes(show) ? show : "heat",
    box: given.get("box") !== "0",
  };
}

/**
 * @param {View} view
 * @returns {string} "?..." or ""
 */
export function write(view) {
  const out = new URLSearchParams();
  for (const words of view.q) out.append("q", words);
  for (const words of view.not) out.append("not", words);
  if (view.features) out.set("features", view.features);
  if (view.region) out.set("region", view.region);
  if (view.frame) out.set("frame", view.frame);
  if (view.eye && view.at && !view.frame) {
    out.set("eye", view.eye.map(short).join(","));
    out.set("at", view.at.map(short).join(","));
  }
  if (view.show !== "heat") out.set("show", view.show);
  if (!view.box) out.set("box", "0");
  return out.size ? `?${out}`.replaceAll("%2C", ",").replaceAll("%40", "@") : "";
}

/**
 * @typedef {object} Place where a view is kept
 * @property {() => string} search as a URL has it
 * @property {(view: View, pushed: boolean) => void} go `pushed` makes an entry that "back" returns to
 * @property {(() => string) | null} link that somebody can be sent
 */

/** @type {Place} the address of the page */
export const inUrl = {
  search: () => location.search,
  go: (view, pushed) => {
    const address = location.pathname + write(view);
    if (address === location.pathname + location.search) return;
    try {
      if (pushed) history.pushState(null, "", address);
      else history.replaceState(null, "", address);
    } catch {
      // some browsers keep no history of files on disk
    }
  },
  link: () => location.href,
};

/** @type {Place} for a view inside a page that is not its own */
export const nowhere = { search: () => "", go: () => {}, link: null };

/** @param {number} value */
const short = (value) => String(Math.round(value * 1000) / 1000);

/** @param {string | null} text */
function place(text) {
  const values = (text ?? "").split(",").map(Number);
  return values.length === 3 && text && values.every(Number.isFinite) ? values : null;
}
