/** The widget of a notebook: the page of a scene inside a cell, its view kept in the widget's traits. */

import { read, write } from "../address.js";
import { el as made } from "../dom.js";
import { ScenePage } from "../scene/page.js";
import { KernelSource } from "./source.js";
import style from "style:page";

/** @typedef {import("./source.js").Model} Model */

const OWN = ":host{display:block;height:600px}main.scene{height:100%;border:1px solid var(--line);border-radius:8px;overflow:hidden}";
const TRAITS = ["queries", "selected", "camera"];

/**
 * The view as the traits say it, and the traits as the view does.
 * @param {Model} model
 * @returns {import("../address.js").Place}
 */
function traits(model) {
  const search = () => {
    const { eye = null, at = null } = model.get("camera");
    return write({ ...read(""), q: model.get("queries"), region: model.get("selected"), eye, at });
  };
  return {
    search,
    go: (view) => {
      model.set("queries", view.q);
      model.set("selected", view.region);
      if (view.eye && view.at) model.set("camera", { eye: view.eye, at: view.at });
      model.save_changes();
    },
    link: null,
  };
}

/** @param {{model: Model, el: HTMLElement}} given */
function render({ model, el }) {
  const root = el.shadowRoot ?? el.attachShadow({ mode: "open" });
  const main = made("main", { tabindex: "-1" }, made("p", { class: "wait", role: "status" }, "Loading the scene …"));
  root.replaceChildren(made("style", {}, style.replaceAll(":root", ":host") + OWN), main);
  if (!document.createElement("canvas").getContext("webgl2")) {
    main.replaceChildren(made("p", { class: "doubt" }, "This browser draws no 3D (WebGL 2 is off): save_picture of ovstore.heat_map draws a file."));
    return () => {};
  }
  const source = new KernelSource(model);
  const kept = traits(model);
  const page = new ScenePage(main, source, kept, main);
  const follow = () => {
    if (kept.search() !== write({ ...page.view, not: [], features: "", frame: "", show: "heat", box: true })) page.follow();
  };
  page.start().then(
    () => TRAITS.forEach((name) => model.on(`change:${name}`, follow)),
    (error) => main.append(made("p", { class: "doubt", role: "alert" }, error instanceof Error ? error.message : String(error))),
  );
  return () => {
    TRAITS.forEach((name) => model.off(`change:${name}`, follow));
    source.close();
    page.stage.renderer.forceContextLoss(); // a browser has room for a dozen or so
  };
}

export default { render };
