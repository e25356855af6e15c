/** A single file begins: its scene in 3D, its words under the box. */

import { el } from "../dom.js";
import { ScenePage } from "../scene/page.js";
import { FileSource } from "./source.js";

/** @param {HTMLElement} app */
export async function openFile(app) {
  const source = await FileSource.read();
  if (!document.createElement("canvas").getContext("webgl2")) {
    app.append(el("p", { class: "doubt" }, "This browser draws no 3D (WebGL 2 is off)."));
    return;
  }
  const page = new ScenePage(app, source);
  const { words } = source.kept;
  page.questions.root.after(
    el("datalist", { id: "known" }, ...words.map((value) => el("option", { value }))),
    el("p", { class: "note" }, words.length ? `This file answers ${words.length} words. Others need ovstore web.` : "This file answers no words."),
  );
  page.questions.input.setAttribute("list", "known");
  await page.start();
}
