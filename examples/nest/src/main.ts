/** Starts the application, and says where it listens and what was decided about its databases. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { Database } from 'safe-sqlite';
import { getDatabaseToken } from 'safe-sqlite/nest';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
// Without them Nest closes nothing at a signal: with them queued writes are committed and no -wal is left.
app.enableShutdownHooks();
await app.listen(process.env['PORT'] ?? 3000, '127.0.0.1');
for (const name of [undefined, 'audit']) {
  const { plan } = app.get<Database>(getDatabaseToken(name));
  console.log(`${plan.file}: journal_mode=${plan.journalMode}, synchronous=${plan.synchronous}`);
}
console.log(await app.getUrl());
