/** Points and meshes as the server sends them (application/vnd.ovstore.points, version 1): views into the bytes, no copies. */

/** @typedef {{low: number[], size: number[], count: number, superpoints: number[]}} Tile */
/** @typedef {{level: number, tile: number, offset: number, count: number}} ChunkPlace */
/**
 * @typedef {object} Manifest
 * @property {number} version
 * @property {string} digest
 * @property {number} points
 * @property {string} up_axis
 * @property {number[]} strides
 * @property {string[]} planes
 * @property {Tile[]} tiles
 * @property {ChunkPlace[]} chunks
 * @property {number} bytes
 * @property {{faces: number, bytes: number} | null} mesh
 */
/** @typedef {{place: Uint16Array, paint: Uint8Array, shape: Uint8Array | null}} Planes */
/** @typedef {Planes & {low: number[], size: number[], faces: Uint32Array}} Mesh */

export const BYTES_OF_PLANE = /** @type {Record<string, number>} */ ({ place: 8, paint: 4, shape: 4 });

/**
 * Bytes of one point, all planes together.
 * @param {string[]} planes
 */
export function bytesOfPoint(planes) {
  return planes.reduce((sum, plane) => {
    const bytes = BYTES_OF_PLANE[plane];
    if (bytes === undefined) throw new Error(`This page cannot read the plane "${plane}": reload it.`);
    return sum + bytes;
  }, 0);
}

/**
 * The planes of one chunk. `place` is x, y, z in the tile's box and the place in the tile's list of superpoints.
 * @param {ArrayBuffer} bytes
 * @param {ChunkPlace} chunk
 * @param {string[]} planes
 * @returns {Planes}
 */
export function chunkPlanes(bytes, chunk, planes) {
  /** @type {Planes} */
  const found = { place: new Uint16Array(0), paint: new Uint8Array(0), shape: null };
  let offset = chunk.offset;
  for (const plane of planes) {
    if (plane === "place") found.place = new Uint16Array(bytes, offset, chunk.count * 4);
    if (plane === "paint") found.paint = new Uint8Array(bytes, offset, chunk.count * 4);
    if (plane === "shape") found.shape = new Uint8Array(bytes, offset, chunk.count * 4);
    offset += chunk.count * BYTES_OF_PLANE[plane];
  }
  return found;
}

/**
 * A mesh: uint32 vertices, faces; float32 low[3], size[3]; place; paint (r, g, b, high 8 bits of the superpoint); a, b, c.
 * @param {ArrayBuffer} bytes
 * @returns {Mesh}
 */
export function meshPlanes(bytes) {
  const [vertices, faces] = new Uint32Array(bytes, 0, 2);
  const box = new Float32Array(bytes, 8, 6);
  if (bytes.byteLength !== 32 + vertices * 12 + faces * 12) throw new Error("The mesh came incomplete: reload the page.");
  return {
    low: [...box.subarray(0, 3)],
    size: [...box.subarray(3, 6)],
    place: new Uint16Array(bytes, 32, vertices * 4),
    paint: new Uint8Array(bytes, 32 + vertices * 8, vertices * 4),
    shape: null,
    faces: new Uint32Array(bytes, 32 + vertices * 12, faces * 3),
  };
}

/**
 * How many points the chunks up to and with `level` hold.
 * @param {Manifest} manifest
 * @returns {number[]} a count for every level
 */
export function pointsUpTo(manifest) {
  const counts = manifest.strides.map(() => 0);
  for (const chunk of manifest.chunks) counts[chunk.level] += chunk.count;
  for (let level = 1; level < counts.length; level++) counts[level] += counts[level - 1];
  return counts;
}
