// Elements from data. Texts become text nodes, never markup, so that no stored value can change the page.

type Child = Node | string | undefined;

/** An element with attributes (`true`: present without a value, undefined: absent) and children. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | true | undefined>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** The element of the document with this id; a missing one is a fault of index.html. */
export function byId<E extends HTMLElement>(id: string, type: new () => E): E {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return element;
}

const MARKS = {
  passed: "M5 12.5l4.5 4.5L19 7.5",
  open: "M12 7v6M12 16.8v.1",
  failed: "M12 3 22 20.5H2zM12 9.5v5M12 17.3v.1",
} as const;

/** A drawn sign; decoration beside words that say the same. */
export function mark(kind: keyof typeof MARKS): SVGSVGElement {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  const path = document.createElementNS(ns, "path");
  const attributes = {
    viewBox: "0 0 24 24",
    class: "mark",
    fill: "none",
    stroke: "currentColor",
    "aria-hidden": "true",
  };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  const stroke = { d: MARKS[kind], "stroke-width": "2.5", "stroke-linecap": "round", "stroke-linejoin": "round" };
  for (const [name, value] of Object.entries(stroke)) path.setAttribute(name, value);
  svg.append(path);
  return svg;
}

/** Names and values, as a description list. */
export function facts(...pairs: readonly (readonly [name: string, value: Node | string] | undefined)[]): HTMLElement {
  const known = pairs.filter((pair) => pair !== undefined);
  return h(
    "dl",
    { class: "facts" },
    ...known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}
