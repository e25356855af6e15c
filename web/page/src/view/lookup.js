/** The table of colours: one texel for every superpoint of the mesh, then one for every superpoint of every tile. */

/** @typedef {import("./wire.js").Tile} Tile */

export const HIDDEN = 0; // strength of what is not drawn; 1 draws the base colour alone, 255 the table's colour alone

/**
 * Which texel speaks for which superpoint.
 * @param {number} superpoints how many the scene has
 * @param {Tile[]} tiles
 * @returns {{superpointOf: Uint32Array, bases: number[]}} by texel; and where each tile's texels begin
 */
export function layOut(superpoints, tiles) {
  /** @type {number[]} */
  const bases = [];
  let total = superpoints;
  for (const tile of tiles) {
    bases.push(total);
    total += tile.superpoints.length;
  }
  const superpointOf = new Uint32Array(total);
  for (let index = 0; index < superpoints; index++) superpointOf[index] = index;
  tiles.forEach((tile, index) => superpointOf.set(tile.superpoints, bases[index]));
  return { superpointOf, bases };
}

/**
 * The least rectangle of a texture that holds so many texels.
 * @param {number} texels
 */
export function rectangle(texels) {
  const width = Math.min(1024, Math.max(1, texels));
  return { width, height: Math.max(1, Math.ceil(texels / width)) };
}

/**
 * Write every texel from the colours of the superpoints.
 * @param {Uint32Array} superpointOf by texel
 * @param {Uint32Array} colours RGBA of every superpoint, one word each
 * @param {Uint32Array} texels written
 */
export function write(superpointOf, colours, texels) {
  for (let index = 0; index < superpointOf.length; index++) texels[index] = colours[superpointOf[index]];
}
