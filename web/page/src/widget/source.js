/** A scene out of a notebook's kernel: points come with the widget, all else is asked for in messages. */

import { Problem } from "../requests.js";

/** @typedef {import("../scene/source.js").Example} Example */
/** @typedef {import("../scene/source.js").Answer} Answer */
/** @typedef {import("../scene/source.js").Region} Region */
/** @typedef {import("../view/photograph.js").Frame} Frame */
/**
 * @typedef {object} Model of anywidget
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, listener: (...told: any[]) => void) => void} on
 * @property {(event?: string, listener?: (...told: any[]) => void) => void} off
 * @property {(message: unknown) => void} send
 */

export class KernelSource {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.dataset = model.get("dataset");
    this.scene = model.get("scene");
    this.features = model.get("features");
    this.offers = { pictures: false, examples: true, files: false };
    this.numbered = 0;
    /** @type {Map<number, {done: (value: any) => void, failed: (error: unknown) => void}>} */
    this.waiting = new Map();
    /** @type {Map<string, Frame>} */
    this.frameOf = new Map();
    /** @type {Promise<Frame[]> | null} */
    this.arriving = null;
    this.told = (/** @type {any} */ message, /** @type {DataView[]} */ buffers) => this.answered(message, buffers ?? []);
    model.on("msg:custom", this.told);
  }

  close() {
    this.model.off("msg:custom", this.told);
    for (const frame of this.frameOf.values()) URL.revokeObjectURL(frame.image);
  }

  /**
   * @param {string} what
   * @param {Record<string, unknown>} [asked]
   * @returns {Promise<any>}
   */
  ask(what, asked = {}) {
    const id = ++this.numbered;
    return new Promise((done, failed) => {
      this.waiting.set(id, { done, failed });
      this.model.send({ id, what, asked });
    });
  }

  /**
   * @param {{id: number, value?: any, problem?: {status: number, detail: string, near: string[]}}} message
   * @param {DataView[]} buffers
   */
  answered(message, buffers) {
    const one = this.waiting.get(message.id);
    if (!one) return;
    this.waiting.delete(message.id);
    if (message.problem) one.failed(new Problem(message.problem.status, message.problem));
    else one.done(buffers.length ? { value: message.value, buffers } : message.value);
  }

  async manifest() {
    return this.model.get("manifest");
  }

  async points() {
    const { body } = new Response(bytes(this.model.get("points")));
    if (!body) throw new Error("The kernel sent no points.");
    return body.getReader();
  }

  async mesh() {
    return bytes(this.model.get("mesh")).buffer;
  }

  table() {
    return this.ask("table");
  }

  async objects() {
    await this.frames();
    /** @type {Region[]} */
    const found = await this.ask("objects");
    return found.map((object) => ({ ...object, views: this.seen(object.views ?? []) }));
  }

  /**
   * @param {string} level
   * @param {number} ordinal
   * @returns {Promise<Region>}
   */
  async region(level, ordinal) {
    const found = await this.ask("region", { level, ordinal });
    return { ...found, views: this.seen(found.views ?? []) };
  }

  /** @returns {Promise<Frame[]>} */
  frames() {
    this.arriving ??= this.ask("frames").then((found) => {
      const { value, buffers } = "buffers" in found ? found : { value: found, buffers: [] };
      value.forEach((/** @type {Frame} */ frame, /** @type {number} */ place) => {
        const image = URL.createObjectURL(new Blob([bytes(buffers[place])], { type: "image/webp" }));
        this.frameOf.set(frame.name, { ...frame, image });
      });
      return [...this.frameOf.values()];
    });
    return this.arriving;
  }

  /**
   * @param {string[]} questions
   * @param {string[]} not
   */
  scores(questions, not) {
    return this.ask("scores", { questions, not_words: not });
  }

  /** @param {Example} example */
  scoresLike(example) {
    return this.ask("scores", { example });
  }

  /**
   * @param {string} question
   * @param {string[]} not
   */
  async search(question, not) {
    return this.withPictures(await this.ask("search", { question, not_words: not }));
  }

  /** @param {Example} example */
  async searchLike(example) {
    return this.withPictures(await this.ask("search", { example }));
  }

  /** @returns {Promise<Blob>} */
  async ply() {
    throw new Problem(400, { detail: "Points of a region are saved by ovstore.export." });
  }

  /** @param {Answer} answer */
  withPictures(answer) {
    return { ...answer, hits: answer.hits.map((hit) => this.hit(hit)) };
  }

  /**
   * @param {import("../scene/source.js").Hit} hit
   * @returns {import("../scene/source.js").Hit}
   */
  hit(hit) {
    return { ...hit, evidence: this.seen(hit.evidence), parts: (hit.parts ?? []).map((part) => this.hit(part)) };
  }

  /**
   * Evidence with the pictures and cameras of its frames; of frames that did not come along there is none.
   * @param {{frame: string, box_xyxy: number[]}[]} views
   */
  seen(views) {
    const found = [];
    for (const { frame, box_xyxy } of views) {
      const held = this.frameOf.get(frame);
      if (held) found.push({ frame, box_xyxy, image: held.image, camera: held.camera, camera_to_world: held.camera_to_world.flat() });
    }
    return found;
  }
}

/**
 * A copy whose buffer begins with its first byte.
 * @param {DataView | undefined} view
 */
const bytes = (view) => view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice() : new Uint8Array(0);
