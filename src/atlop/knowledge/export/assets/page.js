"use strict";

const MOST_DRAWN = 120, PAGE = 100, LONGEST_LABEL = 32;
// Told apart by the colour-blind, after Okabe and Ito.
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8A8A"];

const { nodes, edges } = JSON.parse(document.getElementById("data").textContent);
const byId = new Map(nodes.map((node) => [node.id, node]));
const types = [...new Set(nodes.map((node) => node.type))].sort();
const colourOf = (type) => COLOURS[Math.min(types.indexOf(type), COLOURS.length - 1)];
const find = document.getElementById("find"), least = document.getElementById("least");
let chosen = null, listed = PAGE;

function short(text) {
  const letters = [...text.slice(0, 1000).replace(/\s+/g, " ").trim()];
  return letters.length > LONGEST_LABEL ? letters.slice(0, LONGEST_LABEL).join("") + "…" : letters.join("");
}
const relationName = (edge) => edge.name || edge.relation;
const textOf = (edge) =>
  [...byId.get(edge.head).names, ...byId.get(edge.tail).names, relationName(edge), edge.relation, edge.document,
    ...edge.sentences].join("\n").toLowerCase();
const searchable = edges.map(textOf);

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.dir = "auto";
  if (text !== undefined) made.textContent = text;
  return made;
}

function matching() {
  const wanted = find.value.trim().toLowerCase(), bound = Number(least.value);
  return edges.filter((edge, i) =>
    (chosen === null || edge.head === chosen || edge.tail === chosen) &&
    (edge.confidence === null || edge.confidence >= bound) &&
    (!wanted || searchable[i].includes(wanted)));
}

function entityButton(id) {
  const button = element("button", "entity", byId.get(id).label || id);
  button.type = "button";
  button.addEventListener("click", () => choose(id));
  return button;
}

// Marks the mentions of head and tail in a sentence; names are plain text, never markup.
function sentenceElement(text, names) {
  const quote = element("blockquote", "");
  const escaped = names.filter((name) => name.trim()).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pieces = escaped.length ? text.split(new RegExp(`(${escaped.sort((a, b) => b.length - a.length).join("|")})`)) : [text];
  pieces.forEach((piece, i) => quote.append(i % 2 ? element("mark", "", piece) : piece));
  return quote;
}

function factElement(edge) {
  const item = element("li", ""), where = element("div", "where");
  item.append(entityButton(edge.head), element("span", "relation", relationName(edge)), entityButton(edge.tail));
  where.append(element("span", "", edge.document));
  if (!edge.is_evidence && edge.sentences.length) where.append(" · closest sentences");
  if (edge.confidence !== null) where.append(` · confidence ${edge.confidence.toFixed(2)}`);
  item.append(where);
  const names = [...edge.head_names, ...edge.tail_names];
  edge.sentences.forEach((text) => item.append(sentenceElement(text, names)));
  return item;
}

function list(found) {
  document.getElementById("facts").replaceChildren(...found.slice(0, listed).map(factElement));
  const about = chosen === null ? "" : ` about ${byId.get(chosen).label}`;
  document.getElementById("heading").textContent = `${found.length.toLocaleString("en")} ${found.length === 1 ? "fact" : "facts"}${about}`;
  document.getElementById("more").hidden = found.length <= listed;
}

const ink = getComputedStyle(document.body).color;
const quiet = getComputedStyle(document.documentElement).getPropertyValue("--quiet").trim();
const drawing = cytoscape({
  container: document.getElementById("canvas"),
  style: [
    { selector: "node", style: { "background-color": "data(colour)", label: "data(label)", color: ink, "font-size": 11,
      "text-valign": "bottom", "text-margin-y": 3, width: "data(size)", height: "data(size)",
      "text-background-color": getComputedStyle(document.body).backgroundColor, "text-background-opacity": 0.7 } },
    { selector: "edge", style: { width: 1.2, "line-color": quiet, "target-arrow-color": quiet, "target-arrow-shape": "triangle",
      "arrow-scale": 0.8, "curve-style": "bezier", opacity: 0.6 } },
    { selector: "edge.named", style: { label: "data(label)", color: ink, "font-size": 9, "text-rotation": "autorotate",
      "text-background-color": getComputedStyle(document.body).backgroundColor, "text-background-opacity": 0.85 } },
    { selector: "node.chosen", style: { "border-width": 3, "border-color": ink } },
  ],
});
drawing.on("tap", "node", (event) => choose(event.target.id()));
drawing.on("mouseover", "edge", (event) => event.target.addClass("named"));
drawing.on("mouseout", "edge", (event) => drawing.edges().length > 40 && event.target.removeClass("named"));

// The entities with the most facts, and the chosen one; parallel facts are one arrow.
function draw(found) {
  const degrees = new Map();
  found.forEach((edge) => [edge.head, edge.tail].forEach((id) => degrees.set(id, (degrees.get(id) || 0) + 1)));
  const kept = new Set([...degrees.keys()].sort((a, b) => (b === chosen) - (a === chosen) || degrees.get(b) - degrees.get(a)).slice(0, MOST_DRAWN));
  const arrows = new Map();
  found.filter((edge) => kept.has(edge.head) && kept.has(edge.tail))
    .forEach((edge) => arrows.set(JSON.stringify([edge.head, edge.relation, edge.tail]), edge));
  drawing.elements().remove();
  drawing.add([...kept].map((id) => ({ data: { id, label: short(byId.get(id).label), colour: colourOf(byId.get(id).type),
    size: 12 + 4 * Math.sqrt(degrees.get(id)) }, classes: id === chosen ? "chosen" : "" })));
  drawing.add([...arrows.values()].map((edge) => ({ data: { id: `fact:${edge.id}`, source: edge.head, target: edge.tail,
    label: short(relationName(edge)) }, classes: arrows.size <= 40 ? "named" : "" })));
  drawing.layout({ name: "cose", animate: false, randomize: true, nodeDimensionsIncludeLabels: true, idealEdgeLength: () => 90, nodeRepulsion: () => 60000, padding: 30 }).run();
  document.getElementById("note").textContent = degrees.size > kept.size
    ? `The ${kept.size} entities with the most facts, of ${degrees.size.toLocaleString("en")}` : "";
  document.body.dataset.drawn = `${drawing.nodes().length} nodes, ${drawing.edges().length} edges`;
}

function show() {
  const found = matching();
  document.getElementById("shown-least").textContent = Number(least.value).toFixed(2);
  document.getElementById("all").hidden = chosen === null;
  list(found);
  draw(found);
}

function choose(id) {
  chosen = id;
  listed = PAGE;
  show();
}

const count = (number, one, several) => `${number.toLocaleString("en")} ${number === 1 ? one : several}`;
document.getElementById("counts").textContent = [count(nodes.length, "entity", "entities"), count(edges.length, "fact", "facts"),
  count(new Set(edges.map((edge) => edge.document)).size, "document", "documents")].join(", ");
document.getElementById("confidence").hidden = edges.every((edge) => edge.confidence === null);
document.getElementById("legend").append(...types.map((type) => {
  const item = element("li", "", short(type));
  item.style.setProperty("--colour", colourOf(type));
  return item;
}));
let waiting;
const soon = () => { clearTimeout(waiting); waiting = setTimeout(() => { listed = PAGE; show(); }, 250); };
find.addEventListener("input", soon);
least.addEventListener("input", soon);
document.getElementById("all").addEventListener("click", () => { find.value = ""; choose(null); });
document.getElementById("more").addEventListener("click", () => { listed += PAGE; list(matching()); });
show();
