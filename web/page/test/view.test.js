import assert from "node:assert/strict";
import { test } from "node:test";
import * as address from "../src/address.js";
import { tilde } from "../src/names.js";
import { boxOf } from "../src/scene/box_on_picture.js";
import { measured } from "../src/scene/measure.js";
import { corners, edges } from "../src/view/boxes.js";
import { Governor, STILL_MS } from "../src/view/governor.js";
import { contained, frustum, upVector, worldMatrix } from "../src/view/poses.js";

const camera = { width: 640, height: 480, fx: 500, fy: 510, cx: 300.5, cy: 250 };

test("the frustum of a photograph sends every place to the pixel that its intrinsics say", () => {
  for (const canvas of [{ width: 640, height: 480 }, { width: 1000, height: 400 }, { width: 300, height: 900 }]) {
    const placed = contained(camera, canvas);
    const { left, right, top, bottom } = frustum(camera, placed, canvas, 0.1);
    for (const [x, y, z] of [[0, 0, 1], [0.4, -0.2, 2], [-0.5, 0.3, 1.5]]) {
      const u = (camera.fx * x) / z + camera.cx, v = (camera.fy * y) / z + camera.cy;
      const column = (((x / z) * 0.1 - left) / (right - left)) * canvas.width;
      const row = (((y / z) * 0.1 + top) / (top - bottom)) * canvas.height;
      assert.ok(Math.abs(column - (placed.left + ((u + 0.5) * placed.width) / 640)) < 1e-9);
      assert.ok(Math.abs(row - (placed.top + ((v + 0.5) * placed.height) / 480)) < 1e-9);
    }
  }
});

test("a camera's world matrix looks along OpenCV's z with its y down", () => {
  const matrix = worldMatrix([1, 0, 0, 5, 0, 1, 0, 6, 0, 0, 1, 7, 0, 0, 0, 1]);
  assert.deepEqual(matrix.slice(4, 8).map((value) => value + 0), [0, -1, 0, 0]);
  assert.deepEqual(matrix.slice(8, 12).map((value) => value + 0), [0, 0, -1, 0]);
  assert.deepEqual(matrix.slice(12), [5, 6, 7, 1]);
});

test("up axes point where they say", () => {
  assert.deepEqual(upVector("z"), [0, 0, 1]);
  assert.deepEqual(upVector("-y").map((value) => value + 0), [0, -1, 0]);
});

test("a box has eight corners half its size away along its axes, which are columns, and twelve edges", () => {
  const box = { centre: [1, 2, 3], axes: [[0, -1, 0], [1, 0, 0], [0, 0, 1]], size: [2, 4, 6] };
  for (const corner of corners(box)) assert.deepEqual(corner.map((value, axis) => Math.abs(value - box.centre[axis])), [2, 1, 3]);
  assert.equal(edges(box).length, 12);
});

test("a view survives its URL", () => {
  const view = { q: ["a chair & more", "snoopy"], not: ["table"], features: "tiny", region: "23@object", frame: "", eye: [1.2345, -2, 0.5], at: [0, 0, 0], show: "regions", box: false };
  const again = address.read(address.write(view));
  assert.deepEqual(again, { ...view, eye: [1.235, -2, 0.5] });
  assert.equal(address.write(again), address.write(view));
});

test("nonsense in a URL is the default", () => {
  const view = address.read("?region=../etc&eye=1,2&at=a,b,c&show=smell&q=%20");
  assert.deepEqual([view.region, view.eye, view.at, view.show, view.q], ["", null, null, "heat", []]);
});

test("at most six questions are read from a URL", () => {
  assert.equal(address.read("?q=a&q=b&q=c&q=d&q=e&q=f&q=g").q.length, 6);
});

test("names are encoded so that nothing in a path is touched on the way", () => {
  for (const name of ["", ".", "..", "a/b?c#d%e", "~", "naïve 🪑"]) assert.match(tilde(name), /^(~|([A-Za-z0-9_-]|~[0-9A-F]{2})+)$/);
  assert.equal(tilde(".."), "~2E~2E");
});

test("the governor draws one level at first, all where there is time, and fewer while something moves", () => {
  const governor = new Governor([1000, 4000, 16000]);
  assert.equal(governor.levels(false), 0);
  governor.available = 3;
  assert.equal(governor.levels(true), 1);
  for (const [levels, ms] of [[1, 5], [2, 20], [3, 80]]) for (let frame = 0; frame < 2; frame++) governor.learn(ms, levels);
  assert.equal(governor.levels(false), 3);
  assert.equal(governor.levels(true), 2);
});

test("a level that is too slow is not drawn, until there is hope again", () => {
  const governor = new Governor([1000, 4000]);
  governor.available = 2;
  for (let frame = 0; frame < 2; frame++) governor.learn(10, 1), governor.learn(STILL_MS * 1.2, 2);
  assert.equal(governor.levels(false), 1);
  governor.hope();
  assert.equal(governor.levels(false), 2);
});

test("a box on the canvas is the box on the photograph, cut to it", () => {
  const placed = { left: 100, top: 0, width: 320, height: 240 };
  assert.deepEqual(boxOf([110, 20], [420, 5], placed, camera), [20, 10, 640, 40]);
  assert.deepEqual(boxOf([0, -5], [5000, 5000], placed, camera), [0, 0, 640, 480]);
});

test("a chain of places is measured piece by piece and whole", () => {
  assert.equal(measured([[0, 0, 0], [3, 4, 0]]), "5.00 m");
  assert.equal(measured([[0, 0, 0], [3, 4, 0], [3, 4, 1]]), "5.00 m + 1.00 m = 6.00 m");
});
