// Sorts the tables of QPV by a column, up then down; what has no value stays at the end.
"use strict";
(() => {
  const byValue = (a, b) => a < b ? -1 : a > b ? 1 : 0;

  function sort(head, column) {
    const table = head.closest("table"), body = table.tBodies[0];
    const up = head.getAttribute("aria-sort") !== "ascending";
    const key = row => {
      const cell = row.cells[column].dataset.value;
      return cell === "" || cell === undefined ? null : Number(cell);
    };
    const rows = [...body.rows].map((row, place) => ({ row, place, value: key(row) }));
    rows.sort((a, b) => {
      if ((a.value === null) !== (b.value === null)) return a.value === null ? 1 : -1;
      return (a.value === null ? 0 : (up ? 1 : -1) * byValue(a.value, b.value)) || a.place - b.place;
    });
    body.append(...rows.map(item => item.row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  }

  for (const head of document.querySelectorAll("table.roster th[data-sortable]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head, head.cellIndex));
  }
})();
