/** /segment: a picture tinted by words, a legend whose entries show heat, the confidence under the pointer, downloads. */

import { button, el, fill } from "./dom.js";
import { tilde } from "./names.js";
import { Latest, Problem, aborted, json, url } from "./requests.js";

/** @typedef {{label: string, colour: number[], share: number, confidence: number | null}} Label */
/** @typedef {{width: number, height: number, features: string, labels: Label[], label_map: string, probabilities: {width: number, height: number, png: string}}} Segments */
/** @typedef {{picture: string} | {scene: string, frame: string}} Place where the picture is: kept by the server, or in the store */

const KINDS = ["image/jpeg", "image/png", "image/webp"];
const TYPED_MS = 250;
const WARMING_MS = 2000;

/**
 * The grey values of a PNG.
 * @param {string} png base64
 * @param {number} width
 * @param {number} height
 */
async function grey(png, width, height) {
  const picture = new Image();
  picture.src = `data:image/png;base64,${png}`;
  await picture.decode();
  const canvas = new OffscreenCanvas(width, height);
  const drawing = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  drawing.drawImage(picture, 0, 0);
  const rgba = drawing.getImageData(0, 0, width, height).data;
  return Uint8Array.from({ length: width * height }, (_, pixel) => rgba[4 * pixel]);
}

export class SegmentPage {
  /** @param {HTMLElement} app */
  constructor(app) {
    this.root = `${app.dataset.prefix ?? ""}/api/v1`;
    this.latest = new Latest();
    /** @type {Place | null} */
    this.place = null;
    /** @type {Blob | null} what was sent, for a server that has forgotten it */
    this.sent = null;
    this.picture = new Image();
    /** @type {(Segments & {map: Uint8Array, cells: Uint8Array}) | null} */
    this.found = null;
    this.lit = -1;
    this.timer = 0;
    this.labels = el("input", { type: "text", id: "labels", maxlength: 1000, placeholder: "chair, table, wall, floor, other", autocomplete: "off",
      oninput: () => { clearTimeout(this.timer); this.timer = window.setTimeout(() => this.ask(), TYPED_MS); } });
    this.opacity = el("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0.55, "aria-label": "Opacity of the colours", oninput: () => this.draw() });
    this.chooser = el("input", { type: "file", accept: KINDS.join(","), hidden: true, "aria-label": "A picture", onchange: () => {
      this.take(this.chooser.files?.[0]);
      this.chooser.value = "";
    } });
    this.canvas = el("canvas", { class: "segments", role: "img", "aria-label": "The picture in the colours of its labels", hidden: true,
      onpointermove: (/** @type {PointerEvent} */ event) => this.point(event), onpointerleave: () => fill(this.pointed) });
    this.legend = el("ul", { class: "segment-legend", "aria-label": "Labels" });
    this.pointed = el("p", { class: "numbers pointed" });
    this.said = el("p", { id: "said", role: "status" }, "Choose, drop or paste a picture, then name what is in it.");
    this.downloads = el("p", { hidden: true }, button("Save PNG", () => this.savePng()), " ", button("Save JSON", () => this.saveJson()));
    app.replaceChildren(
      el("h1", {}, "Segment a picture by words"),
      el("p", {}, button("Picture …", () => this.chooser.click()), this.chooser),
      el("label", { for: "labels" }, "Labels, separated by commas"), this.labels, this.said,
      el("label", {}, "Opacity ", this.opacity), this.canvas, this.pointed, this.legend, this.downloads,
    );
    app.addEventListener("dragover", (event) => event.preventDefault());
    app.addEventListener("drop", (event) => { event.preventDefault(); this.take(event.dataTransfer?.files[0]); });
    document.addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
      if (file) { event.preventDefault(); this.take(file); }
    });
    this.app = app;
  }

  /** What the URL says: a frame of the store, and labels. */
  async start() {
    const given = new URLSearchParams(location.search);
    this.labels.value = given.getAll("label").join(", ");
    const scene = given.get("scene"), frame = given.get("frame");
    if (!scene || !frame) return;
    const [dataset, ...name] = scene.split("/");
    this.place = { scene, frame };
    await this.show(`${this.root}/scenes/${tilde(dataset)}/${tilde(name.join("/"))}/frames/${tilde(frame)}/image`);
    await this.ask();
  }

  /** @param {Blob | null | undefined} file */
  async take(file) {
    if (!file) return;
    if (!KINDS.includes(file.type)) return this.say("A picture is a JPEG, a PNG or a WebP.", true);
    try {
      this.sent = file;
      await this.send(file);
      await this.show(URL.createObjectURL(file));
      await this.ask();
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error), true);
    }
  }

  /** @param {Blob} file */
  async send(file) {
    const body = new FormData();
    body.set("picture", file);
    const kept = await json(`${this.root}/segment/pictures`, { method: "POST", body, headers: { "X-Ovstore": "1" } });
    this.place = { picture: kept.picture };
  }

  /** @param {string} source */
  async show(source) {
    this.picture = new Image();
    this.picture.src = source;
    await this.picture.decode();
    this.found = null;
    this.canvas.hidden = false;
    this.canvas.width = Math.min(this.picture.naturalWidth, 2048);
    this.canvas.height = Math.round((this.canvas.width * this.picture.naturalHeight) / this.picture.naturalWidth);
    this.draw();
  }

  words() {
    return [...new Set(this.labels.value.split(",").map((one) => one.trim()).filter(Boolean))];
  }

  async ask() {
    const label = this.words();
    if (!this.place || !label.length) return;
    if ("frame" in this.place) history.replaceState(null, "", url(location.pathname, { ...this.place, label }));
    const signal = this.latest.next();
    try {
      const found = /** @type {Segments} */ (await json(url(`${this.root}/segment`, { ...this.place, label }), { signal }));
      const { width, height, png } = found.probabilities;
      const map = await grey(found.label_map, found.width, found.height);
      const cells = await grey(png, width, height * found.labels.length);
      if (signal.aborted) return;
      this.found = { ...found, map, cells };
      this.lit = -1;
      this.list();
      this.draw();
      this.say(`${found.labels.length} labels, by the encoder of ${found.features}.`);
      this.app.dataset.labels = label.join("|");
    } catch (error) {
      if (!aborted(error) && !signal.aborted) await this.failed(error);
    }
  }

  /** @param {unknown} error */
  async failed(error) {
    if (error instanceof Problem && error.warming) {
      this.say("The encoder is loading; the words are sent as soon as it is ready.");
      setTimeout(() => this.ask(), WARMING_MS);
    } else if (error instanceof Problem && error.status === 404 && this.sent && this.place && "picture" in this.place) {
      await this.send(this.sent);
      await this.ask();
    } else if (error instanceof Problem && error.status === 422 && error.near.length) this.say(`near: ${error.near.slice(0, 6).join(", ")}`);
    else this.say(error instanceof Error ? error.message : String(error), true);
  }

  list() {
    const rows = (this.found?.labels ?? []).map(({ label, colour, share, confidence }, place) => {
      const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
      swatch.style.background = `rgb(${colour.join()})`;
      const sure = confidence === null ? "" : `, ${Math.round(confidence * 100)} % sure`;
      const light = (/** @type {number} */ lit) => () => { this.lit = lit; this.draw(); };
      return el("li", {}, el("button", { type: "button", onpointerenter: light(place), onpointerleave: light(-1), onfocus: light(place), onblur: light(-1) },
        swatch, ` ${label} `, el("span", { class: "numbers" }, `${(share * 100).toFixed(1)} %${sure}`)));
    });
    fill(this.legend, ...rows);
    this.downloads.hidden = !rows.length;
  }

  draw() {
    const { canvas, found } = this;
    const drawing = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    drawing.filter = found ? "grayscale(1)" : "none";
    drawing.drawImage(this.picture, 0, 0, canvas.width, canvas.height);
    drawing.filter = "none";
    if (!found) return;
    const { width, height } = this.lit < 0 ? found : found.probabilities;
    const layer = new OffscreenCanvas(width, height);
    const pixels = new ImageData(width, height);
    const colours = found.labels.map(({ colour }) => colour);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const [red, green, blue] = this.lit < 0 ? colours[found.map[pixel]] : colours[this.lit];
      const alpha = this.lit < 0 ? 255 : found.cells[this.lit * width * height + pixel];
      pixels.data.set([red, green, blue, alpha], 4 * pixel);
    }
    /** @type {OffscreenCanvasRenderingContext2D} */ (layer.getContext("2d")).putImageData(pixels, 0, 0);
    drawing.globalAlpha = this.lit < 0 ? this.opacity.valueAsNumber : 0.85;
    drawing.imageSmoothingEnabled = this.lit >= 0;
    drawing.drawImage(layer, 0, 0, canvas.width, canvas.height);
    drawing.globalAlpha = 1;
    canvas.dataset.state = "drawn";
  }

  /** @param {PointerEvent} event */
  point(event) {
    const { found, canvas } = this;
    if (!found) return;
    const across = Math.min(Math.max(event.offsetX / canvas.clientWidth, 0), 0.9999), down = Math.min(Math.max(event.offsetY / canvas.clientHeight, 0), 0.9999);
    const { width, height } = found.probabilities;
    const cell = Math.floor(down * height) * width + Math.floor(across * width);
    const sure = found.labels.map(({ label }, place) => ({ label, chance: found.cells[place * width * height + cell] / 255 }));
    sure.sort((a, b) => b.chance - a.chance);
    fill(this.pointed, sure.slice(0, 3).map(({ label, chance }) => `${label} ${Math.round(chance * 100)} %`).join(" · "));
  }

  savePng() {
    this.canvas.toBlob((blob) => blob && save(blob, "segments.png"), "image/png");
  }

  saveJson() {
    if (!this.found) return;
    const { map, cells, ...told } = this.found;
    save(new Blob([JSON.stringify(told)], { type: "application/json" }), "segments.json");
  }

  /**
   * @param {string} sentence
   * @param {boolean} [bad]
   */
  say(sentence, bad = false) {
    this.said.textContent = sentence;
    this.said.classList.toggle("bad", bad);
  }
}

/**
 * @param {Blob} blob
 * @param {string} download
 */
function save(blob, download) {
  const href = URL.createObjectURL(blob);
  el("a", { href, download }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
