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

  Promise.all(plots.map(gd => draw(gd).then(() => {
    setViewBox(gd);
    gd.on('plotly_afterplot', () => setViewBox(gd));
  }))).then(() => { document.documentElement.dataset.drawn = plots.length; });

  window.addEventListener('beforeprint', () => document.querySelectorAll('details').forEach(d => { d.open = true; }));
  window.addEventListener('afterprint', () => plots.forEach(resize));
  document.querySelectorAll('details').forEach(d =>
    d.addEventListener('toggle', () => d.querySelectorAll('.plot').forEach(resize)));
})();
