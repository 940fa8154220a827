(() => {
  "use strict";
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const OLD = 15 * 60;
  const SHORT = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" };

  // As the command builderctl renders it: 45 s, 12 min, 2 h 5 min, 1 d 3 h, 390 d.
  const span = (seconds) => {
    const total = Math.max(0, Math.floor(seconds));
    if (total < 60) return `${total} s`;
    const days = Math.floor(total / 86400);
    const hours = days < 10 ? Math.floor((total % 86400) / 3600) : 0;
    const minutes = days ? 0 : Math.floor((total % 3600) / 60);
    return [[days, "d"], [hours, "h"], [minutes, "min"]].filter(([number]) => number).map((part) => part.join(" ")).join(" ");
  };
  const secondsSince = (text) => (Date.now() - Date.parse(text)) / 1000;
  const local = (text, style) => new Date(text).toLocaleString(undefined, style);
  const isTime = (text) => !Number.isNaN(Date.parse(text));

  const showTimes = () => {
    for (const time of all("time").filter((one) => isTime(one.dateTime))) {
      const year = new Date(time.dateTime).getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
      const when = local(time.dateTime, { ...year, ...SHORT });
      time.textContent = `${when} (${span(secondsSince(time.dateTime))} ago)`;
    }
    for (const one of all("[data-age]")) one.textContent = ` for ${span(secondsSince(one.dataset.age))}`;
    for (const tick of all("[data-time]")) tick.textContent = local(tick.dataset.time, SHORT);
    const newest = document.querySelector("header time");
    document.getElementById("old").hidden = !newest || secondsSince(newest.dateTime) < OLD;
  };

  const key = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
  const sort = (table, column, descending) => {
    const order = (a, b) => key(a, column).localeCompare(key(b, column), undefined, { numeric: true }) * (descending ? -1 : 1);
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
    [...table.tHead.rows[0].cells].forEach((cell, index) => {
      if (index === column) cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
  };

  const makeSortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    const names = heads.map((cell) => cell.textContent);
    heads.forEach((cell, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = names[column];
      button.addEventListener("click", () => sort(table, column, cell.getAttribute("aria-sort") === "ascending"));
      cell.replaceChildren(button);
    });
    for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, column) => { cell.dataset.label = names[column]; });
    addRoles(table);
    table.before(sorter(table, names));
  };

  // On a phone a row is shown as a block, which takes the roles of a table from the elements.
  const ROLES = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
  const addRoles = (table) => {
    for (const one of [table, ...all("thead, tbody, tr, td", table)]) one.setAttribute("role", ROLES[one.tagName]);
    for (const one of all("th", table)) one.setAttribute("role", one.scope === "row" ? "rowheader" : "columnheader");
  };

  const sorter = (table, names) => {
    const label = document.createElement("label");
    const select = document.createElement("select");
    label.className = "sorter";
    select.append(new Option("as listed", ""), ...names.flatMap((name, column) => [new Option(name, column), new Option(`${name}, last first`, `${column}-`)]));
    select.addEventListener("change", () => { if (select.value) sort(table, parseInt(select.value, 10), select.value.endsWith("-")); });
    label.append("Sort by ", select);
    return label;
  };

  const makeFilter = (input) => {
    const section = document.querySelector(`[data-rows="${input.dataset.filter}"]`);
    const rows = all("tbody tr, details.thread", section);
    const counted = input.closest(".filter").querySelector("output");
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      counted.textContent = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
    });
  };

  document.documentElement.classList.add("js");
  all("table").forEach(makeSortable);
  all("[data-filter]").forEach(makeFilter);
  showTimes();
  setInterval(showTimes, 60000);
})();
