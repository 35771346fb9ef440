// What the theme leaves out for readers who use a keyboard or a screen reader.
function addNames() {
  document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search");
  document.querySelectorAll(".md-code__nav").forEach((nav, i) => nav.setAttribute("aria-label", `Code ${i + 1}`));
}

// Tab goes to the first of the colour schemes where none is chosen, also where its button is the hidden one.
function chooseScheme() {
  const shown = [...document.querySelectorAll(".md-option")].find(option => option.nextElementSibling?.hidden === false);
  if (shown) shown.checked = true;
}
window.addEventListener("load", chooseScheme);

function makeScrollable() {
  for (const box of document.querySelectorAll(".md-typeset pre > code, .md-typeset__scrollwrap, .md-typeset__table")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
}

function span(text, isWhole) {
  const found = document.createElement("span");
  if (isWhole) found.className = "together";
  found.textContent = text;
  return found;
}

// Code may be divided after a space, long code in a table also after `_` or `/`, and never after the hyphens of an option.
function divideCode() {
  for (const code of document.querySelectorAll(".md-typeset :not(pre) > code:not(:has(*))")) {
    const text = code.textContent;
    const parts = text.split(code.closest("table") && text.length > 18 ? /(?<=[\s_/])/ : /(?<=\s)/);
    code.replaceChildren(...parts.flatMap(part => [span(part, part.startsWith("-")), document.createElement("wbr")]));
  }
}

// An interval in a table, such as (0.2-6.1%), stays on one line.
function keepIntervals() {
  for (const cell of document.querySelectorAll(".md-typeset td:not(:has(*))")) {
    const parts = cell.textContent.split(/(\([^()\s]{1,16}\))/);
    if (parts.length > 1) cell.replaceChildren(...parts.map((part, i) => span(part, i % 2)));
  }
}

// On a narrow page the navigation is a drawer. Its button is a label, which Tab does not reach, and Tab would go through the closed drawer.
function setDrawer() {
  const box = document.querySelector("#__drawer");
  const button = document.querySelector(".md-header__button[for=__drawer]");
  const side = document.querySelector(".md-sidebar--primary");
  if (!box || !button || !side) return;
  button.tabIndex = 0;
  button.setAttribute("role", "button");
  button.setAttribute("aria-label", "Navigation");
  button.setAttribute("aria-expanded", box.checked);
  for (const title of side.querySelectorAll("label[for^=__nav]")) { // opens a section, or leads back to the level above
    title.tabIndex = getComputedStyle(button).display === "none" ? -1 : 0;
    title.setAttribute("role", "button");
  }
  side.inert = !box.checked && getComputedStyle(button).display !== "none";
}

function useDrawer() {
  const box = document.querySelector("#__drawer");
  const button = document.querySelector(".md-header__button[for=__drawer]");
  box?.addEventListener("change", () => {
    setDrawer();
    if (box.checked) document.querySelector(".md-sidebar--primary")?.querySelector("a.md-nav__link, a")?.focus();
  });
  document.addEventListener("keydown", event => {
    const presses = event.target.matches?.("label[role=button]") && (event.key === " " || event.key === "Enter");
    const closes = event.key === "Escape" && box?.checked;
    if (!presses && !closes) return;
    event.preventDefault();
    event.stopPropagation();
    (closes ? button : event.target).click();
    if (closes) button.focus();
  }, true);
}

window.addEventListener("load", useDrawer);
window.addEventListener("load", divideCode);
window.addEventListener("load", keepIntervals);
for (const event of ["load", "resize"]) window.addEventListener(event, () => { addNames(); makeScrollable(); setDrawer(); });
