/** A crop of a photograph with a box drawn on it: an SVG view into the picture, white-cased. */

import { svg } from "../dom.js";

/**
 * @param {string} href of the picture, at any size
 * @param {{width: number, height: number}} camera the size that the box is in
 * @param {number[]} box x, y, x, y
 * @param {string} words for those who do not see it
 */
export function crop(href, camera, box, words) {
  const [left, top, right, bottom] = box;
  const side = Math.min(Math.max(right - left, bottom - top) * 1.5 + 16, Math.max(camera.width, camera.height));
  const x = Math.min(Math.max((left + right - side) / 2, 0), Math.max(camera.width - side, 0));
  const y = Math.min(Math.max((top + bottom - side) / 2, 0), Math.max(camera.height - side, 0));
  const frame = { x: left, y: top, width: right - left, height: bottom - top };
  return svg(
    "svg",
    { class: "crop", viewBox: `${x} ${y} ${side} ${side}`, role: "img", "aria-label": words },
    svg("image", { href, width: camera.width, height: camera.height, preserveAspectRatio: "none" }),
    svg("rect", { ...frame, class: "casing" }),
    svg("rect", { ...frame, class: "box" }),
  );
}
