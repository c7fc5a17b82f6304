/* Sheets of panels (startright.figures.sheet) behind a slider: one panel at a time, all of them without a script.
 *
 * A cell tagged `slider` shows one picture of panels, two in a row. The values of its knob stand at the end of its
 * alternative text: "… Panels by theta: 2.05, 3, 5." */
"use strict";

const COLUMNS = 2;
const SYMBOLS = { theta: "θ", "sigma w": "σ_w", step: "λ/N" };

function knob(image) {
  const found = /Panels by (.+?): (.+?)\.?$/.exec(image.alt.trim());
  return found && { name: found[1], values: found[2].split(", ") };
}

function makeSlider(image) {
  const { name, values } = knob(image);
  const rows = Math.ceil(values.length / COLUMNS);
  const view = document.createElement("div");
  view.className = "slider-view";
  image.replaceWith(view);
  view.append(image);

  const input = Object.assign(document.createElement("input"), { type: "range", min: 0, max: values.length - 1, step: 1 });
  const label = document.createElement("label");
  const output = document.createElement("output");
  label.append(`${SYMBOLS[name] ?? name} = `, output, input);
  const all = Object.assign(document.createElement("button"), { type: "button", textContent: "all at once" });
  const bar = document.createElement("div");
  bar.className = "slider-bar";
  bar.append(label, all);
  view.after(bar);

  const size = () => {
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width) view.style.aspectRatio = `${width / COLUMNS} / ${height / rows}`;
  };
  const show = () => {
    const index = Number(input.value);
    const [row, column] = [Math.floor(index / COLUMNS), index % COLUMNS];
    image.style.transform = `translate(${(-100 * column) / COLUMNS}%, ${(-100 * row) / rows}%)`;
    output.textContent = values[index];
    input.setAttribute("aria-valuetext", `${name} = ${values[index]}`);
  };
  const together = (pressed) => {
    all.setAttribute("aria-pressed", String(pressed));
    view.classList.toggle("slider-all", pressed);
    label.hidden = pressed;
  };
  all.addEventListener("click", () => together(all.getAttribute("aria-pressed") !== "true"));
  input.addEventListener("input", show);
  image.addEventListener("load", size);
  input.value = Math.floor((values.length - 1) / 2);
  size();
  show();
  together(false);
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".tag_slider img").forEach((image) => knob(image) && makeSlider(image));
});
