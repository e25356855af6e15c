/** The page of one scene: questions colour it, hits and clicks select in it, photographs are looked through, the URL says it all. */

import * as address from "../address.js";
import { button, el, fill } from "../dom.js";
import { Flight } from "../view/flight.js";
import { Overlay } from "../view/overlay.js";
import { Photograph } from "../view/photograph.js";
import { Stage } from "../view/stage.js";
import { Asking } from "./asking.js";
import { boxOnPicture } from "./box_on_picture.js";
import { Chosen } from "./chosen.js";
import { Filmstrip } from "./filmstrip.js";
import { showHits } from "./hits.js";
import { keyList, listen } from "./keys.js";
import { layOut, layerButtons } from "./layout.js";
import { Legend } from "./legend.js";
import { load } from "./loading.js";
import { showObjects } from "./objects.js";
import { pictureQuestions } from "./picture_questions.js";
import { Pointer } from "./pointer.js";
import { Questions } from "./questions.js";
import { Tint } from "./tinting.js";
import { Tools } from "./tools.js";

/** @typedef {import("./source.js").Region} Region */
/** @typedef {import("./source.js").Hit} Hit */
/** @typedef {import("./source.js").Frame} Frame */

export class ScenePage {
  /**
   * @param {HTMLElement} app
   * @param {import("./source.js").Source} source
   * @param {address.Place} kept where the view is kept
   * @param {HTMLElement | Document} keyboard whose keys are the page's
   */
  constructor(app, source, kept = address.inUrl, keyboard = document) {
    this.source = source;
    this.kept = kept;
    this.keyboard = keyboard;
    this.view = address.read(kept.search());
    this.questions = new Questions((pushed) => this.asked(pushed), (index) => this.ask(index));
    this.questions.set(this.view.q, this.view.not);
    this.legend = new Legend((threshold) => this.recolour({ threshold }));
    this.filmstrip = new Filmstrip((frame) => this.look(frame, true));
    this.parts = layOut(app, { asking: this.questions.root, legend: this.legend.root, filmstrip: this.filmstrip.root }, `${source.dataset}/${source.scene}`);
    this.markLayer = layerButtons(this.parts.layers, (layer) => this.layer(layer));
    this.stage = new Stage(this.parts.holder);
    this.overlay = new Overlay(this.stage);
    /** @type {Flight | null} */
    this.flight = null;
    /** @type {Photograph | null} */
    this.photograph = null;
    /** @type {Tint | null} */
    this.tint = null;
    /** @type {Tools | null} */
    this.tools = null;
    this.chosen = new Chosen(this);
    /** @type {Region[]} */
    this.objects = [];
    this.asking = new Asking(source, () => this.tint?.colours.length ?? 0, {
      scores: (scores, asked) => {
        this.recolour({ scores });
        this.parts.holder.dataset.question = asked.map(({ words }) => words).join("|");
      },
      hits: (answer) => this.showHits(answer),
      say: (sentence, bad) => this.questions.say(sentence, bad),
    });
    this.keys = keyList();
    app.append(this.keys);
    if (source.offers.pictures) pictureQuestions(this.parts.view, this.questions);
    window.addEventListener("popstate", () => this.follow());
  }

  async start() {
    const { source, stage, parts } = this;
    const frames = source.frames();
    const manifest = await source.manifest();
    this.flight = new Flight(stage, manifest.up_axis, () => this.rested());
    this.photograph = new Photograph(stage, this.flight);
    const loaded = load(source, stage, manifest, (geometry) => {
      this.tint = new Tint(stage, geometry);
      this.flight?.overview(geometry.box());
      this.place();
      this.tools = new Tools(this, geometry);
      new Pointer(this);
      this.listen();
      parts.wait.hidden = true;
    });
    this.markLayer(this.view.show);
    await this.described(manifest.mesh !== null || manifest.points > 0);
    this.filmstrip.show(await frames);
    this.apply();
    const left = await loaded;
    if (left) this.questions.say(left);
    parts.holder.dataset.loaded = "yes";
    stage.draw();
  }

  /**
   * Objects and what belongs to them; a scene without features has none.
   * @param {boolean} any
   */
  async described(any) {
    const [table, objects] = await Promise.all([this.source.table().catch(() => null), this.source.objects().catch(() => [])]);
    this.objects = any ? objects : [];
    if (table) this.tint?.objectsAre(table.superpoints, objects);
    showObjects(this.parts.objects, objects, (region) => this.chosen.choose(region, true), (region) => this.light(region));
    if (!table) this.questions.say("This scene has no features yet: it can be looked at, not asked.");
  }

  /** The URL is another: show what it says. */
  follow() {
    this.view = address.read(this.kept.search());
    this.questions.set(this.view.q, this.view.not);
    this.apply();
  }

  /** Show what the view says. */
  apply() {
    const { view } = this;
    this.recolour({ layer: view.show });
    this.markLayer(view.show);
    if (view.frame) this.look(view.frame, false);
    else {
      this.leavePhotograph();
      this.place();
    }
    this.ask();
    this.chosen.follow(view.region);
  }

  /** Stand where the URL says, or above the whole scene. */
  place() {
    const { eye, at } = this.view;
    this.flight?.jump(eye && at ? { eye, at } : this.flight.home);
  }

  /** @param {boolean} pushed */
  asked(pushed) {
    this.view.q = this.questions.all().filter(({ example }) => !example).map(({ words }) => words);
    this.view.not = this.questions.not();
    this.kept.go(this.view, pushed);
    this.ask();
  }

  /** @param {number} [focus] */
  ask(focus) {
    return this.asking.ask(this.questions.all(), this.questions.not(), focus);
  }

  /** @param {Partial<import("./tint.js").Look>} changed */
  recolour(changed) {
    const faint = this.tint?.change(changed) ?? false;
    if (this.tint && (changed.scores || changed.threshold !== undefined)) this.legend.show(this.tint.look.scores, faint);
  }

  /** @param {import("./source.js").Answer | null} answer */
  showHits(answer) {
    const { hits, all } = this.parts;
    hits.hidden = answer === null;
    all.open = answer === null;
    if (!answer) return fill(hits);
    showHits(hits, answer, this.source.scene, {
      choose: (hit) => this.chosen.choose(hit, true),
      light: (hit) => this.light(hit),
      look: (hit, frame) => (this.chosen.choose(hit, false), this.look(frame, true)),
    });
  }

  /** @param {Region | Hit | null} thing */
  light(thing) {
    this.recolour({ lit: this.tint?.superpointsOf(thing) ?? null });
  }

  /** @param {import("../address.js").Layer} layer */
  layer(layer) {
    this.view.show = layer;
    this.kept.go(this.view, true);
    this.markLayer(layer);
    this.recolour({ layer });
  }

  /**
   * @param {string} name of a photograph
   * @param {boolean} pushed
   */
  look(name, pushed) {
    const frame = this.filmstrip.frames.find((one) => one.name === name);
    if (!frame) return this.questions.say(`This scene has no photograph ${name}.`, true);
    this.view.frame = name;
    if (pushed) this.kept.go(this.view, true);
    this.photograph?.enter(frame);
    this.filmstrip.mark(name);
    this.showLooking(frame);
    this.parts.holder.dataset.frame = name;
  }

  /** @param {Frame} frame */
  showLooking(frame) {
    const slider = el("input", { type: "range", min: 0, max: 1, step: 0.01, value: this.photograph?.opacity ?? 0.6, "aria-label": "How much of the photograph is seen",
      oninput: () => this.photograph?.fade(slider.valueAsNumber) });
    this.parts.looking.hidden = false;
    fill(this.parts.looking, `Photograph ${frame.name}`, slider,
      this.source.offers.examples && button("Ask with a box", () => boxOnPicture(this, frame)), button("Back (Esc)", () => this.leaveAndSay()));
  }

  leaveAndSay() {
    this.leavePhotograph();
    this.kept.go(this.view, true);
  }

  leavePhotograph() {
    this.view.frame = "";
    this.photograph?.leave();
    this.filmstrip.mark("");
    this.parts.looking.hidden = true;
    this.parts.holder.dataset.frame = "";
  }

  /** The camera has come to rest: the URL says where. */
  rested() {
    if (!this.flight || this.photograph?.frame) return;
    Object.assign(this.view, this.flight.pose());
    this.kept.go(this.view, false);
  }

  /** @param {number} step */
  beside(step) {
    const frame = this.view.frame && this.filmstrip.beside(this.view.frame, step);
    if (frame) this.look(frame.name, true);
  }

  listen() {
    listen(this.keyboard, {
      "/": () => this.questions.input.focus(),
      "?": () => this.keys.showModal(),
      Escape: () => (this.view.frame ? this.leaveAndSay() : this.tools?.measuring ? this.tools.measure() : this.chosen.thing && this.chosen.deselect()),
      ArrowLeft: () => this.beside(-1),
      ArrowRight: () => this.beside(1),
      r: () => (this.leavePhotograph(), this.flight?.fly(this.flight.home)),
      f: () => this.chosen.frameIt(),
      m: () => this.tools?.measure(),
      c: () => this.tools?.ceiling(),
      b: () => ((this.view.box = !this.view.box), this.kept.go(this.view, false), this.chosen.drawBoxes()),
      1: () => this.layer("heat"), 2: () => this.layer("colour"), 3: () => this.layer("regions"), 4: () => this.layer("label"),
    }, (step) => !this.view.frame && this.flight?.walk(step));
  }
}
