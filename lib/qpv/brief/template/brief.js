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
})();
