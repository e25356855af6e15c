/** Pictures as questions: dropped on the view, pasted anywhere, or chosen from a file. */

import { button, el } from "../dom.js";

const KINDS = ["image/jpeg", "image/png", "image/webp"];
const MOST_BYTES = 20_000_000;

/**
 * @param {HTMLElement} view
 * @param {import("./questions.js").Questions} questions
 */
export function pictureQuestions(view, questions) {
  /** @param {File | Blob | null | undefined} file */
  const take = (file) => {
    if (!file) return;
    if (!KINDS.includes(file.type)) return questions.say("A picture to ask with is a JPEG, a PNG or a WebP.", true);
    if (file.size > MOST_BYTES) return questions.say("That picture is larger than 20 MB: make it smaller first.", true);
    const words = "name" in file ? `picture ${file.name}` : "a pasted picture";
    questions.add({ words, example: { picture: file, box_xyxy: null }, thumbnail: URL.createObjectURL(file) });
  };
  const chooser = el("input", { type: "file", accept: KINDS.join(","), hidden: true, "aria-label": "A picture to ask with", onchange: () => {
    take(chooser.files?.[0]);
    chooser.value = "";
  } });
  questions.root.append(button("Picture …", () => chooser.click(), { class: "picture", title: "Ask with a picture: choose, drop or paste one" }), chooser);
  view.addEventListener("dragover", (event) => {
    event.preventDefault();
    view.classList.add("over");
  });
  view.addEventListener("dragleave", () => view.classList.remove("over"));
  view.addEventListener("drop", (event) => {
    event.preventDefault();
    view.classList.remove("over");
    take(event.dataTransfer?.files[0]);
  });
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    take(file);
  });
}
