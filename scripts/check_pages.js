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

  // Colours: red, green and blue in 0-255, and alpha in 0-1. Images behind an element are not looked at.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  function rgba(text) { // any notation of CSS
    if (!CSS.supports("color", text)) throw new Error(`expected a colour, found ${text}`);
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a/255];
  }
  const over = (c, under, alpha = c[3]) => [0, 1, 2].map(i => alpha*c[i]+(1-alpha)*under[i]);
  function pageColor() {
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches
      && getComputedStyle(document.documentElement).colorScheme.includes("dark");
    return isDark ? [18, 18, 18] : [255, 255, 255];
  }
  function behind(e) {
    const around = e.parentElement ?? e.getRootNode().host;
    return around ? surface(around) : pageColor();
  }
  function surface(e, color = getComputedStyle(e).backgroundColor) {
    return over(rgba(color), behind(e));
  }
  function luminance(c) {
    const [r, g, b] = c.map(v => v/255 <= .04045 ? v/255/12.92 : ((v/255+.055)/1.055)**2.4);
    return .2126*r+.7152*g+.0722*b;
  }
  function contrast(c, other) { // WCAG 2.2, 1.4.11
    const [light, dark] = [luminance(c), luminance(other)].sort((x, y) => y-x);
    return (light+.05)/(dark+.05);
  }

  // The mark of the focus
  function line(s, name) { // an outline or one side of a border; null where nothing is drawn
    const [style, width, color] = ["style", "width", "color"].map(x => s.getPropertyValue(`${name}-${x}`));
    const isDrawn = style !== "none" && style !== "hidden" && parseFloat(width) > 0 && rgba(color)[3] > 0;
    return isDrawn ? {shape: `${style} ${width}`, color} : null;
  }
  function look(e) { // what may mark the focus; text of another colour alone does not
    const s = getComputedStyle(e);
    const outline = line(s, "outline");
    if (outline) outline.shape += ` ${s.outlineOffset}`;
    return {outline,
            borders: ["top", "right", "bottom", "left"].map(side => line(s, `border-${side}`)),
            shadows: s.boxShadow === "none" ? [] : s.boxShadow.split(/, (?![^(]*\))/),
            background: s.backgroundColor};
  }
  const isSame = (line, other) => line?.shape === other?.shape && line?.color === other?.color;
  // The functions below have the contrast of a change; 0 where nothing changed.
  function outlineContrast(e, before, after) {
    if (!after || isSame(before, after)) return 0;
    if (after.shape.startsWith("auto")) return 21; // the browser's own ring has two colours
    const under = parseFloat(getComputedStyle(e).outlineOffset) < 0 ? surface(e) : behind(e);
    const color = over(rgba(after.color), under);
    const toUnder = contrast(color, under);
    if (before?.shape !== after.shape) return toUnder;
    return Math.min(toUnder, contrast(color, over(rgba(before.color), under)));
  }
  function borderContrast(e, before, after) {
    if (isSame(before, after)) return 0;
    const own = surface(e);
    const [old, now] = [before, after].map(x => x && over(rgba(x.color), own));
    if (before?.shape === after?.shape) return contrast(old, now);
    return Math.min(contrast(now ?? old, own), contrast(now ?? old, behind(e)));
  }
  function shadowContrast(e, shadow) { // such as "rgb(0, 0, 0) 0px 1px 2px 0px inset"
    const [, color, lengths] = shadow.match(/^(.*\)) ([^)]*)$/);
    const [x, y, blur, spread] = lengths.split(" ").map(parseFloat);
    const reach = spread+Math.max(Math.abs(x), Math.abs(y));
    const share = blur ? Math.min(Math.max(.5+reach/blur, 0), 1) : Number(reach > 0); // at the edge of e
    const under = lengths.endsWith("inset") ? surface(e) : behind(e);
    return contrast(over(rgba(color), under, share*rgba(color)[3]), under);
  }
  function focusContrast(e) { // the most of what changed
    const [before, now] = [plain.get(e), look(e)];
    if (!before) return outlineContrast(e, null, now.outline);
    const shadows = [...now.shadows.filter(x => !before.shadows.includes(x)),
                     ...before.shadows.filter(x => !now.shadows.includes(x))];
    const hasNewBackground = now.background !== before.background;
    return Math.max(outlineContrast(e, before.outline, now.outline),
                    ...now.borders.map((border, i) => borderContrast(e, before.borders[i], border)),
                    ...shadows.map(shadow => shadowContrast(e, shadow)),
                    hasNewBackground ? contrast(surface(e, before.background), surface(e)) : 0);
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
    const most = Math.max(...seen.map(focusContrast));
    if (most >= 3) return "";
    if (!most) return "no visible focus";
    return `focus is marked with a contrast of ${most.toFixed(1)}, at least 3 is needed`;
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
