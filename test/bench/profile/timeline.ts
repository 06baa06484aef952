/** A freeze as a picture: who did what when. SVG that needs nothing else. */
import type { Piece } from './pieces.ts';

const width = 960;
const labels = 250;
const row = 18;
const top = 34;
const colours: Record<Piece['lane'], string> = {
  'source: CRIU': '#3b6fb6',
  'source: agent': '#6aa84f',
  coordinator: '#999999',
  'target: CRIU': '#c9702b',
  'target: runc': '#a64d79',
};

export function timelineOf(pieces: readonly Piece[], title: string): string {
  const end = Math.max(1, ...pieces.map(({ to }) => to));
  const x = (ms: number) => labels + (ms / end) * (width - labels - 70);
  const height = top + pieces.length * row + 30;
  const step = end > 400 ? 100 : end > 100 ? 20 : 10;
  const marks = Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
  const grid = marks.map(
    (ms) =>
      `<path d="M${px(x(ms))} ${top - 6}V${height - 22}" stroke="#8884"/>` +
      `<text x="${px(x(ms))}" y="${height - 8}" text-anchor="middle">${ms} ms</text>`,
  );
  const bars = pieces.map(({ lane, what, from, to }, index) => {
    const y = top + index * row;
    const wide = Math.max(1, x(to) - x(from));
    return (
      `<text x="${labels - 8}" y="${y + 12}" text-anchor="end">${escaped(`${lane} · ${what}`)}</text>` +
      `<rect x="${px(x(from))}" y="${y + 2}" width="${px(wide)}" height="${row - 5}" fill="${colours[lane]}"/>` +
      `<text x="${px(x(from) + wide + 4)}" y="${y + 12}">${(to - from).toFixed(1)}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="12" y="18" font-size="14">${escaped(title)}</text>`,
    ...grid,
    ...bars,
    '</svg>',
    '',
  ].join('\n');
}

function px(value: number): string {
  return value.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
