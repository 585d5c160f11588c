/** A small XML parser for tests: enough to tell well-formed from broken, and to collect elements and texts. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  text: string;
}

const TAG = /<(\/?)([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)>/y;

/** Parses a document; throws at the first thing that is not well-formed. */
export function parseXml(source: string): XmlElement {
  const root: XmlElement = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  let at = 0;
  while (at < source.length) {
    const next = source.indexOf('<', at);
    const text = source.slice(at, next < 0 ? source.length : next);
    open[open.length - 1].text += decode(text);
    if (next < 0) break;
    TAG.lastIndex = next;
    const tag = TAG.exec(source);
    if (!tag) throw new Error(`not a tag at ${next}: ${source.slice(next, next + 60)}`);
    const [whole, closing, name, attributes, empty] = tag;
    at = next + whole.length;
    if (closing) {
      const last = open.pop();
      if (last?.name !== name) throw new Error(`</${name}> closes <${last?.name}>`);
      continue;
    }
    const element: XmlElement = { name, attributes: parseAttributes(attributes), children: [], text: '' };
    open[open.length - 1].children.push(element);
    if (!empty) open.push(element);
  }
  if (open.length !== 1 || root.children.length !== 1 || root.text.trim() !== '')
    throw new Error('not one closed root element');
  return root.children[0];
}

/** All elements of a name, at any depth. */
export function findAll(element: XmlElement, name: string): XmlElement[] {
  const deeper = element.children.flatMap((child) => findAll(child, name));
  return element.name === name ? [element, ...deeper] : deeper;
}

function parseAttributes(source: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [, name, value] of source.matchAll(/([\w:.-]+)="([^"]*)"/g)) {
    if (name in out) throw new Error(`attribute ${name} twice`);
    out[name] = decode(value);
  }
  return out;
}

function decode(text: string): string {
  if (/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u.test(text))
    throw new Error('a character XML forbids');
  return text.replace(/&([^;\s]{0,10});?/g, (whole, name: string) => {
    const value = { lt: '<', gt: '>', amp: '&', quot: '"' }[name];
    if (value === undefined || !whole.endsWith(';')) throw new Error(`bad entity ${whole}`);
    return value;
  });
}
