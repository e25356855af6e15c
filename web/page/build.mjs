// Bundles the page into ../static (or the folder given): page.js, page.css, widget.js (for notebooks, with the style inside) and
// LICENSES.txt, byte for byte the same from run to run.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "static");

const script = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome111", "firefox114", "safari16.4"],
  legalComments: "none",
  charset: "utf8",
  outdir: out,
};
await build({ ...script, entryPoints: { page: "src/main.js" } });
await build({
  absWorkingDir: here,
  entryPoints: { page: "style/page.css" },
  bundle: true,
  minify: true,
  charset: "utf8",
  target: ["chrome123", "firefox120", "safari17.5"],
  outdir: out,
});

const style = {
  name: "style",
  setup(/** @type {import("esbuild").PluginBuild} */ build) {
    build.onResolve({ filter: /^style:page$/ }, () => ({ path: "page", namespace: "style" }));
    build.onLoad({ filter: /.*/, namespace: "style" }, () => ({ contents: readFileSync(join(out, "page.css"), "utf8"), loader: "text" }));
  },
};
await build({ ...script, entryPoints: { widget: "src/widget/main.js" }, plugins: [style] });

const three = readFileSync(join(here, "node_modules/three/LICENSE"), "utf8");
writeFileSync(
  join(out, "LICENSES.txt"),
  "page.js and widget.js contain parts of three.js (https://threejs.org), its OrbitControls included, under this licence:\n\n" + three,
);
