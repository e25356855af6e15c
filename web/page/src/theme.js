/** Light or dark: as the system says, or as the switch was left. */

import { button } from "./dom.js";

const KEY = "ovstore-theme";
const CHOICES = ["system", "light", "dark"];
const NAMES = /** @type {Record<string, string>} */ ({ system: "Auto", light: "Light", dark: "Dark" });

export function themeSwitch() {
  const kept = remembered();
  apply(kept);
  const press = button("", () => {
    const next = CHOICES[(CHOICES.indexOf(document.documentElement.dataset.theme ?? "system") + 1) % CHOICES.length];
    apply(next);
    say(next);
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // a browser that keeps nothing: the choice lasts for this page
    }
  });
  /** @param {string} choice */
  const say = (choice) => {
    press.textContent = NAMES[choice];
    press.setAttribute("aria-label", `${NAMES[choice]}: colours of the page`);
  };
  say(kept);
  document.querySelector("header nav")?.append(press);
}

/** @param {string} choice */
function apply(choice) {
  document.documentElement.dataset.theme = choice;
  document.dispatchEvent(new Event("themechange"));
}

function remembered() {
  try {
    const kept = localStorage.getItem(KEY) ?? "system";
    return CHOICES.includes(kept) ? kept : "system";
  } catch {
    return "system";
  }
}
