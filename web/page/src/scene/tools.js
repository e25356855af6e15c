/** Buttons over the view: the whole scene, the ceiling off, measuring, the list of keys. */

import { button } from "../dom.js";
import { upVector } from "../view/poses.js";
import { measured, stretches } from "./measure.js";

const CEILING = 0.82; // share of the scene's height that is kept

export class Tools {
  /**
   * @param {import("./page.js").ScenePage} page
   * @param {import("../view/geometry.js").Geometry} geometry
   */
  constructor(page, geometry) {
    this.page = page;
    this.geometry = geometry;
    this.measuring = false;
    /** @type {number[][]} */
    this.places = [];
    this.cut = false;
    this.ruler = button("Measure", () => this.measure(), { title: "Measure (M)", "aria-pressed": "false" });
    this.section = button("Ceiling off", () => this.ceiling(), { title: "Ceiling off or on (C)", "aria-pressed": "false" });
    page.parts.tools.append(
      button("Whole scene", () => page.flight?.fly(page.flight.home), { title: "The whole scene (R)" }),
      this.section, this.ruler, button("Keys", () => page.keys.showModal(), { title: "Keys (?)" }),
    );
    if (!geometry.manifest.mesh) this.ceiling();
  }

  /** Cut the scene below its ceiling, or show it whole again. */
  ceiling() {
    this.cut = !this.cut;
    this.section.setAttribute("aria-pressed", String(this.cut));
    const up = upVector(this.geometry.manifest.up_axis);
    const { low, high } = this.geometry.box();
    const ends = [low.toArray(), high.toArray()].map((place) => place.reduce((sum, value, axis) => sum + value * up[axis], 0));
    const [floor, top] = [Math.min(...ends), Math.max(...ends)];
    this.geometry.shared.section.value.set(up[0], up[1], up[2], this.cut ? floor + CEILING * (top - floor) : 1e9);
    this.page.stage.draw();
  }

  measure() {
    this.measuring = !this.measuring;
    this.ruler.setAttribute("aria-pressed", String(this.measuring));
    this.places = [];
    this.show();
  }

  /** @param {number[]} xyz */
  place(xyz) {
    this.places.push(xyz);
    this.show();
  }

  show() {
    const { tool } = this.page.parts;
    tool.hidden = !this.measuring;
    tool.textContent = this.measuring ? measured(this.places) : "";
    const found = stretches(this.places);
    this.page.overlay.set(
      "measure",
      found.map(({ from, to }) => ({ from, to, kind: "measure" })),
      found.map(({ from, to, metres }) => ({ at: from.map((value, axis) => (value + to[axis]) / 2), words: `${metres.toFixed(2)} m`, kind: "measure" })),
    );
  }
}
