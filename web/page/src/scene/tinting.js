/** What the scene is coloured by, and the rewriting of its table when that changes. */

import { anyReaches, tint } from "./tint.js";

/** @typedef {import("./tint.js").Look} Look */

export class Tint {
  /**
   * @param {import("../view/stage.js").Stage} stage
   * @param {import("../view/geometry.js").Geometry} geometry
   */
  constructor(stage, geometry) {
    this.stage = stage;
    this.geometry = geometry;
    this.colours = new Uint32Array(geometry.superpoints);
    /** @type {Look} */
    this.look = {
      layer: "heat", scores: [], threshold: 0.5, selected: null, lit: null, hidden: new Set(), only: null, objectOf: [], labelOf: [],
    };
    this.change({});
  }

  /**
   * @param {Partial<Look>} changed
   * @returns {boolean} whether nothing reached the threshold
   */
  change(changed) {
    const started = performance.now();
    Object.assign(this.look, changed);
    tint(this.look, this.colours);
    this.geometry.recolour(this.colours);
    this.geometry.shared.grey.value = this.look.layer === "heat" && this.look.scores.length > 0 ? 1 : 0;
    this.stage.holder.dataset.recolour = (performance.now() - started).toFixed(2);
    this.stage.draw();
    const [first] = this.look.scores;
    return first !== undefined && !anyReaches(first, this.look.threshold);
  }

  /**
   * @param {ArrayLike<number>} objectOf by superpoint
   * @param {import("./source.js").Region[]} objects
   */
  objectsAre(objectOf, objects) {
    /** @type {(string | null)[]} */
    const labelOf = [];
    for (const object of objects) labelOf[object.ordinal] = object.label;
    this.change({ objectOf, labelOf });
  }

  /**
   * The superpoints that a thing is made of.
   * @param {import("./source.js").Region | import("./source.js").Hit | null} thing
   * @returns {Set<number> | null}
   */
  superpointsOf(thing) {
    if (!thing) return null;
    if (thing.level === "superpoint") return new Set([thing.ordinal]);
    if (thing.superpoints?.length) return new Set(thing.superpoints);
    const found = new Set();
    if (thing.level !== "object") return found;
    for (let superpoint = 0; superpoint < this.look.objectOf.length; superpoint++)
      if (this.look.objectOf[superpoint] === thing.ordinal) found.add(superpoint);
    return found;
  }
}
