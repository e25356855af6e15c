/** What a single file carries: blocks of base64 of deflate in script elements that no browser runs. */

/**
 * @param {string} id
 * @returns {Promise<Uint8Array<ArrayBuffer>>} empty where there is no such block
 */
export async function block(id) {
  const text = document.getElementById(id)?.textContent?.trim();
  if (!text) return new Uint8Array(0);
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const whole = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(whole).arrayBuffer());
}

/** @param {string} id */
export const json = async (id) => JSON.parse(new TextDecoder().decode(await block(id)));
