/** Colours of scores, of several questions, of regions: a word of RGBA each, alpha the strength over the scene's own colour. */

// Anchors of a dark-to-bright map that keeps its order in grey and for colour-blind eyes; the ones of drawing/render.py.
const HEAT = [
  [20, 11, 53], [58, 9, 99], [96, 19, 110], [133, 33, 107], [169, 46, 94], [203, 65, 73],
  [230, 93, 47], [247, 131, 17], [252, 173, 18], [245, 219, 76], [252, 255, 164],
];

// Okabe and Ito's colours, which colour-blind eyes tell apart.
export const QUESTION_COLOURS = [
  [230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [204, 121, 167], [213, 94, 0],
];

export const SELECTED = [64, 224, 255];

/**
 * @param {number} share 0 to 1
 * @returns {number[]} r, g, b
 */
export function heat(share) {
  const position = Math.min(Math.max(share, 0), 1) * (HEAT.length - 1);
  const low = Math.min(Math.floor(position), HEAT.length - 2);
  return HEAT[low].map((value, channel) => Math.round(value + (HEAT[low + 1][channel] - value) * (position - low)));
}

/**
 * One word of little-endian RGBA.
 * @param {number[]} rgb
 * @param {number} strength 0 to 1: how much of it covers the scene's own colour
 */
export function word(rgb, strength) {
  const alpha = 1 + Math.round(Math.min(Math.max(strength, 0), 1) * 254);
  return (rgb[0] | (rgb[1] << 8) | (rgb[2] << 16) | (alpha << 24)) >>> 0;
}

export const PLAIN = word([0, 0, 0], 0);

/**
 * A colour for a region by its number: hues in golden steps, so that neighbours in number differ.
 * @param {number} number
 * @returns {number[]} r, g, b
 */
export function numbered(number) {
  const hue = (number * 0.61803398875) % 1;
  const light = 0.45 + 0.2 * ((number * 0.381966) % 1);
  /** @param {number} shift */
  const channel = (shift) => {
    const place = (hue + shift) % 1;
    const wave = Math.min(Math.max(Math.abs(place * 6 - 3) - 1, 0), 1);
    return Math.round(255 * (light + (wave - 0.5) * 0.55));
  };
  return [channel(0), channel(2 / 3), channel(1 / 3)];
}

/** @param {number[]} rgb */
export const css = (rgb) => `rgb(${rgb.join(" ")})`;
