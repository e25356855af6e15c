/** Numbers as people read them. */

/** @param {number} count */
export const many = (count) => count.toLocaleString("en");

/** @param {number | null | undefined} probability */
export const percent = (probability) =>
  probability === null || probability === undefined ? "" : `${Math.round(probability * 100)} %`;

/** @param {number[] | undefined} size metres */
export const metres = (size) => (size ? size.map((side) => side.toFixed(2)).join(" × ") + " m" : "");
