/** Lines and words over the canvas: boxes and distances in the scene, projected anew with every frame, as SVG. */

import { Matrix4, Vector4 } from "three";
import { svg } from "../dom.js";

/** @typedef {{from: number[], to: number[], kind: string}} Line */
/** @typedef {{at: number[], words: string, kind: string}} Note */

export class Overlay {
  /** @param {import("./stage.js").Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.root = svg("svg", { class: "overlay", "aria-hidden": "true" });
    stage.holder.append(this.root);
    /** @type {Map<string, {lines: Line[], notes: Note[]}>} what is drawn, by who asked for it */
    this.parts = new Map();
    stage.after.push(() => this.project());
  }

  /**
   * @param {string} who
   * @param {Line[]} lines
   * @param {Note[]} [notes]
   */
  set(who, lines, notes = []) {
    this.parts.set(who, { lines, notes });
    this.stage.draw();
  }

  project() {
    const { width, height } = this.stage.size();
    const { camera } = this.stage;
    const matrix = new Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse);
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.replaceChildren();
    for (const { lines, notes } of this.parts.values()) {
      for (const line of lines) {
        const ends = clipped(matrix, line.from, line.to, width, height);
        if (!ends) continue;
        const [x1, y1, x2, y2] = ends;
        this.root.append(svg("line", { x1, y1, x2, y2, class: "casing" }), svg("line", { x1, y1, x2, y2, class: line.kind }));
      }
      for (const note of notes) {
        const place = clipped(matrix, note.at, note.at, width, height);
        if (!place) continue;
        this.root.append(svg("text", { x: place[0] + 6, y: place[1] - 6, class: note.kind }, document.createTextNode(note.words)));
      }
    }
  }
}

/**
 * A segment in pixels of the canvas, cut where it passes behind the eye; null where all of it does.
 * @param {Matrix4} matrix world to clip space
 * @param {number[]} from
 * @param {number[]} to
 * @param {number} width
 * @param {number} height
 */
function clipped(matrix, from, to, width, height) {
  const NEAR = 1e-3;
  const [a, b] = [from, to].map((place) => new Vector4(place[0], place[1], place[2], 1).applyMatrix4(matrix));
  if (a.w < NEAR && b.w < NEAR) return null;
  if (a.w < NEAR) a.lerp(b, (NEAR - a.w) / (b.w - a.w));
  if (b.w < NEAR) b.lerp(a, (NEAR - b.w) / (a.w - b.w));
  return [a, b].flatMap((place) => [((place.x / place.w + 1) / 2) * width, ((1 - place.y / place.w) / 2) * height]);
}
