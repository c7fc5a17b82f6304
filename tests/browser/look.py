"""What is looked for on a page: each function gives a list of complaints, empty where all is well."""

from pathlib import Path

ROOT = Path(__file__).parents[2]

# An element beyond the window widens the page unless something around it scrolls or cuts it.
WIDE = """() => {
  const root = document.documentElement, width = root.clientWidth;
  if (root.scrollWidth <= width) return [];
  const held = (e) => {
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
      if (getComputedStyle(p).overflowX !== "visible") return true;
    return false;
  };
  const beyond = [...document.body.querySelectorAll("*")].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && box.right > width + 1 && !held(e);
  });
  return [`the page is ${root.scrollWidth} px wide in a window of ${width}: ` +
    beyond.slice(-3).map((e) => `<${e.localName} ${e.className}> ${e.textContent.trim().slice(0, 40)}`)];
}"""

# A table or code block is cut where it reaches beyond a box that hides what it cannot show.
CUT = """() => {
  const found = [];
  for (const part of document.querySelectorAll("article table, article pre, article img")) {
    const box = part.getBoundingClientRect();
    if (!box.width || part.closest("mjx-container")) continue;
    for (let p = part.parentElement; p && p !== document.body; p = p.parentElement) {
      const how = getComputedStyle(p).overflowX;
      if (how === "auto" || how === "scroll") break;
      if (how !== "visible" && box.right > p.getBoundingClientRect().right + 1) {
        found.push(`<${part.localName}> is cut: ${part.textContent.trim().slice(0, 40)}`);
        break;
      }
    }
  }
  return found;
}"""

# On paper nothing scrolls: all of it has to lie within the width of the article.
PAPER = """() => {
  const article = document.querySelector("article").getBoundingClientRect(), found = [];
  for (const part of document.querySelectorAll("article :is(table, pre, img, mjx-container[display=true])")) {
    const box = part.getBoundingClientRect();
    if (!box.width || part.closest("details:not([open])")) continue;
    const scrolls = part.localName !== "table" && part.scrollWidth > part.clientWidth + 1 && part.clientWidth;
    if (box.right > article.right + 1 || scrolls)
      found.push(`<${part.localName}> is ${Math.round(Math.max(box.width, part.scrollWidth))} px wide of ` +
        `${Math.round(article.width)}: ${part.textContent.trim().slice(0, 60)}`);
  }
  return found;
}"""

# What a line has to carry for one page: its HTML and its pictures; scripts and fonts are everybody's.
HEAVIEST = 1_500_000
WEIGHT = """(most) => {
  const [own] = performance.getEntriesByType("navigation");
  const pictures = performance.getEntriesByType("resource").filter((one) => one.initiatorType === "img");
  const bytes = [own, ...pictures].reduce((sum, one) => sum + one.encodedBodySize, 0);
  return bytes > most ? [`the page and its pictures have ${bytes} bytes, more than ${most}`] : [];
}"""

PICTURES = """() => [...document.images]
  .filter((i) => !i.complete || !i.naturalWidth)
  .map((i) => `not loaded: ${i.src}`)"""

# Formulas are MathJax's: thousands of nodes that are its own affair, and most of axe's time.
AXE = """async ([options, without]) => {
  const found = await axe.run({ exclude: without.map((one) => [one]) }, options);
  return found.violations
    .filter((v) => ["serious", "critical"].includes(v.impact) || v.id === "empty-table-header")
    .map((v) => `${v.id} (${v.nodes.length}): ${v.nodes[0].html.slice(0, 160)} ` +
      (v.nodes[0].any[0] || v.nodes[0].all[0] || v.nodes[0].none[0] || {}).message);
}"""
CONTRAST = {"runOnly": ["color-contrast"]}
THE_REST = {"rules": {"color-contrast": {"enabled": False}}}


def axe(page, options, *without):
    """What axe-core finds serious or critical on a page but within some of its parts, and empty headers."""
    import axe_playwright_python

    source = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js"))
    page.evaluate(source.read_text(encoding="utf-8") + ";0")
    options = {"resultTypes": ["violations"], "preload": False} | options
    return page.evaluate(AXE, [options, ["mjx-container", *without]])


class Listener:
    """Writes down what a page complains about, and what it wants from elsewhere."""

    def __init__(self, page, base):
        self.base, self.said = base, []
        page.on("console", lambda message: message.type == "error" and self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(f"exception: {error}"))
        page.on("request", self._request)
        page.on("response", lambda got: got.status >= 400 and self.said.append(f"{got.status}: {got.url}"))

    def _request(self, request):
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.said.append(f"wants {request.url}")

    def heard(self):
        """What was said since the last call."""
        said, self.said = self.said, []
        return said
