/** Colours of a colour scale, computed as plotly does: linear in red, green and blue between the stops. */
import type { ColorScale } from '../figure';

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** The colour at position `t` of a scale; positions outside 0 to 1 take the end colours. */
export function colorAt(scale: ColorScale, t: number): Rgb {
  const at = Math.min(1, Math.max(0, t));
  let i = 0;
  while (i < scale.length - 2 && at > scale[i + 1][0]) i++;
  const [from, to] = [scale[i], scale[Math.min(scale.length - 1, i + 1)]];
  const width = to[0] - from[0];
  const part = width > 0 ? (at - from[0]) / width : 0;
  const [a, b] = [parseHex(from[1]), parseHex(to[1])];
  return [0, 1, 2].map((k) => Math.round(a[k] + (b[k] - a[k]) * part)) as unknown as Rgb;
}

/** `#rrggbb`. */
export function toHex(color: Rgb): string {
  return `#${color.map((v) => v.toString(16).padStart(2, '0')).join('')}`;
}

/** A text colour that can be read on a background: dark on light and the other way round. */
export function inkOn([r, g, b]: Rgb): string {
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? '#222222' : '#ffffff';
}

function parseHex(hex: string): Rgb {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)) as unknown as Rgb;
}
