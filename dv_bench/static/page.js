// Draws the figures of the report page. Each figure is an element of class `plot` with its plotly JSON in the script element `json-NAME`.
(function () {
  const plots = [...document.querySelectorAll('.plot')];

  // The page shows a figure's title as text, which wraps, and one legend for all figures. A saved image gets both back.
  const saveAs = format => gd => {
    const {title, margin, height, showlegend} = gd.whole;
    const layout = {...gd.layout, title, margin, height, showlegend, autosize: false};
    const size = {width: Math.max(gd.clientWidth, 640), height, scale: format === 'png' ? 3 : 1};
    Plotly.downloadImage({data: gd.data, layout}, {format, filename: gd.dataset.name, ...size});
  };

  const textIcon = text => ({
    width: 34,
    height: 20,
    svg: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 34 20"><text x="0" y="15" font-size="15" ' +
      'font-family="sans-serif" font-weight="700">' + text + '</text></svg>',
  });

  const config = {
    responsive: true,
    displaylogo: false,
    showSendToCloud: false,
    modeBarButtonsToRemove: ['toImage', 'sendChartToCloud', 'select2d', 'lasso2d', 'autoScale2d', 'zoomIn2d', 'zoomOut2d'],
    modeBarButtonsToAdd: [
      {name: 'Save as PNG', icon: textIcon('PNG'), click: saveAs('png')},
      {name: 'Save as SVG', icon: textIcon('SVG'), click: saveAs('svg')},
    ],
  };

  const draw = gd => {
    const fig = JSON.parse(document.getElementById('json-' + gd.dataset.name).textContent);
    const titleHeight = +gd.dataset.cut;
    gd.whole = {
      title: fig.layout.title,
      margin: {...fig.layout.template.layout.margin, ...fig.layout.margin},
      height: fig.layout.height,
      showlegend: fig.layout.showlegend !== false,
    };
    const layout = {
      ...fig.layout,
      title: {text: ''},
      margin: {...gd.whole.margin, t: gd.whole.margin.t - titleHeight},
      height: gd.whole.height - titleHeight,
      showlegend: gd.whole.showlegend && fig.layout.meta !== 'legend above',
    };
    return Plotly.newPlot(gd, fig.data, layout, config);
  };

  // A drawing that knows its size can be scaled to the width of paper.
  const setViewBox = gd => gd.querySelectorAll('.main-svg').forEach(svg =>
    svg.setAttribute('viewBox', '0 0 ' + gd._fullLayout.width + ' ' + gd._fullLayout.height));

  const resize = gd => Plotly.Plots.resize(gd);

  // plotly.js is in the page as base64 of its gzipped text.
  const loadPlotly = async () => {
    const packed = atob(document.getElementById('plotly-gzip').textContent);
    const bytes = Uint8Array.from(packed, c => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    const script = document.createElement('script');
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  };

  const drawAll = () => Promise.all(plots.map(gd => draw(gd).then(() => {
    setViewBox(gd);
    gd.on('plotly_afterplot', () => setViewBox(gd));
  }))).then(() => { document.documentElement.dataset.drawn = plots.length; });

  const failed = () => plots.forEach(gd => {
    gd.textContent = 'This browser cannot draw the figure; it needs a version of 2023 or later.';
  });
  if (plots.length) loadPlotly().then(drawAll).catch(failed);

  // Tables: a heading sorts its column, first upwards, then downwards. Values without a number come last.
  const valueOf = cell => {
    const text = (cell.firstChild && cell.firstChild.nodeType === 3 ? cell.firstChild.data : cell.textContent).trim();
    const number = parseFloat(text.replace('\u2212', '-').replace(/[,<]/g, ''));
    return text === '\u2013' ? null : cell.classList.contains('t') || Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
  };
  document.querySelectorAll('button.sort').forEach(button => button.addEventListener('click', () => {
    const heading = button.closest('th');
    const body = button.closest('table').tBodies[0];
    const k = heading.cellIndex;
    const down = heading.getAttribute('aria-sort') === 'ascending';
    heading.parentNode.querySelectorAll('th').forEach(th => th.removeAttribute('aria-sort'));
    heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const rows = [...body.rows].map(row => [valueOf(row.cells[k]), row]);
    rows.sort(([a], [b]) => a === null || b === null ? compare(a, b) : down ? compare(b, a) : compare(a, b));
    body.append(...rows.map(([, row]) => row));
  }));

  // What a column means, shown while the pointer or the keyboard is on its heading.
  const help = document.getElementById('help');
  const showHelp = event => {
    const target = event.target.closest && event.target.closest('[data-help]');
    help.hidden = !target;
    if (!target) return;
    help.textContent = target.dataset.help;
    const box = target.getBoundingClientRect();
    help.style.left = Math.max(8, Math.min(box.left, innerWidth - help.offsetWidth - 8)) + 'px';
    help.style.top = box.bottom + 6 + 'px';
    document.querySelectorAll('[aria-describedby=help]').forEach(e => e.removeAttribute('aria-describedby'));
    target.setAttribute('aria-describedby', 'help');
  };
  ['mouseover', 'focusin'].forEach(kind => document.addEventListener(kind, showHelp));
  // A browser may leave all but the edge of a heading outside of its table. Scrolling hides the help.
  document.addEventListener('focusin', event => {
    const heading = event.target, table = heading.closest('.scroll');
    if (!table || table === heading) return;
    heading.scrollIntoView({block: 'nearest', inline: 'nearest'});
    requestAnimationFrame(() => { if (document.activeElement === heading) showHelp(event); });
  });
  ['mouseout', 'focusout', 'scroll'].forEach(kind => document.addEventListener(kind, () => { help.hidden = true; }, true));
  document.addEventListener('keydown', event => { if (event.key === 'Escape') help.hidden = true; });

  // A link to a folded section opens it.
  const unfold = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.closest('details')) target.closest('details').open = true;
  };
  window.addEventListener('hashchange', unfold);

  window.addEventListener('beforeprint', () => document.querySelectorAll('details').forEach(d => { d.open = true; }));
  window.addEventListener('afterprint', () => plots.forEach(resize));
  document.querySelectorAll('details').forEach(d =>
    d.addEventListener('toggle', () => d.querySelectorAll('.plot').forEach(resize)));
})();
