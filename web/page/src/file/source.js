/** A scene out of the file itself, with the method names of ServerSource: words that were scored when the file was made. */

import { Problem } from "../requests.js";
import { block, json } from "./embedded.js";

/** @typedef {import("../scene/source.js").Region} Region */
/** @typedef {import("../scene/source.js").Hit} Hit */
/** @typedef {import("../scene/source.js").Answer} Answer */
/** @typedef {import("../view/photograph.js").Frame} Frame */
/** @typedef {Frame & {bytes: [number, number]}} KeptFrame where its picture lies in the block of photographs */
/**
 * @typedef {object} Kept
 * @property {string} dataset
 * @property {string} scene
 * @property {string} features
 * @property {import("../view/wire.js").Manifest} manifest
 * @property {import("../scene/source.js").Table | null} table
 * @property {Region[]} objects
 * @property {KeptFrame[]} frames
 * @property {string[]} words
 * @property {number[]} superpoints columns of the scores
 * @property {{low: number, high: number, probabilities: boolean}[]} rows
 * @property {Answer[]} answers by word
 */

const NEAR = 6;

export class FileSource {
  /**
   * @param {Kept} kept
   * @param {Uint8Array<ArrayBuffer>} scores float32: a row per word, then as many of probabilities
   * @param {Uint8Array<ArrayBuffer>} photographs
   */
  constructor(kept, scores, photographs) {
    this.kept = kept;
    this.dataset = kept.dataset;
    this.scene = kept.scene;
    this.features = kept.features;
    this.offers = { pictures: false, examples: false, files: false };
    this.numbers = new Float32Array(scores.buffer);
    this.pictures = kept.frames.map(({ bytes: [start, stop], ...frame }) => {
      const picture = new Blob([photographs.subarray(start, stop)], { type: "image/webp" });
      return { ...frame, image: URL.createObjectURL(picture) };
    });
    this.frameOf = new Map(this.pictures.map((frame) => [frame.name, frame]));
  }

  static async read() {
    return new FileSource(await json("scene"), await block("scores"), await block("photographs"));
  }

  async manifest() {
    return this.kept.manifest;
  }

  async points() {
    const { body } = new Response(await block("points"));
    if (!body) throw new Error("The file holds no points.");
    return body.getReader();
  }

  async mesh() {
    return (await block("mesh")).buffer;
  }

  async table() {
    if (!this.kept.table) throw new Problem(404, { detail: "This scene has no features." });
    return this.kept.table;
  }

  async objects() {
    return this.kept.objects.map((object) => ({ ...object, views: this.seen(object.views ?? []) }));
  }

  /**
   * @param {string} level
   * @param {number} ordinal
   * @returns {Promise<Region>}
   */
  async region(level, ordinal) {
    const [object] = (await this.objects()).filter((one) => one.level === level && one.ordinal === ordinal);
    if (object) return object;
    const things = this.kept.answers.flatMap(({ hits }) => hits.flatMap((hit) => [hit, ...(hit.parts ?? [])]));
    const thing = things.find((one) => one.level === level && one.ordinal === ordinal);
    if (thing) return /** @type {any} */ (this.hit(thing));
    if (level === "superpoint")
      return { ordinal, id: null, level, point_count: 0, seen_count: 0, centre: [0, 0, 0], oriented_box: null, label: null, views: [] };
    throw new Problem(404, { detail: `This file does not hold ${ordinal}@${level}.` });
  }

  async frames() {
    return this.pictures;
  }

  /**
   * @param {string[]} questions
   * @param {string[]} not
   */
  async scores(questions, not) {
    if (not.length) throw new Problem(400, { detail: "Words to leave out need ovstore web: this file has none." });
    const { superpoints, rows, words } = this.kept;
    const width = superpoints.length;
    const found = questions.map((question) => {
      const place = this.place(question);
      const { low, high, probabilities } = rows[place];
      /** @param {number} row */
      const numbers = (row) => [...this.numbers.subarray(row * width, (row + 1) * width)];
      return { question, low, high, scores: numbers(place), probabilities: probabilities ? numbers(words.length + place) : null };
    });
    return { regions: superpoints, rows: found };
  }

  /** @returns {Promise<import("../scene/source.js").ScoreRows>} */
  async scoresLike() {
    throw new Problem(400, { detail: "Asking by example needs ovstore web: this file knows words only." });
  }

  /** @param {string} question */
  async search(question) {
    const answer = this.kept.answers[this.place(question)];
    return { ...answer, hits: answer.hits.map((hit) => this.hit(hit)) };
  }

  /** @returns {Promise<Answer>} */
  async searchLike() {
    await this.scoresLike();
    throw new Error("unreachable");
  }

  /** @returns {Promise<Blob>} */
  async ply() {
    throw new Problem(400, { detail: "Points of a region are written by ovstore export ply: this file has none to give." });
  }

  /**
   * The row of a question; what the file was not made for is a refusal with the words that come near.
   * @param {string} question
   */
  place(question) {
    const asked = question.trim().toLowerCase();
    const place = this.kept.words.findIndex((words) => words.toLowerCase() === asked);
    if (place >= 0) return place;
    const begin = this.kept.words.filter((words) => words.toLowerCase().startsWith(asked));
    const near = [...begin, ...this.kept.words.filter((words) => words.toLowerCase().includes(asked) && !begin.includes(words))];
    const detail = `This file answers ${this.kept.words.length} words; “${question}” is none of them. Others need ovstore web.`;
    throw new Problem(422, { detail, near: near.slice(0, NEAR) });
  }

  /**
   * @param {Hit} hit
   * @returns {Hit}
   */
  hit(hit) {
    return {
      ...hit,
      evidence: this.seen(hit.evidence),
      parts: (hit.parts ?? []).map((part) => this.hit(part)),
    };
  }

  /**
   * Evidence with the pictures and cameras of its frames; frames that the file does not hold are left out.
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
