// Two things that cannot be written into a page: which parts of it scroll, and which claims are wanted.
"use strict";

// What is wider than its place scrolls; with a place in the order of tabs the arrow keys scroll it too.
function reachable() {
  for (const part of document.querySelectorAll(
    ".cell_output, .pst-scrollable-table-container, .table-scroll, pre, mjx-container[display=true]")) {
    const scrolls = part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflowX !== "visible";
    if (scrolls && !part.hasAttribute("tabindex")) {
      part.tabIndex = 0;
      part.dataset.scrolls = "";
    } else if (!scrolls && "scrolls" in part.dataset) {
      part.removeAttribute("tabindex");
      delete part.dataset.scrolls;
    }
  }
}

// ---- the ledger: filters and an order, in the address too, so that a choice can be sent to somebody

const FILTERS = ["paper", "verdict", "kind", "profile"];
const ORDERS = { number: "their number", verdict: "verdict", kind: "kind", profile: "profile" };

function field(name, label, options) {
  const wrap = document.createElement("label");
  const select = document.createElement("select");
  select.name = name;
  for (const [value, text] of options) select.add(new Option(text, value));
  wrap.append(label + " ", select);
  return wrap;
}

function ledger() {
  const tables = [...document.querySelectorAll("table.ledger")];
  if (!tables.length) return;
  const claims = tables.flatMap((table) => [...table.tBodies]);
  const form = document.createElement("form");
  form.className = "ledger-filter";
  form.setAttribute("role", "search");
  form.setAttribute("aria-label", "Choose claims");
  for (const name of FILTERS) {
    const values = [...new Set(claims.map((claim) => claim.dataset[name]).filter(Boolean))];
    const options = [["", "all"], ...values.map((value) => [value, value.replace("_", "-")])];
    form.append(field(name, name, options));
  }
  form.append(field("order", "sorted by", Object.entries(ORDERS)));
  const reset = document.createElement("button");
  reset.type = "reset";
  reset.textContent = "Show all";
  const count = document.createElement("output");
  count.setAttribute("role", "status");
  form.append(reset, count);
  const first = tables[0].closest("section");
  first.before(form);

  const rank = new Map(claims.map((claim, k) => [claim, k]));
  function apply() {
    const chosen = Object.fromEntries(new FormData(form));
    let shown = 0;
    for (const claim of claims) {
      claim.hidden = FILTERS.some((name) => chosen[name] && claim.dataset[name] !== chosen[name]);
      shown += !claim.hidden;
    }
    for (const table of tables) {
      const key = (claim) => claim.dataset[chosen.order] || "";
      table.append(...[...table.tBodies].sort((a, b) => key(a).localeCompare(key(b)) || rank.get(a) - rank.get(b)));
      table.closest("section").hidden = [...table.tBodies].every((claim) => claim.hidden);
    }
    count.textContent = `${shown} of ${claims.length} claims`;
  }
  function remember() {
    const query = new URLSearchParams([...new FormData(form)].filter(([k, v]) => v && v !== "number"));
    history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
  }
  // A claim that a link leads to is shown, whatever was chosen, with its checks.
  function follow() {
    const claim = claims.find((one) => one.id === decodeURIComponent(location.hash.slice(1)));
    if (!claim) return;
    if (claim.hidden) form.reset(), apply();
    const details = claim.querySelector("details");
    if (details) details.open = true;
    claim.scrollIntoView();
  }
  for (const [name, value] of new URLSearchParams(location.search)) {
    const select = form.elements.namedItem(name);
    if (select && [...select.options].some((option) => option.value === value)) select.value = value;
  }
  form.addEventListener("change", () => (apply(), remember()));
  form.addEventListener("reset", () => setTimeout(() => (apply(), remember())));
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", follow);
  apply();
  follow();
}

addEventListener("DOMContentLoaded", ledger);
addEventListener("load", reachable);
addEventListener("resize", reachable);
document.addEventListener("toggle", reachable, true);
