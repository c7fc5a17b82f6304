/* Sheets of panels (startright.figures.sheet) behind a slider: one panel at a time, all of them without a script.
 *
 * A cell tagged `slider` shows one picture of panels, two in a row. The values of its knob stand at the end of its
 * alternative text: "… Panels by theta: 2.05, 3, 5." */
"use strict";

const COLUMNS = 2;
const SYMBOLS = {
  theta: "θ",
  alpha: "α",
  "sigma w": "σ_w",
  step: "λ/N",
  strength: "λ",
  temperature: "τ",
  "upper bound": "η_max",
  "the removal t0": "the removal t_0",
};

function knob(image) {
  const found = /Panels by (.+?): (.+?)\.?$/.exec(image.alt.trim());
  return found && { name: found[1], values: found[2].split(", ") };
}

function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// σ_w with its subscript, 1e-5 as a power of ten
function set(text) {
  const [, before, mark, after] = /^(.*?)(_|1e(?=-?\d+$))(.*)$/.exec(text) ?? [null, text, null, ""];
  if (mark === null) return [before];
  if (mark === "_") return [before, make("sub", { textContent: after })];
  return [`${before}10`, make("sup", { textContent: after.replace("-", "−") })];
}

function makeSlider(image) {
  const { name, values } = knob(image);
  const symbol = SYMBOLS[name] ?? name;
  const rows = Math.ceil(values.length / COLUMNS);
  const view = make("div", { className: "slider-view", role: "img" });
  view.style.backgroundImage = `url("${image.src}")`;
  view.style.backgroundSize = `${100 * COLUMNS}% ${100 * rows}%`;

  const output = make("output");
  const input = make("input", { type: "range", min: 0, max: values.length - 1, step: 1 });
  const label = make("label", {}, make("span", {}, ...set(symbol), " ="), output, input);
  const all = make("button", { type: "button", textContent: "all at once" });
  image.classList.add("slider-image");
  image.before(view);
  image.after(make("div", { className: "slider-bar" }, label, all));

  const size = () => {
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width) view.style.aspectRatio = `${width / COLUMNS} / ${height / rows}`;
  };
  const show = () => {
    const index = Number(input.value);
    const [row, column] = [Math.floor(index / COLUMNS), index % COLUMNS];
    view.style.backgroundPosition = `${(100 * column) / (COLUMNS - 1)}% ${(100 * row) / Math.max(rows - 1, 1)}%`;
    output.replaceChildren(...set(values[index]));
    input.setAttribute("aria-valuetext", `${symbol} = ${values[index]}`);
    view.setAttribute("aria-label", `Panel for ${symbol} = ${values[index]}. ${image.alt}`);
  };
  const together = (pressed) => {
    all.setAttribute("aria-pressed", String(pressed));
    image.hidden = !pressed;
    view.hidden = pressed;
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
