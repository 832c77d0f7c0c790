// Elements from words. Everything goes in as text, so nothing that a venue or a caller said can become markup.

const SVG = 'http://www.w3.org/2000/svg';

export const one = (selector, root = document) => root.querySelector(selector);

export function el(tag, { text, class: classes, ...attributes } = {}, ...children) {
  return filled(document.createElement(tag), { text, classes, attributes, children });
}

export function svg(tag, { text, class: classes, ...attributes } = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), { text, classes, attributes, children });
}

function filled(element, { text, classes, attributes, children }) {
  if (text !== undefined) element.textContent = text;
  if (classes) element.setAttribute('class', classes);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Brings a parent's children to these items, moving what stays: focus and selection survive an update.
export function sync(parent, items, { key, make, update }) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const child = old.get(name) || make(item);
    old.delete(name);
    child.dataset.key = name;
    update?.(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const gone of old.values()) gone.remove();
}
