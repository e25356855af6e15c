/** Oriented boxes as corners and edges. */

/** @typedef {{centre: number[], axes: number[][], size: number[]}} OrientedBox axes are columns */

/**
 * The oriented box of a thing; of one that has none the box along the axes of the scene.
 * @param {{oriented_box: OrientedBox | null, box?: {min: number[], max: number[]}}} thing
 * @returns {OrientedBox | null}
 */
export function boxAround({ oriented_box, box }) {
  if (oriented_box || !box) return oriented_box;
  return {
    centre: box.min.map((low, axis) => (low + box.max[axis]) / 2),
    axes: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    size: box.min.map((low, axis) => box.max[axis] - low),
  };
}

/**
 * The eight corners of a box: bit 0, 1, 2 of the index say which end of which axis.
 * @param {OrientedBox} box
 * @returns {number[][]}
 */
export function corners(box) {
  return Array.from({ length: 8 }, (_, index) =>
    box.centre.map((middle, axis) =>
      box.axes[axis].reduce((sum, part, which) => sum + (part * box.size[which] * (index & (1 << which) ? 1 : -1)) / 2, middle),
    ),
  );
}

/**
 * Its twelve edges, as pairs of places.
 * @param {OrientedBox} box
 */
export function edges(box) {
  const found = corners(box);
  return [0, 1, 2].flatMap((axis) =>
    found.flatMap((corner, index) => (index & (1 << axis) ? [] : [[corner, found[index | (1 << axis)]]])),
  );
}
