"use strict";

const MOST_FOUND = 100;
const picture = document.getElementById("picture");
const words = document.getElementById("words");
const card = document.getElementById("card");
const facts = JSON.parse(document.getElementById("facts").textContent);

// A row of the picture consists of cells, whose ids begin with the number of the row.
const factOfRow = new Map();
for (const fact of facts) {
  fact.cells = [];
  fact.text = [fact.name, fact.host, ...fact.lines.flat()].join("\n").toLowerCase();
  for (const row of fact.rows) factOfRow.set(String(row), fact);
}
for (const cell of picture.querySelectorAll("[id^=a_r]")) {
  factOfRow.get(cell.id.slice("a_r".length).split(".")[0]).cells.push(cell);
}
// The card replaces the tooltips of the picture, and its links lead nowhere.
for (const link of picture.querySelectorAll("a")) {
  link.removeAttribute("xlink:title");
  link.removeAttribute("xlink:href");
}
for (const title of picture.querySelectorAll("title")) title.remove();

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function mark(fact, name, on) {
  for (const cell of fact.cells) cell.classList.toggle(name, on);
}

function search() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = facts.filter((fact) => wanted.length && wanted.every((word) => fact.text.includes(word)));
  for (const fact of facts) mark(fact, "match", false);
  for (const fact of found) mark(fact, "match", true);
  picture.classList.toggle("searching", wanted.length > 0);
  document.getElementById("count").textContent = wanted.length ? `${found.length} of ${facts.length}` : "";
  document.getElementById("found").replaceChildren(...found.slice(0, MOST_FOUND).map((fact) => {
    const button = element("button", fact.name);
    button.type = "button";
    button.append(element("small", [fact.host, ...fact.addresses].join(", ")));
    button.addEventListener("click", () => show(fact));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  return found;
}

function show(fact) {
  fact.cells[0].scrollIntoView({ block: "center", inline: "center" });
}

let under = null;
function hover(event) {
  const cell = event.target.closest("[id^=a_r]");
  const fact = cell ? factOfRow.get(cell.id.slice("a_r".length).split(".")[0]) : null;
  if (under) mark(under, "under", false);
  under = fact;
  card.hidden = !fact;
  if (!fact) return;
  mark(fact, "under", true);
  const list = document.createElement("dl");
  for (const [heading, text] of fact.lines) list.append(element("dt", heading), element("dd", text));
  card.replaceChildren(element("strong", `${fact.name} on ${fact.host}`), list);
  card.style.left = `${Math.max(0, Math.min(event.clientX + 14, innerWidth - card.offsetWidth))}px`;
  card.style.top = `${Math.max(0, Math.min(event.clientY + 14, innerHeight - card.offsetHeight))}px`;
}

words.addEventListener("input", search);
document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const found = search();
  if (found.length) show(found[0]);
});
document.getElementById("whole").addEventListener("change", (event) => {
  picture.classList.toggle("whole", event.target.checked);
});
picture.addEventListener("mousemove", hover);
picture.addEventListener("mouseleave", hover);
