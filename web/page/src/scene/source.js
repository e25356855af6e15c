/** Where a scene's data come from: this one asks the server; a widget or a single file brings its own. */

import { ask, json, url } from "../requests.js";
import { tilde } from "../names.js";

/** @typedef {import("../view/wire.js").Manifest} Manifest */
/** @typedef {import("../view/photograph.js").Frame} Frame */
/** @typedef {import("../view/boxes.js").OrientedBox} OrientedBox */
/**
 * @typedef {object} Region
 * @property {number} ordinal
 * @property {number | null} id
 * @property {string} level
 * @property {number | null} [parent]
 * @property {number} point_count
 * @property {number} seen_count
 * @property {number[]} centre
 * @property {OrientedBox | null} oriented_box
 * @property {{min: number[], max: number[]}} [box] along the axes of the scene
 * @property {string | null} label
 * @property {Evidence[]} [views]
 * @property {number[]} [superpoints]
 */
/**
 * @typedef {object} Evidence
 * @property {string} frame
 * @property {number[]} box_xyxy
 * @property {string} image URL
 * @property {import("../view/poses.js").Intrinsics} camera
 * @property {number[]} camera_to_world row by row
 */
/**
 * @typedef {object} Landmark
 * @property {string} relation
 * @property {number | null} distance metres
 * @property {Hit} hit
 */
/**
 * @typedef {object} Hit
 * @property {string} name
 * @property {string} dataset
 * @property {string} scene
 * @property {number | null} region
 * @property {string} level
 * @property {number} ordinal
 * @property {number} score
 * @property {number | null} probability
 * @property {number} point_count
 * @property {number[]} centre
 * @property {OrientedBox | null} oriented_box
 * @property {string | null} [label]
 * @property {Evidence[]} evidence
 * @property {number[] | null} superpoints
 * @property {Hit[]} [parts]
 * @property {Landmark[]} [landmarks]
 * @property {string} [url]
 */
/** @typedef {{question: string, probably_here: boolean | null, hits: Hit[], notes?: string[]}} Answer */
/** @typedef {{superpoints: number[], objects: number[]}} Table the object of every superpoint, -1: none; the id of every object */
/** @typedef {{question: string, low: number | null, high: number | null, scores: (number | null)[], probabilities: (number | null)[] | null}} ScoreRow */
/** @typedef {{regions: number[], rows: ScoreRow[]}} ScoreRows */
/** @typedef {{like: string} | {picture: Blob, box_xyxy: number[] | null} | {frame: string, box_xyxy: number[] | null}} Example */

/** @typedef {{pictures: boolean, examples: boolean, files: boolean}} Offers asking with pictures, with regions and frames; saving */
/** @typedef {Omit<ServerSource, "root" | "path" | "post" | "where">} Source what the page of a scene asks of wherever its data come from */

export class ServerSource {
  /**
   * @param {string} root of the API, "/api/v1" with the path that a proxy puts before it
   * @param {string} dataset
   * @param {string} scene
   * @param {string} features "" for the store's choice
   */
  constructor(root, dataset, scene, features) {
    this.root = root;
    this.dataset = dataset;
    this.scene = scene;
    this.features = features;
    /** @type {Offers} */
    this.offers = { pictures: true, examples: true, files: true };
    this.path = `${root}/scenes/${tilde(dataset)}/${tilde(scene)}`;
  }

  /** @returns {Promise<Manifest>} */
  manifest() {
    return json(url(`${this.path}/geometry`, {}));
  }

  /**
   * @param {Manifest} manifest
   * @param {number} bytes from the file's start
   */
  async points(manifest, bytes) {
    const headers = bytes < manifest.bytes ? { Range: `bytes=0-${bytes - 1}` } : undefined;
    const answer = await ask(url(`${this.path}/geometry/points`, { v: manifest.digest }), { headers });
    if (!answer.body) throw new Error("The server sent no points.");
    return answer.body.getReader();
  }

  /** @param {Manifest} manifest */
  async mesh(manifest) {
    return (await ask(url(`${this.path}/geometry/mesh`, { v: manifest.digest }))).arrayBuffer();
  }

  /** @returns {Promise<Table>} */
  table() {
    return json(url(`${this.path}/table`, { features: this.features }));
  }

  /** @returns {Promise<Region[]>} objects, largest first */
  async objects() {
    const page = await json(url(`${this.path}/regions`, { features: this.features, level: "object", limit: 500, order: "-points" }));
    return page.items;
  }

  /**
   * @param {string} level
   * @param {number} ordinal
   * @returns {Promise<Region>}
   */
  region(level, ordinal) {
    return json(url(`${this.path}/regions/${level}/${ordinal}`, { features: this.features }));
  }

  /** @returns {Promise<Frame[]>} */
  async frames() {
    /** @type {Frame[]} */
    const found = [];
    let after = null;
    do {
      const page = await json(url(`${this.path}/frames`, { limit: 500, after }));
      found.push(...page.items);
      after = page.next;
    } while (after && found.length < 5000);
    return found;
  }

  /**
   * @param {string[]} questions
   * @param {string[]} not
   * @param {AbortSignal} signal
   * @returns {Promise<ScoreRows>}
   */
  scores(questions, not, signal) {
    return json(url(`${this.path}/scores`, { q: questions, not, features: this.features, level: "superpoint" }), { signal });
  }

  /**
   * @param {Example} example
   * @param {AbortSignal} signal
   * @returns {Promise<ScoreRows>}
   */
  scoresLike(example, signal) {
    return this.post(url(`${this.path}/scores`, { features: this.features, level: "superpoint" }), example, signal);
  }

  /**
   * @param {string} question
   * @param {string[]} not
   * @param {AbortSignal} signal
   * @returns {Promise<Answer>}
   */
  search(question, not, signal) {
    return json(url(`${this.root}/search`, { ask: question, not, ...this.where(), limit: 10 }), { signal });
  }

  /**
   * @param {Example} example
   * @param {AbortSignal} signal
   * @returns {Promise<Answer>}
   */
  searchLike(example, signal) {
    const where = "like" in example ? {} : this.where(); // what looks like it may be in any scene
    return this.post(url(`${this.root}/search`, { ...where, features: this.features, limit: 10 }), example, signal);
  }

  /**
   * @param {string} address
   * @param {Example} example
   * @param {AbortSignal} signal
   */
  post(address, example, signal) {
    const headers = { "X-Ovstore": "1" };
    if ("picture" in example) {
      const body = new FormData();
      body.set("picture", example.picture);
      if (example.box_xyxy) body.set("box_xyxy", example.box_xyxy.join(","));
      return json(address, { method: "POST", body, headers, signal });
    }
    const asked =
      "frame" in example
        ? { frame: { dataset: this.dataset, scene: this.scene, name: example.frame }, box_xyxy: example.box_xyxy }
        : example;
    const body = JSON.stringify(asked);
    return json(address, { method: "POST", body, headers: { ...headers, "Content-Type": "application/json" }, signal });
  }

  /** What keeps a search to this scene. */
  where() {
    return { dataset: this.dataset, scene: this.scene, features: this.features };
  }

  /**
   * The points of a region as a PLY file.
   * @param {string} level
   * @param {number} ordinal
   */
  async ply(level, ordinal) {
    const at = url(`${this.path}/regions/${level}/${ordinal}/points`, { features: this.features });
    return (await ask(at, { headers: { Accept: "model/ply" } })).blob();
  }

}

/**
 * A picture's URL for so many pixels across.
 * @param {string} image
 * @param {number} width
 */
export const sized = (image, width) => image.startsWith("blob:") ? image : `${image}${image.includes("?") ? "&" : "?"}width=${width}`;
