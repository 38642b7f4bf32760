// The look of the charts: one palette for light and one for dark, chosen by the reader's system.

/** Bars of one subject keep their colour in every chart; the hues stay apart for the colour-blind. */
const style = `
  .ground { fill: #ffffff; stroke: #d0d7de; }
  .text { fill: #1f2328; font: 12px ui-sans-serif, system-ui, sans-serif; }
  .small { font-size: 11px; }
  .title { font-size: 14px; font-weight: 600; }
  .quiet { fill: #59636e; }
  .grid { stroke: #d8dee4; stroke-width: 1; }
  .bar0 { fill: #9aa4b0; } .bar1 { fill: #d4812a; } .bar2 { fill: #1f6feb; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #30363d; }
    .text { fill: #e6edf3; } .quiet { fill: #9198a1; }
    .grid { stroke: #262c36; }
    .bar0 { fill: #6e7781; } .bar1 { fill: #e09b4f; } .bar2 { fill: #4c94ff; }
  }`;

export function svg(width, height, label, body) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(label)}">
<style>${style}
</style>
<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${body.join('\n')}
</svg>
`;
}

export function text(x, y, content, { kind = '', anchor = 'start' } = {}) {
  const at = `x="${round(x)}" y="${round(y)}"`;
  return `<text class="text ${kind}" ${at} text-anchor="${anchor}">${escape(content)}</text>`;
}

export function bar(x, y, width, height, subject, tip) {
  const box = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(Math.max(height, 1))}"`;
  return `<rect class="bar${subject}" ${box} rx="2"><title>${escape(tip)}</title></rect>`;
}

export function line(x1, y1, x2, y2) {
  return `<line class="grid" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

export function legend(x, y, subjects) {
  let at = x;
  return subjects.flatMap((name, index) => {
    const entry = [bar(at, y - 9, 10, 10, index, name), text(at + 15, y, name)];
    at += 40 + name.length * 6.5;
    return entry;
  });
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function escape(content) {
  return String(content).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
