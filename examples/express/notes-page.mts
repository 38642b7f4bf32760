/** The page at `/`: a form, and the newest notes. */

export interface ShownNote {
  readonly text: string;
  readonly created: string;
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Controls, and what turns the direction of text around: a viewer acts on them instead of showing them. */
const active = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

function escape(text: string): string {
  return text
    .replaceAll(active, character => (character === '\n' ? character : '\ufffd'))
    .replaceAll(/[&<>"']/g, character => escapes[character] ?? character);
}

/** `said`: what became of a note that was sent. */
export function notesPage(notes: readonly ShownNote[], said: string | null): string {
  const items = notes.map(
    ({ text, created }) => `<li>${escape(text)} <small>${escape(created.slice(0, 19).replace('T', ' '))}</small></li>`,
  );
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Notes</title>
    <style>
      :root { color-scheme: light dark; font: 18px/1.5 system-ui, sans-serif }
      body { max-width: 40rem; margin: auto; padding: 1rem; overflow-wrap: anywhere }
      form { display: flex; gap: .5rem } input { flex: 1; min-width: 0 } input, button { font: inherit; padding: .3rem .6rem }
      small { color: GrayText; white-space: nowrap }
    </style>
  </head>
  <body>
    <h1>Notes</h1>
    <form method="post" action="/">
      <input name="text" required maxlength="10000" aria-label="A new note" placeholder="A new note">
      <button>Store</button>
    </form>
    ${said === null ? '' : `<p role="status">${escape(said)}</p>`}
    <ul>${items.join('')}</ul>
    <p><a href="/status">status</a> · <a href="/health">health</a> · <a href="/metrics">metrics</a></p>
  </body>
</html>`;
}
