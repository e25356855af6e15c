/** A scene without WebGL 2: the server's picture, the same questions, hits and objects as lists. */

import * as address from "../address.js";
import { el } from "../dom.js";
import { url } from "../requests.js";
import { Asking } from "./asking.js";
import { sized } from "./source.js";
import { showHits } from "./hits.js";
import { showObjects } from "./objects.js";
import { Questions } from "./questions.js";

/**
 * @param {HTMLElement} app
 * @param {import("./source.js").ServerSource} source
 */
export async function flatScene(app, source) {
  const view = address.read(location.search);
  const picture = el("img", { class: "flat", alt: `The scene ${source.scene}, drawn by the server` });
  const hits = el("section", { "aria-label": "Hits" });
  const objects = el("section", { "aria-label": "Objects" });
  /** @param {import("./source.js").Evidence | undefined} seen */
  const show = (seen) => seen && (picture.src = sized(seen.image, 960));
  const asking = new Asking(source, () => 0, {
    scores: (_, asked) => (picture.src = url(`${source.path}/picture`, { q: asked.length ? asked[asked.length - 1].words : null, width: 960 })),
    hits: (answer) => {
      if (answer) showHits(hits, answer, source.scene, { choose: (hit) => show(hit.evidence[0]), light: () => {}, look: (hit, frame) => show(hit.evidence.find((seen) => seen.frame === frame)) });
      else hits.replaceChildren();
    },
    say: (sentence, bad) => questions.say(sentence, bad),
  });
  const questions = new Questions((pushed) => {
    view.q = questions.all().map(({ words }) => words);
    address.inUrl.go(view, pushed);
    asking.ask(questions.all(), questions.not());
  }, (index) => asking.ask(questions.all(), questions.not(), index));
  questions.set(view.q, view.not);
  const note = el("p", { class: "doubt" }, "This browser draws no 3D (WebGL 2 is off): the scene is shown as a picture, its objects as a list.");
  app.classList.add("flat");
  app.replaceChildren(el("h1", {}, `${source.dataset}/${source.scene}`), note, questions.root, picture, hits, objects);
  showObjects(objects, await source.objects().catch(() => []), (region) => show(region.views?.[0]), () => {});
  await asking.ask(questions.all(), questions.not());
}
