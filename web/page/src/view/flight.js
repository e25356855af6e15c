/** The camera: orbit controls with the scene's up axis, flights of 0.7 s, keys, and the pose as numbers for the URL. */

import { MOUSE, Vector3 } from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { upVector } from "./poses.js";

const FLIGHT_MS = 700;

/** @typedef {{eye: number[], at: number[]}} Pose */

export class Flight {
  /**
   * @param {import("./stage.js").Stage} stage
   * @param {string} up
   * @param {() => void} rested called when the camera has come to rest
   */
  constructor(stage, up, rested) {
    this.stage = stage;
    this.up = new Vector3(...upVector(up));
    stage.camera.up.copy(this.up);
    this.rested = rested;
    this.controls = new OrbitControls(stage.camera, stage.canvas);
    this.controls.zoomToCursor = true;
    this.controls.enableDamping = false;
    this.controls.mouseButtons = { LEFT: MOUSE.ROTATE, MIDDLE: MOUSE.PAN, RIGHT: MOUSE.PAN };
    this.controls.addEventListener("change", () => stage.move());
    this.controls.addEventListener("end", () => rested());
    this.going = 0;
    /** @type {Pose} */
    this.home = { eye: [1, 1, 1], at: [0, 0, 0] };
  }

  /** @returns {Pose} rounded to millimetres */
  pose() {
    /** @param {Vector3} place */
    const short = (place) => place.toArray().map((value) => Math.round(value * 1000) / 1000);
    return { eye: short(this.stage.camera.position), at: short(this.controls.target) };
  }

  /**
   * Above a corner of the scene, looking at its middle.
   * @param {{low: Vector3, high: Vector3}} box
   */
  overview(box) {
    const middle = box.low.clone().add(box.high).multiplyScalar(0.5);
    const size = box.high.clone().sub(box.low);
    const radius = Math.max(size.length() / 2, 0.1);
    const aside = new Vector3(1, 0, 0).cross(this.up);
    if (aside.lengthSq() < 0.1) aside.set(0, 1, 0).cross(this.up);
    const forth = aside.clone().cross(this.up);
    const direction = this.up.clone().multiplyScalar(1.15).add(aside.normalize()).add(forth.normalize().multiplyScalar(0.55));
    direction.normalize();
    const distance = Math.max(this.fitting(direction, size), 0.2);
    this.home = { eye: middle.clone().addScaledVector(direction, distance).toArray(), at: middle.toArray() };
    this.stage.camera.near = Math.max(radius / 400, 0.01);
    this.stage.camera.far = Math.max(radius * 40, 50);
    this.controls.minDistance = this.stage.camera.near * 3;
    this.controls.maxDistance = radius * 20;
    return this.home;
  }

  /**
   * The distance from the middle of a box at which all its corners are in sight.
   * @param {Vector3} direction from the middle to the eye
   * @param {Vector3} size of the box
   */
  fitting(direction, size) {
    const right = this.up.clone().cross(direction).normalize(), upwards = direction.clone().cross(right);
    const high = Math.tan((this.stage.camera.fov * Math.PI) / 360) * 1.05, wide = high * this.stage.camera.aspect;
    let distance = 0;
    for (let corner = 0; corner < 8; corner++) {
      const place = new Vector3(corner & 1 ? 0.5 : -0.5, corner & 2 ? 0.5 : -0.5, corner & 4 ? 0.5 : -0.5).multiply(size);
      const aside = Math.max(Math.abs(place.dot(right)) / wide, Math.abs(place.dot(upwards)) / high);
      distance = Math.max(distance, aside + place.dot(direction));
    }
    return distance;
  }

  /** @param {Pose} pose */
  jump(pose) {
    this.stop();
    this.stage.camera.position.set(...triple(pose.eye));
    this.controls.target.set(...triple(pose.at));
    this.controls.update();
    this.stage.move();
  }

  /**
   * @param {Pose} pose
   */
  fly(pose) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.jump(pose);
      return this.rested();
    }
    this.stop();
    const started = performance.now();
    const from = this.pose();
    const step = () => {
      const share = Math.min((performance.now() - started) / FLIGHT_MS, 1);
      const eased = share * share * (3 - 2 * share);
      /** @param {number[]} a @param {number[]} b */
      const between = (a, b) => a.map((value, axis) => value + (b[axis] - value) * eased);
      this.stage.camera.position.set(...triple(between(from.eye, pose.eye)));
      this.controls.target.set(...triple(between(from.at, pose.at)));
      this.controls.update();
      this.stage.move();
      this.going = share < 1 ? requestAnimationFrame(step) : 0;
      if (!this.going) this.rested();
    };
    step();
  }

  /**
   * Look at a thing as near as it is large: from where a photograph saw it, or from where one stands.
   * @param {number[]} centre
   * @param {number} extent metres across
   * @param {number[] | null} seenFrom a place from which nothing stands in the way
   */
  flyTo(centre, extent, seenFrom) {
    const at = new Vector3(...triple(centre));
    const direction = seenFrom ? new Vector3(...triple(seenFrom)).sub(at) : this.stage.camera.position.clone().sub(this.controls.target);
    const free = seenFrom ? direction.length() : Infinity;
    direction.normalize();
    const along = direction.dot(this.up);
    if (!seenFrom && along < 0.35) direction.addScaledVector(this.up, 0.35 - along).normalize(); // over the walls
    const distance = Math.min(Math.max(extent * 1.9, 0.6), Math.max(free, 0.3));
    this.fly({ eye: at.clone().addScaledVector(direction, distance).toArray(), at: at.toArray() });
  }

  /**
   * One step by keys: forwards, sideways, up, in the camera's own directions.
   * @param {number[]} step right, up, forward
   */
  walk(step) {
    const { camera } = this.stage;
    const length = Math.max(camera.position.distanceTo(this.controls.target) * 0.06, 0.02);
    const forward = this.controls.target.clone().sub(camera.position).normalize();
    const right = forward.clone().cross(this.up).normalize();
    const shift = right.multiplyScalar(step[0]).addScaledVector(this.up, step[1]).addScaledVector(forward, step[2]);
    shift.multiplyScalar(length);
    const { eye, at } = this.pose();
    this.jump({ eye: shift.toArray().map((value, axis) => eye[axis] + value), at: shift.toArray().map((value, axis) => at[axis] + value) });
    this.rested();
  }

  stop() {
    cancelAnimationFrame(this.going);
    this.going = 0;
  }
}

/**
 * @param {number[]} values
 * @returns {[number, number, number]}
 */
const triple = (values) => [values[0], values[1], values[2]];
