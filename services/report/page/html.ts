// The smallest HTML writer that cannot forget to escape: text goes in as text, markup only from these functions. Pure.
import { visible } from '../wording.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text, for element content and for quoted attributes. Controls and direction marks become \xhh first. */
export function escape(text: string): string {
  return visible(text).replace(/[<>&"']/g, (c) => ENTITIES[c] ?? '');
}

/**
 * A name: isolated from the direction of the text around it, and breakable after separators. Spaces at its ends stay
 * visible.
 */
export function name(printable: string): string {
  // Breaks first: after them a closing tag of ours would be broken too.
  const text = escape(printable)
    .replace(/([/_.-])(?=[^/_.-])/g, '$1<wbr>')
    .replace(/^ +| +$/g, (spaces) => '<span class="sp">\u2423</span>'.repeat(spaces.length));
  return `<bdi class="name">${text}</bdi>`;
}

/** A command to type. Short words stay whole, so that no line ends between the hyphens of an option. */
export function command(line: string): string {
  const words = line
    .split(' ')
    .map((word) => (word.length <= 24 ? `<span class="w">${escape(word)}</span>` : escape(word)));
  return `<pre><code>${words.join(' ')}</code></pre>`;
}

/**
 * A table cell; `numeric` aligns right and keeps digits in columns. `label` is what the cell is called on narrow
 * screens.
 */
export interface Cell {
  readonly html: string;
  readonly numeric?: boolean;
  readonly label?: string;
}

function cell(tag: 'td' | 'th', { html, numeric, label }: Cell): string {
  const attributes = `${numeric === true ? ' class="n"' : ''}${label === undefined ? '' : ` data-l="${escape(label)}"`}`;
  return `<${tag}${tag === 'th' ? ' scope="col"' : ''}${attributes}>${html}</${tag}>`;
}

/** A table with a head; every cell already HTML. The foot, if any, is the row that everything adds up to. */
export function table(
  kind: string,
  head: readonly Cell[],
  rows: readonly (readonly Cell[])[],
  foot?: readonly Cell[],
): string {
  const line = (cells: readonly Cell[]): string => `<tr>${cells.map((each) => cell('td', each)).join('\n')}</tr>`;
  return [
    `<table class="${kind}"><thead><tr>${head.map((each) => cell('th', each)).join('')}</tr></thead>`,
    `<tbody>${rows.map(line).join('\n')}</tbody>`,
    foot === undefined ? '' : `<tfoot>${line(foot)}</tfoot>`,
    '</table>',
  ].join('\n');
}

/** A part of the page under its heading; nothing at all where there is nothing to say. */
export function section(heading: string, html: string): string {
  return html === '' ? '' : `<section><h2>${heading}</h2>\n${html}</section>`;
}

/** Items that are HTML already. */
export function list(items: readonly string[]): string {
  return items.length === 0 ? '' : `<ul>${items.map((item) => `<li>${item}</li>`).join('\n')}</ul>`;
}
