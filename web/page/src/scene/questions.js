/** The box of words and the chips of questions already entered; the box's words are asked as they are typed. */

import { button, el, fill } from "../dom.js";
import { QUESTION_COLOURS, css } from "../view/colours.js";

/** @typedef {import("./source.js").Example} Example */
/** @typedef {{words: string, example: Example | null, thumbnail: string | null}} Question */

const TYPED_MS = 120;

export class Questions {
  /**
   * @param {(pushed: boolean) => void} changed
   * @param {(index: number) => void} chosen a chip was pressed: its hits are wanted
   */
  constructor(changed, chosen) {
    this.changed = changed;
    this.chosen = chosen;
    /** @type {Question[]} */
    this.entered = [];
    this.timer = 0;
    this.begun = false; // whether the words being typed have their entry in the history
    this.input = el("input", {
      type: "search", id: "words", placeholder: "Ask: a chair …", autocomplete: "off", spellcheck: "false",
      maxlength: 1000, enterkeyhint: "search", "aria-describedby": "said",
      oninput: (/** @type {InputEvent} */ event) => !event.isComposing && this.typed(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
      oncompositionend: () => this.typed(),
    });
    this.chips = el("ul", { class: "chips", "aria-label": "Questions" });
    this.said = el("p", { id: "said", role: "status" });
    this.root = el("div", { class: "asking", role: "search" }, el("label", { for: "words", class: "unseen" }, "Words to search for"), this.chips, this.input, this.said);
  }

  /** @returns {Question[]} entered and typed */
  all() {
    const words = this.input.value.trim();
    const typed = words && !words.startsWith("-") ? [{ words, example: null, thumbnail: null }] : [];
    return [...this.entered.filter((question) => !question.words.startsWith("-")), ...typed].slice(0, QUESTION_COLOURS.length);
  }

  /** @returns {string[]} what is not meant: words entered with a minus */
  not() {
    return this.entered.filter(({ words }) => words.startsWith("-")).map(({ words }) => words.slice(1).trim());
  }

  /**
   * What a URL says: one question stands in the box, several are chips.
   * @param {string[]} q
   * @param {string[]} not
   */
  set(q, not) {
    clearTimeout(this.timer);
    this.begun = false;
    const chips = [...(q.length > 1 ? q : []), ...not.map((words) => `-${words}`)];
    this.entered = chips.map((words) => ({ words, example: null, thumbnail: null }));
    this.input.value = q.length === 1 ? q[0] : "";
    this.show();
  }

  /** @param {Question} question */
  add(question) {
    if (question.example) this.entered = this.entered.filter((other) => !other.example);
    if (this.entered.length >= QUESTION_COLOURS.length) return this.say("Six questions at once is the most: remove one first.");
    this.entered.push(question);
    this.show();
    this.changed(true);
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.changed(!this.begun);
      this.begun = true;
    }, TYPED_MS);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Escape") {
      if (!this.input.value) this.input.blur();
      this.input.value = "";
      event.stopPropagation();
      return this.typed();
    }
    if (event.key === "Backspace" && !this.input.value && this.entered.length) {
      this.entered.pop();
      this.show();
      return this.changed(true);
    }
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    clearTimeout(this.timer);
    this.begun = false;
    const words = this.input.value.trim();
    if (!words) return this.changed(true);
    this.input.value = "";
    this.add({ words, example: null, thumbnail: null });
  }

  show() {
    let asked = 0;
    fill(this.chips, ...this.entered.map((question, index) => {
      const minus = question.words.startsWith("-");
      const colour = minus ? null : QUESTION_COLOURS[asked];
      const place = minus ? -1 : asked++;
      const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
      if (colour) swatch.style.background = css(colour);
      const remove = button("×", () => this.remove(index), { "aria-label": `Remove the question ${question.words}` });
      const picture = question.thumbnail && el("img", { src: question.thumbnail, alt: "", width: 24, height: 24 });
      const name = el("button", { type: "button", class: "words", onclick: () => place >= 0 && this.chosen(place) }, swatch, picture, minus ? `not ${question.words.slice(1)}` : question.words);
      return el("li", {}, name, remove);
    }));
  }

  /** @param {number} index */
  remove(index) {
    const [gone] = this.entered.splice(index, 1);
    if (gone.thumbnail) URL.revokeObjectURL(gone.thumbnail);
    this.show();
    this.input.focus();
    this.changed(true);
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
