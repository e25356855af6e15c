/** Measuring: places chosen one after another, the metres between them, and a chain's sum. */

/** @typedef {{from: number[], to: number[], metres: number}} Stretch */

/**
 * @param {number[]} a
 * @param {number[]} b
 */
export const distance = (a, b) => Math.hypot(...a.map((value, axis) => value - b[axis]));

/**
 * @param {number[][]} places
 * @returns {Stretch[]}
 */
export function stretches(places) {
  return places.slice(1).map((to, index) => ({ from: places[index], to, metres: distance(places[index], to) }));
}

/** @param {number[][]} places */
export function measured(places) {
  const found = stretches(places);
  if (!found.length) return places.length ? "Choose a second point." : "Choose two points to measure between; Esc ends.";
  const sum = found.reduce((total, stretch) => total + stretch.metres, 0);
  const each = found.map((stretch) => `${stretch.metres.toFixed(2)} m`).join(" + ");
  return found.length > 1 ? `${each} = ${sum.toFixed(2)} m` : each;
}
