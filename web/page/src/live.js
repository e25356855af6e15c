/** Lists made by the server that change without a reload: hits as one types, jobs as they run, scenes as they come. */

import { Latest, Problem, aborted, ask } from "./requests.js";

const TYPED_MS = 120;
const WARMING_MS = 2000;
const EVENTS_MS = 300;

export class LivePage {
  /** @param {HTMLElement} app */
  constructor(app) {
    this.app = app;
    this.latest = new Latest();
    this.status = document.createElement("p");
    this.status.setAttribute("role", "status");
    this.status.className = "live";
    app.before(this.status);
  }

  /**
   * Show what the server makes of a URL in place of what is shown.
   * @param {string} address
   */
  async show(address) {
    const signal = this.latest.next();
    try {
      const text = await (await ask(address, { signal, headers: { Accept: "text/html" } })).text();
      const made = new DOMParser().parseFromString(text, "text/html").getElementById("app");
      if (!made || signal.aborted) return;
      const half = made.dataset.page === "search" && !made.querySelector(".hits") && made.dataset.state !== "warming";
      const note = made.querySelector(".status .note")?.textContent ?? "";
      this.say(half ? note : "");
      if (!(half && this.app.querySelector(".hits"))) {
        this.app.dataset.page = made.dataset.page ?? "";
        this.app.replaceChildren(...made.childNodes);
      }
      if (made.dataset.state === "warming") setTimeout(() => !signal.aborted && this.show(address), WARMING_MS);
    } catch (error) {
      if (!aborted(error) && !signal.aborted) this.say(error instanceof Problem ? error.message : String(error));
    }
  }

  /** @param {string} sentence */
  say(sentence) {
    this.status.textContent = sentence;
  }
}

/**
 * Hits of all scenes as one types in the box at the top.
 * @param {LivePage} page
 * @param {HTMLFormElement} form
 */
export function searchAsTyped(page, form) {
  const input = /** @type {HTMLInputElement} */ (form.elements.namedItem("q"));
  let timer = 0, begun = false; // whether the words being typed have their entry in the history
  const address = () => {
    const given = new URLSearchParams(location.search);
    for (const name of ["after", "like"]) given.delete(name);
    if (input.value.trim()) given.set("q", input.value.trim());
    else given.delete("q");
    return form.action.split("?")[0] + (given.size ? `?${given}` : "");
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      go(address(), !begun);
      begun = true;
      page.show(address());
    }, TYPED_MS);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    begun = false;
    go(address(), true);
    page.show(address());
  });
  window.addEventListener("popstate", () => {
    input.value = new URLSearchParams(location.search).get("q") ?? "";
    page.show(location.href);
  });
  if (page.app.dataset.state === "warming") setTimeout(() => page.show(location.href), WARMING_MS);
}

/**
 * @param {string} address
 * @param {boolean} pushed
 */
function go(address, pushed) {
  if (new URL(address, location.href).href === location.href) return;
  if (pushed) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

/**
 * Ask for the list anew when the server says that something changed.
 * @param {LivePage} page
 * @param {string} events URL of the stream
 * @param {string[]} kinds of events
 */
export function follow(page, events, kinds) {
  const stream = new EventSource(events);
  let timer = 0;
  for (const kind of kinds)
    stream.addEventListener(kind, () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => !document.hidden && page.show(location.href), EVENTS_MS);
    });
}
