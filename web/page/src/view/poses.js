/** Cameras of photographs: poses in OpenCV's axes, and frustums that hit their pixels exactly. Plain numbers. */

/** @typedef {{width: number, height: number, fx: number, fy: number, cx: number, cy: number}} Intrinsics */
/** @typedef {{left: number, top: number, width: number, height: number}} Rectangle in pixels of the canvas */

/**
 * Where a picture lies in a canvas when it is as large as it can be and whole.
 * @param {{width: number, height: number}} picture
 * @param {{width: number, height: number}} canvas
 * @returns {Rectangle}
 */
export function contained(picture, canvas) {
  const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const width = picture.width * scale, height = picture.height * scale;
  return { left: (canvas.width - width) / 2, top: (canvas.height - height) / 2, width, height };
}

/**
 * The frustum of the whole canvas when the picture lies in `placed`: pixel centres are on the integers.
 * @param {Intrinsics} camera
 * @param {Rectangle} placed
 * @param {{width: number, height: number}} canvas
 * @param {number} near
 */
export function frustum(camera, placed, canvas, near) {
  const scale = placed.width / camera.width;
  /** @param {number} x of the canvas */
  const across = (x) => (((x - placed.left) / scale - 0.5 - camera.cx) / camera.fx) * near;
  /** @param {number} y of the canvas */
  const down = (y) => (((y - placed.top) / scale - 0.5 - camera.cy) / camera.fy) * near;
  return { left: across(0), right: across(canvas.width), top: -down(0), bottom: -down(canvas.height) };
}

/**
 * A camera's world matrix with y up and z backwards, column by column, from camera_to_world in OpenCV's axes, row by row.
 * @param {number[] | number[][]} cameraToWorld
 */
export function worldMatrix(cameraToWorld) {
  const rows = cameraToWorld.flat();
  const signs = [1, -1, -1, 1];
  return signs.flatMap((sign, column) => [0, 1, 2, 3].map((row) => rows[row * 4 + column] * sign));
}

/**
 * The up axis of a scene as a vector: "z", "-y" and the like.
 * @param {string} name
 */
export function upVector(name) {
  const sign = name.startsWith("-") ? -1 : 1;
  return ["x", "y", "z"].map((axis) => (name.endsWith(axis) ? sign : 0));
}
