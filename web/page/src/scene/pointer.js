/** Clicks on the scene: one selects the object, with Alt the superpoint, two fly there; the measuring tool takes places. */

import { pick } from "../view/pick.js";

const STILL = 4; // pixels that a click may move

export class Pointer {
  /** @param {import("./page.js").ScenePage} page */
  constructor(page) {
    this.page = page;
    /** @type {PointerEvent | null} */
    this.down = null;
    const { canvas } = page.stage;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `The scene ${page.source.scene} in 3D; the list of objects says the same in words.`);
    canvas.addEventListener("pointerdown", (event) => (this.down = event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("dblclick", () => page.chosen.frameIt());
    page.photograph?.picture.addEventListener("click", (event) => this.click(event));
  }

  /** @param {PointerEvent} event */
  up(event) {
    const still = this.down && Math.hypot(event.clientX - this.down.clientX, event.clientY - this.down.clientY) <= STILL;
    this.down = null;
    if (still && event.button === 0) this.click(event);
  }

  /** @param {MouseEvent} event */
  click(event) {
    const { page } = this;
    const bounds = page.stage.canvas.getBoundingClientRect();
    const picked = pick(page.stage, event.clientX - bounds.left, event.clientY - bounds.top);
    if (page.tools?.measuring) return picked ? page.tools.place(picked.xyz) : undefined;
    if (!picked) return page.chosen.thing ? page.chosen.deselect() : undefined;
    if (event.detail > 1) return;
    const object = page.tint?.look.objectOf[picked.superpoint] ?? -1;
    page.chosen.by(event.altKey || object < 0 ? "superpoint" : "object", event.altKey || object < 0 ? picked.superpoint : object);
  }
}
