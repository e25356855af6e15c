/** The colour of every superpoint: from scores, or a layer, with what is selected, lit, hidden. Numbers only. */

import { HIDDEN } from "../view/lookup.js";
import { PLAIN, QUESTION_COLOURS, SELECTED, heat, numbered, word } from "../view/colours.js";

/**
 * @typedef {object} Scores of one question
 * @property {string} question
 * @property {number} low the scene's median
 * @property {number} high the scene's best
 * @property {Float32Array} score by superpoint; NaN where no frame saw it
 * @property {Float32Array | null} probability by superpoint
 */

/**
 * @typedef {object} Look
 * @property {import("../address.js").Layer} layer
 * @property {Scores[]} scores
 * @property {number} threshold probability below which nothing is lit
 * @property {Set<number> | null} selected superpoints
 * @property {Set<number> | null} lit superpoints under the pointer
 * @property {Set<number>} hidden superpoints
 * @property {Set<number> | null} only these are drawn
 * @property {ArrayLike<number>} objectOf by superpoint
 * @property {(string | null)[]} labelOf by object
 */

/**
 * @param {Look} look
 * @param {Uint32Array} colours written: a word for every superpoint
 */
export function tint(look, colours) {
  const paint = painter(look);
  for (let superpoint = 0; superpoint < colours.length; superpoint++) {
    if (look.hidden.has(superpoint) || (look.only && !look.only.has(superpoint))) colours[superpoint] = HIDDEN;
    else if (look.lit?.has(superpoint)) colours[superpoint] = word(SELECTED, 0.8);
    else {
      const own = paint(superpoint);
      colours[superpoint] = own === PLAIN && look.selected?.has(superpoint) ? word(SELECTED, 0.55) : own;
    }
  }
}

/**
 * @param {Look} look
 * @returns {(superpoint: number) => number}
 */
function painter(look) {
  if (look.layer === "regions") return (superpoint) => word(numbered(look.objectOf[superpoint] ?? superpoint), 0.75);
  if (look.layer === "label") {
    const numbers = new Map([...new Set(look.labelOf.filter(Boolean))].sort().map((label, index) => [label, index]));
    return (superpoint) => {
      const label = numbers.get(look.labelOf[look.objectOf[superpoint]] ?? null);
      return label === undefined ? PLAIN : word(numbered(label), 0.75);
    };
  }
  if (look.layer !== "heat" || look.scores.length === 0) return () => PLAIN;
  if (look.scores.length > 1) return (superpoint) => coloursWord(look.scores, superpoint, look.threshold);
  const [scores] = look.scores;
  const faint = !anyReaches(scores, look.threshold);
  return (superpoint) => (faint ? faintWord(scores, superpoint) : heatWord(scores, superpoint, look.threshold));
}

/**
 * How bright a superpoint is for one question: 0 at the median and below, 1 at the best.
 * @param {Scores} scores
 * @param {number} superpoint
 */
export function share(scores, superpoint) {
  const value = (scores.score[superpoint] - scores.low) / Math.max(scores.high - scores.low, 1e-6);
  return value > 0 ? Math.min(value, 1) : 0; // NaN is 0
}

/**
 * Whether a superpoint is lit; without probabilities the score alone decides.
 * @param {Scores} scores
 * @param {number} threshold
 */
export function anyReaches(scores, threshold) {
  return scores.probability === null || scores.probability.some((value) => value >= threshold);
}

/**
 * The nearest things where nothing reaches the threshold.
 * @param {Scores} scores
 * @param {number} superpoint
 */
function faintWord(scores, superpoint) {
  const bright = share(scores, superpoint);
  return bright < 0.5 ? PLAIN : word(heat(0.25 + 0.75 * bright), 0.7 * (bright - 0.4));
}

/**
 * @param {Scores} scores
 * @param {number} superpoint
 * @param {number} threshold
 */
function heatWord(scores, superpoint, threshold) {
  const bright = share(scores, superpoint);
  if (bright <= 0 || (scores.probability && !(scores.probability[superpoint] >= threshold))) return PLAIN;
  return word(heat(0.25 + 0.75 * bright), 0.35 + 0.6 * bright);
}

/**
 * @param {Scores[]} all
 * @param {number} superpoint
 * @param {number} threshold
 */
function coloursWord(all, superpoint, threshold) {
  let best = -1, most = 0;
  all.forEach((scores, index) => {
    const value = scores.probability ? scores.probability[superpoint] : share(scores, superpoint);
    if (value >= threshold && value > most) [best, most] = [index, value];
  });
  return best < 0 ? PLAIN : word(QUESTION_COLOURS[best], 0.25 + 0.65 * most);
}
