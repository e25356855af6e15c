/** What is selected on the page of a scene: by a click, a hit, a link; its box is drawn, its colours and its panel change. */

import { el } from "../dom.js";
import { boxAround, edges } from "../view/boxes.js";
import { showSelection } from "./selection.js";

/** @typedef {import("./source.js").Region} Region */
/** @typedef {import("./source.js").Hit} Hit */

export class Chosen {
  /** @param {import("./page.js").ScenePage} page */
  constructor(page) {
    this.page = page;
    /** @type {Region | Hit | null} */
    this.thing = null;
  }

  /** @param {string} name ORDINAL@LEVEL or "" */
  async follow(name) {
    if (!name) return this.select(null);
    if (this.thing && `${this.thing.ordinal}@${this.thing.level}` === name) return;
    const [ordinal, level] = name.split("@");
    try {
      const found = await this.page.source.region(level, Number(ordinal));
      if (this.page.view.region === name) this.select(found);
    } catch (error) {
      this.page.questions.say(error instanceof Error ? error.message : String(error), true);
    }
  }

  /**
   * @param {string} level
   * @param {number} ordinal
   */
  async by(level, ordinal) {
    this.page.view.region = `${ordinal}@${level}`;
    this.page.kept.go(this.page.view, true);
    await this.follow(this.page.view.region);
  }

  /**
   * Select a thing, fly to it if wished, and make an entry in the history.
   * @param {Region | Hit} thing
   * @param {boolean} fly
   */
  choose(thing, fly) {
    this.page.view.region = `${thing.ordinal}@${thing.level}`;
    this.page.kept.go(this.page.view, true);
    this.select(thing);
    if (fly) this.frameIt();
  }

  /** @param {Region | Hit | null} thing */
  select(thing) {
    this.thing = thing;
    this.page.recolour({ selected: this.page.tint?.superpointsOf(thing) ?? null });
    this.page.parts.holder.dataset.selected = thing ? `${thing.ordinal}@${thing.level}` : "";
    this.drawBoxes();
    const { offers } = this.page.source;
    showSelection(this.page.parts.selection, thing, {
      alike: !offers.examples ? null : () => thing && this.page.questions.add({ words: `like ${thing.level} ${thing.ordinal}`, example: { like: `${this.page.source.dataset}/${this.page.source.scene}:${thing.ordinal}@${thing.level}` }, thumbnail: null }),
      only: () => this.page.recolour({ only: this.page.tint?.superpointsOf(thing) ?? null }),
      hide: () => this.page.tint && this.page.recolour({ hidden: new Set([...this.page.tint.look.hidden, ...(this.page.tint.superpointsOf(thing) ?? [])]) }),
      everything: () => this.page.recolour({ only: null, hidden: new Set() }),
      frame: () => this.frameIt(),
      copy: this.page.kept.link && (() => navigator.clipboard?.writeText(this.page.kept.link?.() ?? "").then(() => this.page.questions.say("The link is copied."))),
      ply: offers.files ? () => thing && this.save(thing) : null,
      close: () => this.deselect(),
      look: (frame) => this.page.look(frame, true),
    });
  }

  /** @param {Region | Hit} thing */
  async save(thing) {
    try {
      const href = URL.createObjectURL(await this.page.source.ply(thing.level, thing.ordinal));
      el("a", { href, download: `${this.page.source.scene}-${thing.ordinal}-${thing.level}.ply` }).click();
      setTimeout(() => URL.revokeObjectURL(href), 10_000);
    } catch (error) {
      this.page.questions.say(error instanceof Error ? error.message : String(error), true);
    }
  }

  deselect() {
    this.page.view.region = "";
    this.page.kept.go(this.page.view, true);
    this.select(null);
  }

  frameIt() {
    if (!this.thing || !this.page.flight) return;
    const box = boxAround(this.thing);
    this.page.leavePhotograph();
    const [seen] = ("evidence" in this.thing ? this.thing.evidence : this.thing.views) ?? [];
    const from = seen?.camera_to_world ? [3, 7, 11].map((place) => seen.camera_to_world[place]) : null;
    this.page.flight.flyTo(box?.centre ?? this.thing.centre, box ? Math.hypot(...box.size) : 1, from);
  }

  drawBoxes() {
    const box = this.page.view.box && this.thing ? boxAround(this.thing) : null;
    const lines = box ? edges(box).map(([from, to]) => ({ from, to, kind: "box" })) : [];
    const marks = (this.thing && "landmarks" in this.thing && this.page.view.box && this.thing.landmarks) || [];
    for (const { hit } of marks) {
      if (hit.oriented_box) lines.push(...edges(hit.oriented_box).map(([from, to]) => ({ from, to, kind: "landmark" })));
      lines.push({ from: this.thing?.centre ?? hit.centre, to: hit.centre, kind: "landmark" });
    }
    const notes = marks.map(({ relation, distance, hit }) => ({ at: hit.centre, words: `${relation}, ${distance?.toFixed(2) ?? "?"} m`, kind: "landmark" }));
    this.page.overlay.set("boxes", lines, notes);
  }
}
