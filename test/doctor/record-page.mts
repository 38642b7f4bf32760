/** `node test/doctor/record-page.mts` (as root): puts a report of this minute into docs/doctor.md. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { createLab, run } from '../mounts/lab.mts';
import { exampleReport } from './example.mts';

const page = new URL('../../docs/doctor.md', import.meta.url);
/** The report is laid out with the paths that it prints. */
const data = '/data';

using lab = createLab();
const image = lab.image(64 << 20, 'mkfs.ext4', '-q');
mkdirSync(data);
try {
  run('mount', '-o', 'loop', image, data);
  try {
    write(await exampleReport(data));
  } finally {
    run('umount', data);
  }
} finally {
  rmdirSync(data);
}

function write(report: string): void {
  const block = /(<!-- report:[^>]*-->\n\n```text\n)[\s\S]*?(```)/;
  const text = readFileSync(page, 'utf8');
  writeFileSync(
    page,
    text.replace(block, (_, begin: string, end: string) => `${begin}${report}\n${end}`),
  );
}
