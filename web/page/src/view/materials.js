/** Shaders: a point or a vertex finds its superpoint's colour in the table; a second pair writes where and what it is. */

import { FrontSide, GLSL3, NoBlending, RawShaderMaterial } from "three";

const COMMON = `
precision highp float;
precision highp int;
precision highp sampler2D;
in vec4 position;
in vec4 paint;
uniform mat4 modelViewMatrix;
uniform mat4 projectionMatrix;
uniform vec3 low;
uniform vec3 size;
uniform int base;
uniform sampler2D table;
uniform vec4 section; // keeps what has dot(xyz, section.xyz) <= section.w
vec4 looked(int texel) {
  int width = textureSize(table, 0).x;
  return texelFetch(table, ivec2(texel % width, texel / width), 0);
}
`;

const SPLAT = `
uniform float pixels; // of one metre at a distance of one metre
uniform float stretch; // of splats, where only every n-th point is drawn
float splat(float depth) {
  float spacing = 0.001 * exp2(paint.w * 16.0);
  return clamp(1.7 * spacing * stretch * pixels / max(depth, 0.01), 1.5, 24.0);
}
`;

const SEEN = `
uniform float grey;
vec3 ground(vec3 rgb) {
  float light = dot(rgb, vec3(0.299, 0.587, 0.114));
  return mix(rgb, vec3(0.16 + 0.66 * light), grey);
}
`;

const POINT = `${COMMON}${SPLAT}${SEEN}
out vec3 shown;
void main() {
  vec3 xyz = low + size * position.xyz / 65535.0;
  vec4 look = looked(base + int(position.w));
  vec4 eye = modelViewMatrix * vec4(xyz, 1.0);
  bool gone = look.a == 0.0 || dot(xyz, section.xyz) > section.w;
  gl_Position = gone ? vec4(2.0, 2.0, 2.0, 1.0) : projectionMatrix * eye;
  gl_PointSize = splat(-eye.z);
  shown = mix(ground(paint.rgb), look.rgb, max(look.a * 255.0 - 1.0, 0.0) / 254.0);
}`;

const POINT_WHERE = `${COMMON}${SPLAT}
flat out vec4 where;
void main() {
  vec3 xyz = low + size * position.xyz / 65535.0;
  int texel = base + int(position.w);
  vec4 eye = modelViewMatrix * vec4(xyz, 1.0);
  bool gone = looked(texel).a == 0.0 || dot(xyz, section.xyz) > section.w;
  gl_Position = gone ? vec4(2.0, 2.0, 2.0, 1.0) : projectionMatrix * eye;
  gl_PointSize = splat(-eye.z);
  where = vec4(xyz, float(texel) + 1.0);
}`;

const VERTEX = `${COMMON}${SEEN}
out vec3 own;
out vec3 spot;
flat out vec4 look;
void main() {
  vec3 xyz = low + size * position.xyz / 65535.0;
  look = looked(int(position.w) + 65536 * int(paint.w * 255.0 + 0.5));
  own = ground(paint.rgb);
  spot = xyz;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(xyz, 1.0);
}`;

const VERTEX_WHERE = `${COMMON}
out vec3 spot;
flat out vec4 look;
flat out vec4 where;
void main() {
  vec3 xyz = low + size * position.xyz / 65535.0;
  int texel = int(position.w) + 65536 * int(paint.w * 255.0 + 0.5);
  look = looked(texel);
  where = vec4(xyz, float(texel) + 1.0);
  spot = xyz;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(xyz, 1.0);
}`;

const FRAGMENT_HEAD = `
precision highp float;
uniform vec4 section;
`;

const POINT_COLOUR = `${FRAGMENT_HEAD}
in vec3 shown;
out vec4 colour;
void main() {
  vec2 place = gl_PointCoord - 0.5;
  if (dot(place, place) > 0.25) discard;
  colour = vec4(shown, 1.0);
}`;

const POINT_PLACE = `${FRAGMENT_HEAD}
flat in vec4 where;
out vec4 colour;
void main() {
  vec2 place = gl_PointCoord - 0.5;
  if (dot(place, place) > 0.25) discard;
  colour = where;
}`;

const FACE_COLOUR = `${FRAGMENT_HEAD}
in vec3 own;
in vec3 spot;
flat in vec4 look;
out vec4 colour;
void main() {
  if (look.a == 0.0 || dot(spot, section.xyz) > section.w) discard;
  colour = vec4(mix(own, look.rgb, max(look.a * 255.0 - 1.0, 0.0) / 254.0), 1.0);
}`;

const FACE_PLACE = `${FRAGMENT_HEAD}
in vec3 spot;
flat in vec4 look;
flat in vec4 where;
out vec4 colour;
void main() {
  if (look.a == 0.0 || dot(spot, section.xyz) > section.w) discard;
  colour = where;
}`;

/** @typedef {Record<string, {value: unknown}>} Uniforms */

/**
 * @param {string} vertexShader
 * @param {string} fragmentShader
 * @param {Uniforms} uniforms
 */
function material(vertexShader, fragmentShader, uniforms) {
  return new RawShaderMaterial({
    glslVersion: GLSL3, vertexShader, fragmentShader, uniforms, side: FrontSide, blending: NoBlending,
  });
}

/** @param {Uniforms} uniforms */
export const points = (uniforms) => material(POINT, POINT_COLOUR, uniforms);
/** @param {Uniforms} uniforms */
export const pointPlaces = (uniforms) => material(POINT_WHERE, POINT_PLACE, uniforms);
/** @param {Uniforms} uniforms */
export const faces = (uniforms) => material(VERTEX, FACE_COLOUR, uniforms);
/** @param {Uniforms} uniforms */
export const facePlaces = (uniforms) => material(VERTEX_WHERE, FACE_PLACE, uniforms);
