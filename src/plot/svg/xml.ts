/** Writing SVG as text: elements, attributes, escaping. The same input always gives the same text. */

/** Characters that XML 1.0 forbids even when escaped, lone surrogates among them. */
const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

/** A text as XML content or attribute value. Characters that XML cannot hold become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replace(FORBIDDEN, '\uFFFD')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
}

/** A coordinate: two decimals are a fiftieth of what a screen can show. */
export function coordinate(value: number): string {
  return String(Math.round(value * 100) / 100 + 0);
}

/** Attributes of an element; `undefined` ones are left out, numbers are rounded. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One element. `content` must already be XML. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const words = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? coordinate(value) : escapeXml(value ?? '')}"`)
    .join('');
  return content === '' ? `<${name}${words}/>` : `<${name}${words}>${content}</${name}>`;
}

/** A text at a point; spaces are kept. */
export function textAt(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return text === '' ? '' : element('text', { x, y, ...attributes }, escapeXml(text));
}
