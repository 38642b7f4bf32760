/** An Express server with one route that inserts a row; prints its port, ends when its standard input does. */
import express from 'express';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSubject, type SubjectName } from './subjects.mts';

const folder = mkdtempSync(join(tmpdir(), 'bench-'));
const subject = openSubject(process.argv[2] as SubjectName, folder);
const app = express();
app.post('/events', async (_request, response) => {
  await subject.write();
  response.status(201).json({ stored: true });
});
const server = app.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.stdin.resume().on('end', () => {
  server.close();
  server.closeAllConnections();
  subject.close();
  rmSync(folder, { recursive: true, force: true });
});
