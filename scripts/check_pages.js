// For check_pages.py: what a reader can operate, what the Tab key reaches, and whether the focus is seen
// there. `clickable` has the elements with a click handler of their own; it is filled from before the page's
// scripts run.
window.keyboard = (() => {
  const operable = "a[href], area[href], button, input:not([type=hidden]), select, textarea, summary, "
    + "iframe, audio[controls], video[controls], [contenteditable]:not([contenteditable=false]), "
    + "[tabindex]:not([tabindex^='-']), [role=button], [role=link], [role=checkbox], [role=switch], "
    + "[role=tab], [role=menuitem], [role=option], [role=slider]";
  const arrowKeys = ["tablist", "menu", "menubar", "radiogroup", "toolbar", "grid", "listbox", "tree"]
    .map(role => `[role=${role}]`).join(); // inside of these, arrow keys move
  const severalStops = ["date", "time", "datetime-local", "month", "week"]
    .map(type => `input[type=${type}]`).join()+", iframe, audio, video";
  const mouseOnly = ".js-plotly-plot"; // zooming and hovering in figures; their numbers are in tables

  function name(e) {
    const tag = e.cloneNode(false).outerHTML.replace(/<\/[^>]*>$/, "");
    const text = e.textContent.trim().replace(/\s+/g, " ");
    return `${tag.slice(0, 120)} ${text.slice(0, 40)}`.trim();
  }
  function active() {
    let e = document.activeElement;
    while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
    return e;
  }

  // Visibility
  function isOnPage(r) {
    const isDrawn = r.width > 1 && r.height > 1;
    return isDrawn && r.right > 0 && r.left < innerWidth && r.bottom+scrollY > 0;
  }
  function isShown(e) {
    const options = {
      checkOpacity: true, opacityProperty: true, checkVisibilityCSS: true, visibilityProperty: true
    };
    return e.checkVisibility(options) && [...e.getClientRects()].some(isOnPage);
  }
  function isHit(e, x, y) { // is e, and nothing that lies above it, seen at this point?
    const hit = e.getRootNode().elementFromPoint(x, y);
    return hit && (e.contains(hit) || hit.contains(e) && getComputedStyle(e).pointerEvents === "none");
  }
  function isUncovered(e) {
    const parts = [[.5, .5], [.1, .1], [.9, .1], [.1, .9], [.9, .9]];
    const isHitIn = r => parts.some(([a, b]) => isHit(e, r.left+a*r.width, r.top+b*r.height));
    return [...e.getClientRects()].some(isHitIn);
  }

  // The mark of the focus
  function rgba(text) {
    const c = text.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    return c.length < 4 ? [...c, 1] : c;
  }
  function look(e) { // what may mark the focus; text of another colour alone does not
    const s = getComputedStyle(e);
    const hasLine = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0;
    const outlined = hasLine && rgba(s.outlineColor)[3] > 0;
    return {outline: outlined ? `${s.outlineStyle} ${s.outlineWidth} ${s.outlineColor}` : "",
            rest: [s.boxShadow, s.backgroundColor, s.borderWidth, s.borderStyle, s.borderColor].join()};
  }
  function luminance(c) {
    const [r, g, b] = c.slice(0, 3).map(v => v/255 <= .04045 ? v/255/12.92 : ((v/255+.055)/1.055)**2.4);
    return .2126*r+.7152*g+.0722*b;
  }
  function background(e) {
    for (let a = e.parentElement; a; a = a.parentElement) {
      const c = rgba(getComputedStyle(a).backgroundColor);
      if (c[3] > .5) return c;
    }
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches
      && getComputedStyle(document.documentElement).colorScheme.includes("dark");
    return isDark ? [18, 18, 18, 1] : [255, 255, 255, 1];
  }
  // Contrast of the outline to what is behind it (WCAG 2.2, 1.4.11). The browser's own ring has two colours.
  function ringContrast(e) {
    const s = getComputedStyle(e);
    if (s.outlineStyle === "auto") return 21;
    const [a, b] = [luminance(rgba(s.outlineColor)), luminance(background(e))].sort((x, y) => y-x);
    return (a+.05)/(b+.05);
  }
  function marksOf(e) { // where its focus may be drawn: a hidden input marks a label
    const next = e.matches("input") ? e.nextElementSibling : null;
    return [e, ...(e.labels ?? []), ...(next ? [next] : [])];
  }

  // The walk
  let plain, required, reached, round, last, repeats;
  function isRequired(e) {
    if (e.matches(":disabled") || e.closest("[inert]") || e.closest(mouseOnly) || !isShown(e)) return false;
    if (e.matches("label") && e.control) return false;       // its control is what is reached
    if (e.closest(arrowKeys) && e.matches("[tabindex^='-']")) return false;
    if (e.matches(operable)) return true;
    const cursor = getComputedStyle(e).cursor;
    const pointed = cursor === "pointer" && getComputedStyle(e.parentElement).cursor !== "pointer";
    if (!pointed && !window.clickable?.has(e) && !e.onclick) return false;
    // where something inside or around e is operable, e acts for it
    return !e.querySelector(operable) && !e.parentElement.closest(`${operable}, label`);
  }
  function start() {
    document.activeElement?.blur?.();
    plain = new Map(), reached = new Set(), round = new Set(), last = null, repeats = 0;
    const marks = [...document.querySelectorAll(operable)].flatMap(marksOf);
    for (const mark of marks) plain.set(mark, look(mark));
    required = [...document.body.querySelectorAll("*")].filter(isRequired);
  }
  function unseen(e) { // why a reader does not see that e has the focus; "" where it is seen
    const seen = marksOf(e).filter(mark => isShown(mark) && isUncovered(mark));
    if (!seen.length && isShown(e)) return "focus is covered or cut off";
    if (!seen.length) return "focus is on a hidden element, or off the screen";
    const hasNewOutline = mark => look(mark).outline !== (plain.get(mark)?.outline ?? "");
    const changed = seen.filter(mark => hasNewOutline(mark) && look(mark).outline);
    if (changed.some(mark => ringContrast(mark) >= 3)) return "";
    if (seen.some(mark => plain.has(mark) && look(mark).rest !== plain.get(mark).rest)) return "";
    if (!changed.length) return "no visible focus";
    return `focus ring has a contrast of ${ringContrast(changed[0]).toFixed(1)}, at least 3 is needed`;
  }
  async function stop() { // after a press of Tab: {end}, {trap} or {problem}
    await new Promise(done => setTimeout(done, 2)); // handlers of the page may move the focus again
    const e = active();
    if (!e || e === document.body || e === document.documentElement) {
      round.clear();
      last = null;
      return {end: true};
    }
    repeats = e === last ? repeats+1 : 0;
    const before = last;
    last = e;
    if (repeats > (e.matches(severalStops) ? 50 : 2)) return {trap: `Tab does not leave ${name(e)}`};
    if (repeats) return {problem: ""};
    if (round.has(e)) { // a browser without a bar of its own goes from the last element to the first
      const isEnd = e === [...round][0] && !required.some(x => x.tabIndex >= 0 && isMissed(x));
      if (!isEnd) return {trap: `after ${name(before)} Tab returns to ${name(e)}`};
      round = new Set([e]);
      return {end: true};
    }
    round.add(e);
    if (reached.has(e)) return {problem: ""};
    reached.add(e);
    const problem = unseen(e);
    return {problem: problem && `${problem}: ${name(e)}`};
  }
  function isMissed(e) {
    if (reached.has(e) || !e.isConnected || !isRequired(e)) return false;
    if (!e.matches("input[type=radio]")) return true;
    return ![...reached].some(r => r.matches("input[type=radio]") && r.name === e.name && r.form === e.form);
  }
  const missed = () => required.filter(isMissed).map(e => `cannot be reached by Tab: ${name(e)}`);

  // The width
  function widest() { // the element that makes a page wider than the screen
    const rightOf = e => e.getBoundingClientRect().right;
    const isCut = e => { // by a box around it that scrolls
      const around = e.parentElement;
      if (!around || around === document.body) return false;
      return getComputedStyle(around).overflowX !== "visible" || isCut(around);
    };
    const isBeyond = e => rightOf(e) > innerWidth+1 && !isCut(e);
    const beyond = [...document.body.querySelectorAll("*")].filter(isBeyond);
    const right = Math.max(...beyond.map(rightOf));
    const e = beyond.findLast(x => rightOf(x) === right);
    return e ? name(e) : "";
  }
  return {start, stop, missed, widest};
})();
