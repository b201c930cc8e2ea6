// The page's own script: maps drawn with Leaflet from the outlines and descriptions in the page, an
// optional layer of the IGN when there is a connection, and files to keep.  It asks no host for anything
// unless a reader ticks that layer.
"use strict";
(() => {
  const UNITS = 100000;

  // "M1 2l3-4 5 6z" -> rings of [latitude, longitude]
  function rings(d) {
    return d.split("M").filter(Boolean).map(part => {
      const [start, steps] = part.replace("z", "").split("l");
      let [x, y] = start.match(/-?\d+/g).map(Number);
      const ring = [[-y / UNITS, x / UNITS]];
      const moves = (steps || "").match(/-?\d+/g) || [];
      for (let i = 0; i + 1 < moves.length; i += 2) {
        x += Number(moves[i]); y += Number(moves[i + 1]);
        ring.push([-y / UNITS, x / UNITS]);
      }
      return ring;
    });
  }

  function tip(words) {
    const box = document.createElement("span");
    words.split("\n").forEach((line, n) => {
      if (n) box.append(document.createElement("br"));
      box.append(line);
    });
    return box;
  }

  function drawMap(box) {
    const spec = JSON.parse(box.querySelector("script").textContent);
    const board = document.createElement("div");
    board.className = "map-live";
    board.setAttribute("role", "region");
    board.setAttribute("aria-label", spec.label);
    box.append(board);
    box.classList.add("is-live");
    const map = L.map(board, { scrollWheelZoom: false, zoomSnap: 0.25, maxZoom: 17 });
    map.attributionControl.setPrefix(false).addAttribution(tip(spec.credit).innerHTML);
    L.control.scale({ imperial: false }).addTo(map);
    for (const layer of spec.layers) {
      for (const [where, words, own] of layer.items) {
        const look = { ...layer, ...own };
        const style = {
          color: look.stroke, weight: look.weight, dashArray: look.dash || null, radius: look.radius,
          fill: Boolean(look.fill), fillColor: look.fill || "none", fillOpacity: look.fill ? look.opacity : 0,
        };
        const path = typeof where === "string" ? document.getElementById(where) : null;
        const shape = path === null ? L.circleMarker(where, style)
          : path.getAttribute("d").includes("z") ? L.polygon([rings(path.getAttribute("d"))].flat(), style)
          : L.polyline(rings(path.getAttribute("d")), style);
        if (words) shape.bindTooltip(tip(words), { sticky: true });
        shape.addTo(map);
      }
    }
    map.fitBounds(spec.view);
    // A shape that hears of the focus is a stop of the Tab key: hundreds, where the table below says the same.
    for (const shape of board.querySelectorAll(".leaflet-interactive")) shape.setAttribute("tabindex", "-1");
    ground(box, map);
    return map;
  }

  // The only thing that ever asks a host, and only when ticked.
  function ground(box, map) {
    const label = document.createElement("label");
    label.className = "ground";
    const tick = document.createElement("input");
    tick.type = "checkbox";
    label.append(tick, " Fond de carte IGN (demande une connexion)");
    box.after(label);
    let layer = null;
    tick.addEventListener("change", () => {
      if (tick.checked) {
        layer = L.tileLayer(
          "https://data.geopf.fr/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2" +
          "&STYLE=normal&FORMAT=image/png&TILEMATRIXSET=PM&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}",
          { attribution: "© IGN – Géoplateforme", maxZoom: 18 }).addTo(map);
      } else if (layer) { layer.remove(); layer = null; }
    });
  }

  const boxes = [...document.querySelectorAll(".map[data-map]")];
  const seen = new IntersectionObserver(entries => {
    for (const entry of entries) {
      if (entry.isIntersecting) { seen.unobserve(entry.target); drawMap(entry.target); }
    }
  }, { rootMargin: "300px" });
  boxes.forEach(box => seen.observe(box));

  // --- pictures to keep: each drawing as a file of its own, with title, legend and source inside ---

  const SVG = "http://www.w3.org/2000/svg";
  const FONT = '"DejaVu Sans", Verdana, Geneva, sans-serif';
  const INK = "#1d2733", MUTED = "#5b6672", WIDTH = 760, EDGE = 16;

  function element(name, attributes, words) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (words !== undefined) made.textContent = words;
    return made;
  }

  const ruler = document.createElement("canvas").getContext("2d");
  function widthOf(words, look) {
    ruler.font = `${look.weight || "normal"} ${look.size}px ${FONT}`;
    return ruler.measureText(words).width;
  }

  // A sheet is filled from top to bottom; `y` is where the next thing goes.
  function sheet(title, source) {
    const svg = element("svg", { xmlns: SVG, role: "img" });
    svg.append(element("title", {}, title));
    if (source) svg.append(element("desc", {}, source));
    const ground = svg.appendChild(element("rect", { x: 0, y: 0, width: WIDTH, fill: "#ffffff" }));
    return { svg, ground, y: EDGE };
  }

  function write(page, words, look) {
    const lines = [""];
    for (const word of words.split(" ")) {
      const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
      if (widthOf(longer, look) > WIDTH - 2 * EDGE && lines.at(-1)) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    for (const line of lines) {
      page.y += look.size * 1.3;
      page.svg.append(element("text", {
        x: EDGE, y: page.y.toFixed(1), fill: look.fill, "font-size": look.size, "font-weight": look.weight || "normal",
        "font-family": FONT,
      }, line));
    }
    page.y += look.size * 0.5;
  }

  function finish(page) {
    write(page, `${document.title}. Observatoire des QPV.`, { size: 11, fill: MUTED });
    const height = Math.ceil(page.y + EDGE / 2);
    page.ground.setAttribute("height", height);
    page.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
    page.svg.setAttribute("width", WIDTH);
    page.svg.setAttribute("height", height);
    return { xml: new XMLSerializer().serializeToString(page.svg), width: WIDTH, height };
  }

  function place(page, drawing, box) {
    const scale = Math.min((WIDTH - 2 * EDGE) / box.width, 620 / box.height);
    for (const [key, value] of Object.entries({
      x: ((WIDTH - box.width * scale) / 2).toFixed(1), y: page.y.toFixed(1),
      width: (box.width * scale).toFixed(1), height: (box.height * scale).toFixed(1),
    })) drawing.setAttribute(key, value);
    page.svg.append(drawing);
    page.y += box.height * scale;
    return scale;
  }

  const said = node => node.textContent.replace(/[ \n\t]+/g, " ").trim();

  function chartSheet(figure, drawing) {
    const title = said(figure.querySelector("figcaption"));
    const copy = drawing.cloneNode(true);
    for (const name of ["class", "role", "aria-labelledby"]) copy.removeAttribute(name);
    copy.querySelector("title")?.remove();
    for (const words of copy.querySelectorAll("text")) words.style.fontFamily = FONT;
    const page = sheet(title, "");
    write(page, title, { size: 15, weight: "bold", fill: INK });
    place(page, copy, drawing.viewBox.baseVal);  // which ends with its source
    return finish(page);
  }

  // An outline in pixels of the picture, so that strokes keep their width in every program.
  function outline(d, box, across, down) {
    return rings(d).map(ring => "M" + ring.map(([latitude, longitude]) =>
      `${((longitude * UNITS * across - box.x) * down).toFixed(1)} ${((-latitude * UNITS - box.y) * down).toFixed(1)}`
    ).join("L") + (d.includes("z") ? "z" : "")).join("");
  }

  function mapSheet(figure, drawing) {
    const title = said(figure.querySelector("figcaption"));
    const source = figure.dataset.source || "";
    const page = sheet(title, source);
    write(page, title, { size: 15, weight: "bold", fill: INK });
    const box = drawing.viewBox.baseVal;
    const scale = Math.min((WIDTH - 2 * EDGE) / box.width, 620 / box.height);
    const board = element("svg", { viewBox: `0 0 ${(box.width * scale).toFixed(1)} ${(box.height * scale).toFixed(1)}`, overflow: "hidden" });
    board.append(element("rect", { width: "100%", height: "100%", fill: "#fbfaf7" }));
    for (const shape of drawing.children) {
      const looks = {};
      for (const { name, value } of shape.attributes) {
        if (/^(fill|stroke)/.test(name)) looks[name] = value;
      }
      if (shape.localName === "use") {
        const d = document.getElementById(shape.getAttribute("href").slice(1)).getAttribute("d");
        const across = Number(/scale\(([\d.]+)/.exec(shape.getAttribute("transform"))[1]);
        board.append(element("path", { d: outline(d, box, across, scale), ...looks }));
      } else if (shape.localName === "circle") {
        const at = name => Number(shape.getAttribute(name));
        board.append(element("circle", {
          cx: ((at("cx") - box.x) * scale).toFixed(1), cy: ((at("cy") - box.y) * scale).toFixed(1),
          r: (at("r") * scale).toFixed(1), ...looks,
        }));
      }
    }
    place(page, board, { width: box.width * scale, height: box.height * scale });
    key(page, figure.querySelectorAll(".legend li"));
    for (const note of figure.querySelectorAll(".note")) write(page, said(note), { size: 11, fill: INK });
    write(page, source, { size: 11, fill: MUTED });
    return finish(page);
  }

  function key(page, entries) {
    const look = { size: 12 };
    let x = EDGE;
    page.y += 20;
    for (const entry of entries) {
      const swatch = entry.querySelector("i");
      const words = said(entry);
      const width = (swatch ? 24 : 0) + widthOf(words, look) + 18;
      if (x > EDGE && x + width > WIDTH - EDGE) { x = EDGE; page.y += 20; }
      if (swatch) {
        page.svg.append(element("rect", {
          x, y: page.y - 11, width: 17, height: 12, fill: swatch.style.backgroundColor, stroke: MUTED, "stroke-width": 1,
        }));
      }
      page.svg.append(element("text", {
        x: x + (swatch ? 24 : 0), y: page.y, fill: INK, "font-size": look.size, "font-family": FONT,
      }, words));
      x += width;
    }
    page.y += 6;
  }

  function save(name, address) {
    const link = document.createElement("a");
    link.download = name;
    link.href = address;
    link.click();
  }

  function savePng(name, picture) {
    const image = new Image();
    image.addEventListener("load", () => {
      const canvas = document.createElement("canvas");
      canvas.width = 2 * picture.width;
      canvas.height = 2 * picture.height;
      const brush = canvas.getContext("2d");
      brush.fillStyle = "#ffffff";
      brush.fillRect(0, 0, canvas.width, canvas.height);
      brush.drawImage(image, 0, 0, canvas.width, canvas.height);
      save(name, canvas.toDataURL("image/png"));
    });
    image.addEventListener("error", () => { throw new Error(`${name}: the picture cannot be drawn`); });
    image.src = svgAddress(picture);
  }

  const svgAddress = picture => "data:image/svg+xml;charset=utf-8," + encodeURIComponent(picture.xml);

  const files = document.querySelector("[data-files]")?.dataset.files || "brief";
  const plain = words => words.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
    .replace(/œ/g, "oe").replace(/[^a-z0-9]+/g, "-").slice(0, 80).replace(/^-|-$/g, "");

  // A click is an answer at once: nothing is drawn for those who keep nothing.
  function offer(figure, drawing, draw) {
    const title = said(figure.querySelector("figcaption"));
    const name = `${files}-${plain(title)}`;
    const row = document.createElement("p");
    row.className = "keep no-print";
    row.append("Enregistrer\u202f:");
    for (const [kind, run] of [
      ["SVG", picture => save(`${name}.svg`, svgAddress(picture))],
      ["PNG", picture => savePng(`${name}.png`, picture)],
    ]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = kind;
      button.setAttribute("aria-label", `${kind}, enregistrer : ${title}`);
      button.addEventListener("click", () => run(draw(figure, drawing)));
      row.append(button);
    }
    figure.insertBefore(row, figure.querySelector("details"));
  }

  for (const figure of document.querySelectorAll("main figure")) {
    const chart = figure.querySelector("svg.chart"), map = figure.querySelector("svg.map-print");
    if (chart) offer(figure, chart, chartSheet);
    else if (map) offer(figure, map, mapSheet);
  }
})();
