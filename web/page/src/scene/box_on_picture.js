/** A box dragged on the photograph that is looked through becomes a question. */

import { el } from "../dom.js";

const LEAST = 4; // pixels of the photograph

/**
 * From two corners on the page to x, y, x, y in pixels of the photograph, cut to it.
 * @param {number[]} from
 * @param {number[]} to
 * @param {{left: number, top: number, width: number, height: number}} placed
 * @param {{width: number, height: number}} camera
 */
export function boxOf(from, to, placed, camera) {
  const scale = camera.width / placed.width;
  /** @param {number} value @param {number} start @param {number} most */
  const inside = (value, start, most) => Math.min(Math.max(Math.round((value - start) * scale), 0), most);
  const xs = [from[0], to[0]].map((x) => inside(x, placed.left, camera.width)).sort((a, b) => a - b);
  const ys = [from[1], to[1]].map((y) => inside(y, placed.top, camera.height)).sort((a, b) => a - b);
  return [xs[0], ys[0], xs[1], ys[1]];
}

/**
 * @param {import("./page.js").ScenePage} page
 * @param {import("./source.js").Frame} frame
 */
export function boxOnPicture(page, frame) {
  const drawn = el("div", { class: "rubber", hidden: true });
  const sheet = el("div", { class: "dragging", "aria-label": "Drag a box on the photograph" }, drawn);
  page.parts.holder.append(sheet);
  page.questions.say("Drag a box around the thing to search for; Esc ends.");
  /** @type {number[] | null} */
  let from = null;
  const end = () => {
    sheet.remove();
    document.removeEventListener("keydown", key, true);
  };
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    end();
  };
  document.addEventListener("keydown", key, true);
  sheet.addEventListener("pointerdown", (event) => {
    sheet.setPointerCapture(event.pointerId);
    from = [event.offsetX, event.offsetY];
  });
  sheet.addEventListener("pointermove", (event) => {
    if (!from) return;
    drawn.hidden = false;
    drawn.style.left = `${Math.min(from[0], event.offsetX)}px`;
    drawn.style.top = `${Math.min(from[1], event.offsetY)}px`;
    drawn.style.width = `${Math.abs(event.offsetX - from[0])}px`;
    drawn.style.height = `${Math.abs(event.offsetY - from[1])}px`;
  });
  sheet.addEventListener("pointerup", (event) => {
    const placed = page.photograph?.placed();
    if (!from || !placed) return end();
    const box = boxOf(from, [event.offsetX, event.offsetY], placed, frame.camera);
    end();
    if (box[2] - box[0] < LEAST || box[3] - box[1] < LEAST) return page.questions.say("That box is too small: drag a larger one.", true);
    page.questions.add({ words: `box in ${frame.name}`, example: { frame: frame.name, box_xyxy: box }, thumbnail: null });
  });
}
