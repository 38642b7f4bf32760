/** Checks the English of comments, messages and pages against the phrases that CONTRIBUTING.md rules out. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../../scripts/pack.mjs';
import { pages, prose, readPage } from './page.mts';

/** Each phrase with a sentence that has it, so a pattern that no longer matches fails the test. */
const phrases: readonly (readonly [RegExp, string])[] = [
  [/\bwhat\b[^.;:]*\bcame to\b/i, 'Nobody hears what a checkpoint off it came to.'],
  [/\b(?:is|are|was|were) told(?! apart)\b/i, 'Each listener is told of the failure.'],
  [/\bby now\b/i, 'EEXIST: there is a file by now'],
  [/\bat last\b/i, 'In the folder of the database, at last anywhere.'],
  [/\bfor oneself\b/i, 'A look for oneself.'],
  [/\bshall\b/i, 'Closes one that shall leave nothing behind.'],
  [/\bof ours\b/i, 'A process of ours.'],
  [/(?<!there )\bis none\b/i, 'Once is none.'],
  [/\b(?:every|any|some|no)body\b/i, 'Keeps the process alive while somebody awaits it.'],
  [/\ba look at\b|\blooks? of its own\b|\btwo looks\b/i, 'Needs a look at the file.'],
  [/\bin vain\b/i, 'Tries in vain of the waits that are over.'],
  [/\bso that\b[^.;]*\bso that\b/i, 'Waits so that it is there, so that it is found.'],
  [/\bthe ground\b/i, 'Decides by the ground that the file stands on.'],
  [/\bfor good\b/i, 'The row is gone for good.'],
];

/** A file says first what it does; these words ask a question instead. */
const question = /^(?:Who|Whose|Whom|Whether|Where|What|How|Which|When|Why)\b/;

const sources = globSync('src/**/*.ts', { cwd: root }).map(path => path.replaceAll('\\', '/'));
const others = globSync('{test,bench,scripts,examples}/**/*.{ts,mts,mjs,js,cjs}', { cwd: root })
  .map(path => path.replaceAll('\\', '/'))
  .filter(path => !path.includes('node_modules'));

/** The comments of a source, each on one line. */
function comments(source: string): string[] {
  const blocks = source.matchAll(
    /^[ \t]*\/\*\*?[\s\S]*?\*\/|^[ \t]*\/\/[^\n]*(?:\n[ \t]*\/\/[^\n]*)*|[ \t]\/\/ [^\n]*$/gm,
  );
  return [...blocks].map(([text]) =>
    text
      .replaceAll(/^[ \t]*(?:\/\*\*?|\*\/?|\/\/)/gm, '')
      .replaceAll(/\*\/|\s+/g, ' ')
      .trim(),
  );
}

/** The names of tests, of the rows of their tables, and of the promises that mutants break. */
function testNames(source: string): string[] {
  const names = source.matchAll(
    /\b(?:(?:test|it|describe)(?:\.\w+)?\(\s*|(?:title|promise): )('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)/g,
  );
  return [...names].map(([, name = '']) => name.replaceAll(/\$\{[^}]*\}/g, ''));
}

/** The strings of a source that are sentences: messages, hints, texts of the command line. */
function sentences(source: string): string[] {
  const lines = source.split('\n').filter(line => !/^\s*(?:\/\/|\/?\*)/.test(line));
  const strings = [...lines.join('\n').matchAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g)];
  return strings.map(([text]) => text).filter(text => text.split(' ').length > 3);
}

function found(text: string): string[] {
  return phrases.flatMap(([phrase]) => phrase.exec(text)?.[0] ?? []);
}

test('each phrase is recognized', () => {
  for (const [phrase, example] of phrases) assert.match(example, phrase);
  assert.deepEqual(comments('/** A: by now. */\nlet a = 1; // b\n// c\n// d\n/**\n * E\n *\n * f\n */'), [
    'A: by now.',
    'b',
    'c d',
    'E f',
  ]);
  assert.deepEqual(sentences("// it's\nthrow new Error('There is a file by now.');"), ["'There is a file by now.'"]);
  assert.deepEqual(
    testNames("test(`of ${each}`, () => {});\ndescribe('by now', () => {});\nconst row = { title: 'a' };"),
    ['`of `', "'by now'", "'a'"],
  );
  assert.match('Whether a file is open.', question);
});

test('comments and messages of src/ have none of the phrases', () => {
  const wrong = sources.flatMap(path => {
    const source = readFileSync(join(root, path), 'utf8');
    const texts = [...comments(source), ...sentences(source)];
    return texts.flatMap(text => found(text).map(phrase => `${path}: "${phrase}" in: ${text}`));
  });
  assert.deepEqual(wrong, []);
});

test('comments and test names of the other folders have none of the phrases', () => {
  assert.ok(others.length > 400, `only ${others.length} files found`);
  // This file quotes the phrases.
  const wrong = others
    .filter(path => path !== 'test/contract/english.test.mts')
    .flatMap(path => {
      const source = readFileSync(join(root, path), 'utf8');
      const texts = [...comments(source), ...testNames(source)];
      return texts.flatMap(text => found(text).map(phrase => `${path}: "${phrase}" in: ${text}`));
    });
  assert.deepEqual(wrong, []);
});

test('the first sentence of each file says what the file does', () => {
  assert.ok(sources.length > 300, `only ${sources.length} files found`);
  const wrong = [...sources, ...others].flatMap(path => {
    const [first = ''] = comments(readFileSync(join(root, path), 'utf8'));
    return question.test(first) ? [`${path}: ${first}`] : [];
  });
  assert.deepEqual(wrong, []);
});

test('the pages have none of the phrases', () => {
  const wrong = pages
    .filter(path => !path.startsWith('test/'))
    .flatMap(path => {
      const text = prose(readPage(path)).replaceAll(/\s+/g, ' ');
      return text.split(/(?<=[.:;|]) /).flatMap(part => found(part).map(phrase => `${path}: "${phrase}" in: ${part}`));
    });
  assert.deepEqual(wrong, []);
});
