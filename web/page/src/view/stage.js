/** The canvas: draws when something changed, learns what a frame costs, and tells when the picture is complete. */

import { PerspectiveCamera, Scene, WebGLRenderer } from "three";
import { Governor } from "./governor.js";

/** @typedef {import("./geometry.js").Geometry} Geometry */

const RETRY_MS = 400;
const HOPES = 6; // a machine that is too slow is left in peace after so many
const REST_MS = 150; // after the last move the whole scene is drawn

export class Stage {
  /** @param {HTMLElement} holder */
  constructor(holder) {
    this.holder = holder;
    const gl = document.createElement("canvas");
    this.renderer = new WebGLRenderer({ canvas: gl, antialias: false, alpha: true });
    this.renderer.setClearColor(0, 0); // the page's own background shows
    this.canvas = gl;
    holder.prepend(gl);
    this.scene = new Scene();
    this.camera = new PerspectiveCamera(60, 1, 0.05, 200);
    /** @type {Geometry | null} */
    this.geometry = null;
    this.governor = new Governor([0]);
    this.moved = 0;
    this.asked = 0;
    this.hopes = 0;
    /** @type {(() => void)[]} called after every frame */
    this.after = [];
    /** @type {(() => void) | null} sets the projection where a photograph is looked through */
    this.projection = null;
    new ResizeObserver(() => this.resize()).observe(holder);
    document.addEventListener("visibilitychange", () => this.draw());
    gl.addEventListener("webglcontextlost", (event) => event.preventDefault());
    gl.addEventListener("webglcontextrestored", () => this.draw());
    this.resize();
  }

  /** @param {Geometry} geometry */
  put(geometry) {
    this.geometry = geometry;
    this.scene.add(geometry.group);
    this.governor = new Governor(geometry.counts);
    this.draw();
  }

  size() {
    return { width: Math.max(this.holder.clientWidth, 1), height: Math.max(this.holder.clientHeight, 1) };
  }

  resize() {
    const { width, height } = this.size();
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.project();
    this.draw();
  }

  project() {
    const { width, height } = this.size();
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.projection?.();
    if (this.geometry)
      this.geometry.shared.pixels.value = (this.renderer.domElement.height / 2) * this.camera.projectionMatrix.elements[5];
  }

  /** The camera moved: draw at once what can be drawn in time, all of it when it rests. */
  move() {
    this.moved = performance.now();
    this.hopes = 0;
    this.draw();
  }

  /** What was too slow before may be quick enough now. */
  retry() {
    if (this.asked || this.moving()) return;
    this.governor.hope();
    if (this.governor.levels(false) > Number(this.holder.dataset.level)) this.draw();
    else if (this.hopes++ < HOPES) setTimeout(() => this.retry(), RETRY_MS);
    else this.complete();
  }

  complete() {
    if (this.holder.dataset.loaded === "yes") this.holder.dataset.state = "drawn";
  }

  /** Something changed: draw before the next frame is shown. */
  draw() {
    this.holder.dataset.state = "drawing";
    if (this.asked || document.hidden) return;
    this.asked = requestAnimationFrame(() => this.frame());
  }

  frame() {
    this.asked = 0;
    const geometry = this.geometry;
    if (!geometry) return;
    const levels = this.governor.levels(this.moving());
    this.project();
    geometry.show(levels);
    const started = performance.now();
    this.renderer.render(this.scene, this.camera);
    for (const act of this.after) act();
    if (levels > 0 && !(Number(this.holder.dataset.level) > 0)) performance.mark("ovstore: first picture");
    this.holder.dataset.level = String(levels);
    this.afterwards(started, levels);
  }

  moving() {
    return performance.now() - this.moved < REST_MS;
  }

  /**
   * Wait for the card to end a frame, learn its cost, and draw more levels where there is time for them.
   * @param {number} started
   * @param {number} levels
   */
  afterwards(started, levels) {
    const gl = /** @type {WebGL2RenderingContext} */ (this.renderer.getContext());
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    const look = () => {
      if (fence && !gl.isContextLost()) {
        if (gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) return void setTimeout(look, 1);
        gl.deleteSync(fence);
      }
      if (levels > 0) this.governor.learn(performance.now() - started, levels);
      if (this.asked) return;
      if (this.moving()) return void setTimeout(() => this.draw(), REST_MS);
      if (levels !== this.governor.levels(false) || this.governor.doubts(levels)) return this.draw();
      if (levels < this.governor.available && this.hopes++ < HOPES) setTimeout(() => this.retry(), RETRY_MS);
      else this.complete();
    };
    setTimeout(look, 0);
  }
}
