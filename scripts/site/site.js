// What the theme leaves out for readers who use a keyboard or a screen reader.
function addNames() {
  document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search");
  document.querySelectorAll(".md-code__nav").forEach((nav, i) => nav.setAttribute("aria-label", `Code ${i + 1}`));
}

function makeScrollable() {
  for (const box of document.querySelectorAll(".md-typeset pre > code, .md-typeset__scrollwrap, .md-typeset__table")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
}

for (const event of ["load", "resize"]) window.addEventListener(event, () => { addNames(); makeScrollable(); });
