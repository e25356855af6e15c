import assert from "node:assert/strict";
import { test } from "node:test";
import { byQuestion } from "../src/scene/asking.js";
import { tint } from "../src/scene/tint.js";
import { PLAIN, QUESTION_COLOURS, heat, numbered } from "../src/view/colours.js";
import { HIDDEN } from "../src/view/lookup.js";

const scores = { question: "chair", low: 0, high: 1, score: Float32Array.of(-1, 0.2, 0.9, NaN), probability: Float32Array.of(0, 0.1, 0.8, NaN) };
const plain = { layer: "heat", scores: [], threshold: 0.5, selected: null, lit: null, hidden: new Set(), only: null, objectOf: [0, 0, 1, 1], labelOf: ["bed", null] };

const coloured = (look) => {
  const colours = new Uint32Array(4);
  tint({ ...plain, ...look }, colours);
  return [...colours];
};

test("without a question everything has its own colour", () => {
  assert.deepEqual(coloured({}), [PLAIN, PLAIN, PLAIN, PLAIN]);
});

test("one question lights what reaches the threshold and nothing else", () => {
  const colours = coloured({ scores: [scores] });
  assert.deepEqual(colours.map((colour) => colour === PLAIN), [true, true, false, true]);
});

test("where nothing reaches the threshold the nearest things are drawn, more faintly than a hit", () => {
  const hit = coloured({ scores: [scores] })[2] >>> 24;
  const colours = coloured({ scores: [scores], threshold: 0.95 });
  assert.deepEqual(colours.map((colour) => colour === PLAIN), [true, true, false, true]);
  assert.ok(colours[2] >>> 24 < hit);
});

test("without probabilities the score alone decides, from the median up", () => {
  const colours = coloured({ scores: [{ ...scores, probability: null }] });
  assert.deepEqual(colours.map((colour) => colour === PLAIN), [true, false, false, true]);
});

test("of several questions the most probable one gives its colour", () => {
  const other = { ...scores, question: "bed", probability: Float32Array.of(0.9, 0, 0.6, NaN) };
  const colours = coloured({ scores: [scores, other] });
  assert.deepEqual(colours.map((colour) => colour & 0xff), [QUESTION_COLOURS[1][0], 0, QUESTION_COLOURS[0][0], 0]);
});

test("asking something else and the same again gives the same colours", () => {
  const before = coloured({ scores: [scores] });
  coloured({ scores: [{ ...scores, score: Float32Array.of(1, 1, 0, 0) }] });
  assert.deepEqual(coloured({ scores: [scores] }), before);
});

test("what is hidden, or not among the only ones shown, is not drawn", () => {
  assert.deepEqual(coloured({ hidden: new Set([1]) }), [PLAIN, HIDDEN, PLAIN, PLAIN]);
  assert.deepEqual(coloured({ only: new Set([1]) }), [HIDDEN, PLAIN, HIDDEN, HIDDEN]);
});

test("superpoints of one object have one colour in the layer of regions, and unlabelled ones none in that of labels", () => {
  const [a, b, c, d] = coloured({ layer: "regions" });
  assert.ok(a === b && c === d && a !== c);
  assert.deepEqual(coloured({ layer: "label" }).map((colour) => colour === PLAIN), [false, false, true, true]);
});

test("heat begins dark, ends bright and never darkens", () => {
  const light = Array.from({ length: 101 }, (_, step) => heat(step / 100).reduce((sum, value, at) => sum + value * [0.3, 0.59, 0.11][at], 0));
  assert.ok(light.every((value, step) => step === 0 || value >= light[step - 1] - 0.6));
});

test("colours by number are colours", () => {
  for (let number = 0; number < 500; number++) assert.ok(numbered(number).every((value) => Number.isInteger(value) && value >= 0 && value <= 255));
});

test("rows of scores become arrays by superpoint, with nothing where no frame saw one", () => {
  const answer = { regions: [2, 0], rows: [{ question: "q", low: 0.1, high: 0.5, scores: [0.5, 0.1], probabilities: [0.9, null] }] };
  const [row] = byQuestion(answer, ["q"], 3);
  assert.deepEqual([...row.score], [Math.fround(0.1), NaN, 0.5]);
  assert.deepEqual([row.low, row.high, row.probability[2]], [0.1, 0.5, Math.fround(0.9)]);
});
