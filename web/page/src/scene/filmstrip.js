/** The photographs of a scene in a row; one press looks through it. */

import { button, el, fill } from "../dom.js";
import { sized } from "./source.js";

/** @typedef {import("./source.js").Frame} Frame */

export class Filmstrip {
  /** @param {(frame: string) => void} look */
  constructor(look) {
    this.look = look;
    /** @type {Frame[]} */
    this.frames = [];
    this.root = el("div", { class: "filmstrip", role: "group", "aria-label": "Photographs", hidden: true });
  }

  /** @param {Frame[]} frames */
  show(frames) {
    this.frames = frames;
    this.root.hidden = frames.length === 0;
    fill(this.root, ...frames.map((frame) => {
      const press = button("", () => this.look(frame.name), { "aria-label": `Look through photograph ${frame.name}`, "data-frame": frame.name });
      const { width, height } = frame.camera;
      press.append(el("img", { src: sized(frame.image, 160), alt: "", loading: "lazy", width: 96, height: Math.round((96 * height) / width) }));
      return press;
    }));
  }

  /** @param {string} name of the photograph that is looked through, or "" */
  mark(name) {
    for (const press of this.root.querySelectorAll("button")) {
      const here = press.dataset.frame === name;
      press.setAttribute("aria-pressed", String(here));
      if (here) press.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  /**
   * @param {string} name
   * @param {number} step
   */
  beside(name, step) {
    const at = this.frames.findIndex((frame) => frame.name === name);
    return at < 0 ? undefined : this.frames[(at + step + this.frames.length) % this.frames.length];
  }
}
