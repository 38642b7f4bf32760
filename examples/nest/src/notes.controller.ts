/** Answers the HTTP requests of the service. */
import { Readable } from 'node:stream';
import { Body, Controller, Get, Post, StreamableFile } from '@nestjs/common';
import { HealthCheckService } from '@nestjs/terminus';
import { SafeSqliteHealthIndicator } from 'safe-sqlite/nest';
import { Notes, type Note, type Report } from './notes.service.js';

@Controller()
export class NotesController {
  constructor(
    private readonly notes: Notes,
    private readonly health: HealthCheckService,
    private readonly database: SafeSqliteHealthIndicator,
  ) {}

  @Post('notes')
  async add(@Body('text') text: string): Promise<{ id: number }> {
    return { id: await this.notes.add(text) };
  }

  @Get('notes')
  all(): Note[] {
    return this.notes.all();
  }

  @Get('report')
  report(): Promise<Report | undefined> {
    return this.notes.report();
  }

  /** A client that reads slowly keeps the reader waiting, not the notes in memory; one that leaves ends the statement. */
  @Get('export')
  export(): StreamableFile {
    return new StreamableFile(Readable.from(this.notes.lines()), { type: 'application/x-ndjson' });
  }

  @Get('health')
  check() {
    return this.health.check([
      () => this.database.isHealthy('database'),
      () => this.database.isHealthy('audit', 'audit'),
    ]);
  }
}
