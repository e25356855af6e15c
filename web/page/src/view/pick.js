/** What lies under a pixel: places are drawn into five by five pixels around it, and the nearest one counts. */

import { FloatType, NearestFilter, RGBAFormat, WebGLRenderTarget } from "three";

/** @typedef {{superpoint: number, xyz: number[]}} Picked */

const SIDE = 5;

/**
 * @param {import("./stage.js").Stage} stage
 * @param {number} x pixels of the page, from the canvas's left
 * @param {number} y
 * @returns {Picked | null}
 */
export function pick(stage, x, y) {
  const { geometry, renderer, camera, scene } = stage;
  if (!geometry) return null;
  const { width, height } = stage.size();
  const target = new WebGLRenderTarget(SIDE, SIDE, {
    type: FloatType, format: RGBAFormat, minFilter: NearestFilter, magFilter: NearestFilter,
  });
  const kept = camera.projectionMatrix.clone();
  const hidden = scene.children.filter((child) => child !== geometry.group && child.visible);
  try {
    zoomInto(camera, (2 * (x + 0.5)) / width - 1, 1 - (2 * (y + 0.5)) / height, width / SIDE, height / SIDE);
    for (const child of hidden) child.visible = false;
    geometry.draws(true);
    renderer.setRenderTarget(target);
    renderer.render(scene, camera);
    const pixels = new Float32Array(SIDE * SIDE * 4);
    renderer.readRenderTargetPixels(target, 0, 0, SIDE, SIDE, pixels);
    return nearest(pixels, geometry.superpointOf);
  } finally {
    renderer.setRenderTarget(null);
    geometry.draws(false);
    for (const child of hidden) child.visible = true;
    camera.projectionMatrix.copy(kept);
    camera.projectionMatrixInverse.copy(kept).invert();
    target.dispose();
  }
}

/**
 * Make the frustum as narrow as one pixel and its neighbours: points keep their sizes in pixels.
 * @param {import("three").PerspectiveCamera} camera
 * @param {number} x of the pixel, -1 to 1
 * @param {number} y
 * @param {number} wider how many times the canvas is wider than the part
 * @param {number} higher
 */
function zoomInto(camera, x, y, wider, higher) {
  const matrix = camera.projectionMatrix.elements;
  for (let column = 0; column < 4; column++) {
    matrix[column * 4] = wider * (matrix[column * 4] - x * matrix[column * 4 + 3]);
    matrix[column * 4 + 1] = higher * (matrix[column * 4 + 1] - y * matrix[column * 4 + 3]);
  }
  camera.projectionMatrixInverse.copy(camera.projectionMatrix).invert();
}

/**
 * @param {Float32Array} pixels x, y, z, texel + 1; 0 where nothing was drawn
 * @param {Uint32Array} superpointOf by texel
 * @returns {Picked | null}
 */
export function nearest(pixels, superpointOf) {
  let best = -1, least = Infinity;
  const middle = (SIDE - 1) / 2;
  for (let index = 0; index < SIDE * SIDE; index++) {
    const across = (index % SIDE) - middle, up = Math.floor(index / SIDE) - middle;
    const far = across * across + up * up;
    if (pixels[index * 4 + 3] > 0 && far < least) [best, least] = [index, far];
  }
  if (best < 0) return null;
  return { superpoint: superpointOf[pixels[best * 4 + 3] - 1], xyz: [...pixels.subarray(best * 4, best * 4 + 3)] };
}
