/** Tilde encoding of names in paths: letters, digits, "-" and "_" stay, any other byte of UTF-8 becomes ~XX. */

/** @param {string} name */
export function tilde(name) {
  let out = "";
  for (const byte of new TextEncoder().encode(name)) {
    const letter = String.fromCharCode(byte);
    out += /[A-Za-z0-9_-]/.test(letter) ? letter : "~" + byte.toString(16).toUpperCase().padStart(2, "0");
  }
  return out || "~";
}
