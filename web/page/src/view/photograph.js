/** Looking through a photograph: the camera takes its pose and exact intrinsics, the picture lies over the scene and fades. */

import { Matrix4 } from "three";
import { el } from "../dom.js";
import { contained, frustum, worldMatrix } from "./poses.js";

/** @typedef {{name: string, camera: import("./poses.js").Intrinsics, camera_to_world: number[] | number[][], image: string}} Frame */

export class Photograph {
  /**
   * @param {import("./stage.js").Stage} stage
   * @param {import("./flight.js").Flight} flight
   */
  constructor(stage, flight) {
    this.stage = stage;
    this.flight = flight;
    /** @type {Frame | null} */
    this.frame = null;
    /** @type {import("./flight.js").Pose | null} where one stood before */
    this.before = null;
    this.picture = el("img", { class: "photograph", alt: "", draggable: "false", hidden: true });
    this.opacity = 0.6;
    stage.canvas.after(this.picture);
  }

  /** @param {Frame} frame */
  enter(frame) {
    const { stage, flight, picture } = this;
    flight.stop();
    if (!this.frame) this.before = flight.pose();
    this.frame = frame;
    flight.controls.enabled = false; // they would turn the camera back to their own target
    stage.projection = () => this.project();
    picture.alt = `Photograph ${frame.name}`;
    picture.hidden = false;
    picture.src = frame.image;
    this.fade(this.opacity);
    stage.move();
  }

  leave() {
    if (!this.frame) return;
    const { stage, flight, picture } = this;
    this.frame = null;
    stage.projection = null;
    picture.hidden = true;
    picture.removeAttribute("src");
    stage.camera.matrixAutoUpdate = true;
    stage.camera.up.copy(flight.up);
    flight.controls.enabled = true;
    flight.jump(this.before ?? flight.home);
  }

  /** @param {number} opacity */
  fade(opacity) {
    this.opacity = opacity;
    this.picture.style.opacity = String(opacity);
  }

  /** Where the picture lies in the canvas. */
  placed() {
    return this.frame ? contained(this.frame.camera, this.stage.size()) : null;
  }

  project() {
    const { frame, stage } = this;
    const placed = this.placed();
    if (!frame || !placed) return;
    const { camera } = stage;
    const { left, right, top, bottom } = frustum(frame.camera, placed, stage.size(), camera.near);
    camera.projectionMatrix.makePerspective(left, right, top, bottom, camera.near, camera.far);
    camera.projectionMatrixInverse.copy(camera.projectionMatrix).invert();
    camera.matrixAutoUpdate = false;
    camera.matrix.copy(new Matrix4().fromArray(worldMatrix(frame.camera_to_world)));
    camera.matrixWorldNeedsUpdate = true;
    camera.updateMatrixWorld(true);
    for (const side of /** @type {const} */ (["left", "top", "width", "height"]))
      this.picture.style[side] = `${placed[side]}px`;
  }
}
