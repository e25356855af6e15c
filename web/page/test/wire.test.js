import assert from "node:assert/strict";
import { test } from "node:test";
import { stream, wantedPoints } from "../src/view/arrival.js";
import { layOut, rectangle, write } from "../src/view/lookup.js";
import { bytesOfPoint, chunkPlanes, meshPlanes, pointsUpTo } from "../src/view/wire.js";

const tiles = [
  { low: [0, 0, 0], size: [1, 2, 3], count: 3, superpoints: [4, 7] },
  { low: [1, 0, 0], size: [1, 1, 1], count: 2, superpoints: [7] },
];
const chunks = [
  { level: 0, tile: 0, offset: 0, count: 1 },
  { level: 0, tile: 1, offset: 12, count: 1 },
  { level: 1, tile: 0, offset: 24, count: 2 },
  { level: 1, tile: 1, offset: 48, count: 1 },
];
const bytes = Uint8Array.from({ length: 60 }, (_, index) => index);

test("the planes of a chunk are views into the bytes that arrived", () => {
  const { place, paint, shape } = chunkPlanes(bytes.buffer, chunks[2], ["place", "paint"]);
  assert.equal(place.buffer, bytes.buffer);
  assert.deepEqual([...new Uint8Array(place.buffer, place.byteOffset, place.byteLength)], [...bytes.subarray(24, 40)]);
  assert.deepEqual([...paint], [...bytes.subarray(40, 48)]);
  assert.equal(shape, null);
});

test("a plane that the page does not know is refused by name", () => {
  assert.throws(() => bytesOfPoint(["place", "smell"]), /"smell"/);
});

test("levels add up", () => {
  assert.deepEqual(pointsUpTo({ strides: [4, 1], chunks }), [2, 5]);
});

test("chunks are handed on in the order of the file whatever the size of the pieces that arrive", async () => {
  for (const step of [1, 7, 24, 60, 100]) {
    const pieces = [];
    for (let at = 0; at < 60; at += step) pieces.push(bytes.slice(at, at + step));
    const reader = { read: async () => ({ done: !pieces.length, value: pieces.shift() }), cancel: async () => {} };
    const arrived = [];
    await stream(reader, 60, chunks, 12, (whole, chunk) => arrived.push([chunk, new Uint8Array(whole)[chunk.offset]]));
    assert.deepEqual(arrived, chunks.map((chunk) => [chunk, chunk.offset]));
  }
});

test("a stream that ends early is an error, not half a scene", async () => {
  const pieces = [bytes.slice(0, 30)];
  const reader = { read: async () => ({ done: !pieces.length, value: pieces.shift() }), cancel: async () => {} };
  await assert.rejects(stream(reader, 60, chunks, 12, () => {}), /incomplete/);
});

test("of a scene with too many points whole levels are asked for, as many as fit", () => {
  assert.equal(wantedPoints([50_000, 800_000]), 800_000);
  assert.equal(wantedPoints([50_000, 3_000_000, 12_000_000]), 3_000_000);
});

test("every texel has the colour of the superpoint it stands for", () => {
  const { superpointOf, bases } = layOut(8, tiles);
  assert.deepEqual(bases, [8, 10]);
  assert.deepEqual([...superpointOf], [0, 1, 2, 3, 4, 5, 6, 7, 4, 7, 7]);
  const colours = Uint32Array.from({ length: 8 }, (_, superpoint) => 100 + superpoint);
  const texels = new Uint32Array(11);
  write(superpointOf, colours, texels);
  tiles.forEach((tile, index) =>
    tile.superpoints.forEach((superpoint, local) => assert.equal(texels[bases[index] + local], 100 + superpoint)));
});

test("the texture holds all texels", () => {
  for (const texels of [0, 1, 1024, 1025, 5_000_000]) {
    const { width, height } = rectangle(texels);
    assert.ok(width * height >= texels && width >= 1 && height >= 1);
  }
});

test("a mesh reads back, and a cut one is refused", () => {
  const buffer = new ArrayBuffer(32 + 3 * 12 + 12);
  new Uint32Array(buffer, 0, 2).set([3, 1]);
  new Float32Array(buffer, 8, 6).set([1, 2, 3, 4, 5, 6]);
  new Uint32Array(buffer, 32 + 36, 3).set([0, 1, 2]);
  const mesh = meshPlanes(buffer);
  assert.deepEqual([mesh.low, mesh.size, [...mesh.faces]], [[1, 2, 3], [4, 5, 6], [0, 1, 2]]);
  assert.throws(() => meshPlanes(buffer.slice(0, 72)), /incomplete/);
});
