/** Requests to the server: JSON or bytes; a refusal is a Problem with the server's sentence. */

/** @typedef {{title?: string, status?: number, detail?: string, near?: string[], type?: string}} ProblemDetails */

export class Problem extends Error {
  /**
   * @param {number} status
   * @param {ProblemDetails} details
   */
  constructor(status, details) {
    super(details.detail || details.title || `The server answered with status ${status}.`);
    this.status = status;
    this.near = Array.isArray(details.near) ? details.near : [];
    this.warming = status === 503 && String(details.type ?? "").endsWith("warming");
  }
}

/**
 * @param {string} url
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function ask(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin", ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, { detail: "The server does not answer: is ovstore web still running?" });
  }
  if (answer.ok) return answer;
  const details = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, /** @type {ProblemDetails} */ (details));
}

/**
 * @param {string} url
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
export const json = async (url, options) => (await ask(url, options)).json();

/**
 * A URL with parameters; those without a value are left out, lists are repeated.
 * @param {string} path
 * @param {Record<string, string | number | string[] | null | undefined>} parameters
 */
export function url(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (Array.isArray(value)) for (const one of value) query.append(name, one);
    else if (value !== null && value !== undefined && value !== "") query.append(name, String(value));
  }
  return query.size ? `${path}?${query}` : path;
}

/** @param {unknown} error */
export const aborted = (error) => error instanceof DOMException && error.name === "AbortError";

/** The newest of a kind of request: a new one aborts the one before. */
export class Latest {
  constructor() {
    this.controller = new AbortController();
  }

  /** @returns {AbortSignal} */
  next() {
    this.controller.abort();
    this.controller = new AbortController();
    return this.controller.signal;
  }
}
