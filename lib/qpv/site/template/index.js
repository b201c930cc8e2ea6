// The list of briefs and its map: filters on both, and each shows what is picked on the other.  The map
// itself is drawn by the script of the briefs, which follows; its shapes come in the order of their description.
"use strict";
(() => {
  const FIRST = 100;  // rows shown before a reader asks for all: a table of 1,600 is slow to lay out
  const $ = id => document.getElementById(id);
  const table = $("run"), rows = [...table.querySelectorAll("tbody.qpv-list tr")];
  const fold = words => {
    const plain = words.toLowerCase().replace(/œ/g, "oe").normalize("NFD").replace(/[\u0300-\u036f]/g, "");
    return plain.replace(/[^a-z0-9]+/g, " ").trim().split(" ").map(w => ({ st: "saint", ste: "sainte" })[w] || w).join(" ");
  };
  const heads = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
  const facts = rows.map(row => ({
    row, words: row.dataset.words, epci: row.dataset.epci.split(" "), marks: row.dataset.marks,
    name: row.querySelector("button").textContent, named: false, shape: null, on: true,
  }));
  const byCode = new Map(facts.map(fact => [fact.row.querySelector(".newer").textContent.slice(0, 8), fact]));
  let whole = rows.length <= FIRST, map = null, home = null;

  // A link says "partiel"; a reader who hears links apart from their table hears of what.
  function name(fact) {
    if (fact.named) return;
    fact.named = true;
    for (const link of fact.row.querySelectorAll("a"))
      link.setAttribute("aria-label", `${link.textContent}, ${heads[link.parentNode.cellIndex]}, ${fact.name}`);
  }

  function filter() {
    const wanted = fold($("search").value), epci = $("epci").value, theme = $("theme").value, status = $("status").value;
    table.dataset.theme = theme;
    let count = 0;
    for (const fact of facts) {
      const marks = theme === "" ? fact.marks : fact.marks[theme];
      const on = fact.words.includes(wanted) && (epci === "" || fact.epci.includes(epci)) &&
        (status === "" ? theme === "" || marks !== "-" : marks.includes(status));
      fact.row.hidden = !on;
      fact.row.classList.toggle("later", on && !whole && count >= FIRST);
      if (on) { if (whole || count < FIRST) name(fact); count += 1; }
      if (on !== fact.on) { fact.on = on; show(fact); }
    }
    const shown = whole ? count : Math.min(count, FIRST), some = count > 1 ? "quartiers" : "quartier";
    const french = number => number.toLocaleString("fr-FR");
    $("count").textContent = count === 0 ? "Aucun quartier ne répond à ces choix."
      : `${french(count)} ${some}${shown < count ? `, dont ${french(shown)} affichés` : ""}`;
    $("more").hidden = shown >= count;
  }

  function show(fact) {
    const drawn = fact.shape && fact.shape.getElement();
    if (drawn) drawn.style.display = fact.on ? "" : "none";
  }

  function fit(chosen) {
    if (!map) return;
    const bounds = L.latLngBounds([]);
    for (const fact of chosen) if (fact.shape) bounds.extend(fact.shape.getBounds ? fact.shape.getBounds() : fact.shape.getLatLng());
    if (bounds.isValid()) map.fitBounds(bounds, { maxZoom: 14, padding: [20, 20], animate: false });
  }

  // --- the map, once it is drawn -------------------------------------------------------------------

  const box = document.querySelector(".map[data-map]");
  const codes = box ? JSON.parse(box.querySelector("script").textContent) : null;
  if (box) L.Map.addInitHook(function () {
    const before = codes.layers.slice(0, -1).reduce((sum, layer) => sum + layer.items.length, 0);
    let seen = 0;
    map = this;
    home = codes.view;
    this.on("layeradd", event => {
      if (!(event.layer instanceof L.Path)) return;
      const fact = byCode.get(codes.codes[seen++ - before]);
      if (!fact || fact.shape) return;
      fact.shape = event.layer;
      show(fact);
      event.layer.on("click", () => pick(fact));
    });
  });

  function pick(fact) {
    if (fact.row.hidden || fact.row.classList.contains("later")) { whole = true; filter(); }
    mark(fact);
    fact.row.querySelector("button").focus();
    fact.row.scrollIntoView({ block: "center" });
  }

  function mark(fact) {
    for (const other of facts) if (other.row.classList.contains("picked")) {
      other.row.classList.remove("picked");
      if (other.shape) other.shape.setStyle({ color: "#0b3d6b", weight: 1 });
    }
    fact.row.classList.add("picked");
    if (fact.shape) { fact.shape.setStyle({ color: "#b5500b", weight: 3 }); fact.shape.bringToFront(); }
  }

  function reveal(fact, turns = 60) {
    if (!box) return;
    box.scrollIntoView({ block: "nearest" });
    if (!map && turns) { setTimeout(() => reveal(fact, turns - 1), 50); return; }  // it is drawn when it comes into view
    mark(fact);
    if (fact.shape) {
      fit([fact]);
      const where = fact.shape.getBounds ? fact.shape.getBounds().getCenter() : fact.shape.getLatLng();
      fact.shape.openTooltip(where);
    }
    $("shown").textContent = fact.shape ? `${fact.name} est montré sur la carte.` : `${fact.name} n’a pas de position connue.`;
  }

  // --- what a reader does --------------------------------------------------------------------------

  $("filters").hidden = false;
  table.classList.add("is-live");
  $("search").addEventListener("input", filter);
  for (const id of ["theme", "status"]) $(id).addEventListener("change", filter);
  $("epci").addEventListener("change", () => {
    filter();
    if ($("epci").value === "") { if (map) map.fitBounds(home); } else fit(facts.filter(fact => fact.on));
  });
  $("reset").addEventListener("click", () => {
    for (const id of ["search", "epci", "theme", "status"]) $(id).value = "";
    filter();
    if (map) map.fitBounds(home);
    $("search").focus();
  });
  $("more").addEventListener("click", () => { whole = true; filter(); });
  table.addEventListener("click", event => {
    const row = event.target.closest("th[scope=row] button") && event.target.closest("tr");
    if (row) reveal(facts[rows.indexOf(row)]);
  });
  const views = $("views");
  if (views) {
    views.hidden = false;
    views.addEventListener("click", event => {
      const view = event.target.dataset.view;
      if (!view || !map) return;
      const [south, west, north, east] = view.split(",").map(Number);
      map.fitBounds([[south, west], [north, east]], { padding: [20, 20], maxZoom: 11, animate: false });
    });
  }
  addEventListener("pageshow", filter);
  filter();
})();
