/** Starts what the page at hand needs: the 3D view of a scene, or lists that keep themselves up to date. */

import { el } from "./dom.js";
import { openFile } from "./file/open.js";
import { LivePage, follow, searchAsTyped } from "./live.js";
import { flatScene } from "./scene/flat.js";
import { ScenePage } from "./scene/page.js";
import { ServerSource } from "./scene/source.js";
import { SegmentPage } from "./segment.js";
import { themeSwitch } from "./theme.js";

/** @param {HTMLElement} app */
async function scene(app) {
  const { dataset = "", scene = "", prefix = "" } = app.dataset;
  const features = new URLSearchParams(location.search).get("features") ?? "";
  const source = new ServerSource(`${prefix}/api/v1`, dataset, scene, features);
  if (document.createElement("canvas").getContext("webgl2")) await new ScenePage(app, source).start();
  else await flatScene(app, source);
}

/** @param {HTMLElement} app */
function lists(app) {
  const { prefix = "", page = "" } = app.dataset;
  const live = new LivePage(app);
  const form = document.querySelector("header form");
  if (form instanceof HTMLFormElement && ["scenes", "search"].includes(page)) searchAsTyped(live, form);
  const events = `${prefix}/api/v1/events?topics=`;
  if (page === "jobs") follow(live, `${events}jobs`, ["job"]);
  if (page === "scenes") follow(live, `${events}scenes`, ["scene"]);
}

const app = document.getElementById("app");
themeSwitch();
if (app?.dataset.scene)
  (app.dataset.file ? openFile(app) : scene(app)).catch((error) => {
    app.append(el("p", { class: "doubt", role: "alert" }, error instanceof Error ? error.message : String(error)));
    app.dataset.failed = "yes";
  });
else if (app?.dataset.page === "segment") new SegmentPage(app).start();
else if (app) lists(app);
