// Filters the tables of a page: a row stays when its folded words hold what is typed, accents and case apart.
"use strict";
(() => {
  const box = document.getElementById("search"), rows = [...document.querySelectorAll("tbody.qpv-list tr")];
  if (!box) return;
  document.getElementById("filters").hidden = false;
  const keep = () => {
    const plain = box.value.toLowerCase().replace(/œ/g, "oe").normalize("NFD").replace(/[\u0300-\u036f]/g, "");
    const words = plain.replace(/[^a-z0-9]+/g, " ").trim().split(" ");
    const wanted = words.map(w => ({ st: "saint", ste: "sainte" })[w] || w).join(" ");
    for (const row of rows) row.hidden = !row.dataset.words.includes(wanted);
  };
  box.addEventListener("input", keep);
  addEventListener("pageshow", keep);
})();
