/** What the colours mean, in numbers, and the probability below which nothing is lit. */

import { el, fill } from "../dom.js";
import { QUESTION_COLOURS, css, heat } from "../view/colours.js";
import { percent } from "./wording.js";

/** @typedef {import("./tint.js").Scores} Scores */

export class Legend {
  /** @param {(threshold: number) => void} changed */
  constructor(changed) {
    this.threshold = 0.5;
    this.slider = el("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0.5, "aria-label": "Probability below which nothing is lit",
      oninput: () => {
        this.threshold = this.slider.valueAsNumber;
        this.value.textContent = percent(this.threshold);
        changed(this.threshold);
      } });
    this.value = el("output", {}, percent(0.5));
    this.control = el("label", { class: "threshold" }, "lit from ", this.slider, this.value);
    this.scale = el("div", { class: "scale" });
    this.root = el("div", { class: "legend", hidden: true }, this.scale, this.control);
  }

  /**
   * @param {Scores[]} scores
   * @param {boolean} faint nothing reached the threshold
   */
  show(scores, faint) {
    this.root.hidden = scores.length === 0;
    this.control.hidden = !scores.some((one) => one.probability);
    if (scores.length === 1) fill(this.scale, ...heatScale(scores[0], faint));
    else fill(this.scale, ...scores.map((one, index) => {
      const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
      swatch.style.background = css(QUESTION_COLOURS[index]);
      return el("span", { class: "entry" }, swatch, one.question);
    }));
  }
}

/**
 * @param {Scores} scores
 * @param {boolean} faint
 */
function heatScale(scores, faint) {
  const bar = el("canvas", { width: 120, height: 1, class: "bar", "aria-hidden": "true" });
  const pen = bar.getContext("2d");
  for (let x = 0; pen && x < 120; x++) {
    pen.fillStyle = css(heat(0.25 + (0.75 * x) / 119));
    pen.fillRect(x, 0, 1, 1);
  }
  return [
    el("span", { title: "the scene's median" }, scores.low.toFixed(2)), bar, el("span", { title: "the scene's best" }, scores.high.toFixed(2)),
    faint && el("span", { class: "faint" }, "nothing reaches the threshold: the nearest are drawn faintly"),
  ];
}
