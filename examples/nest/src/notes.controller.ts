/** Answers the HTTP requests of the service. */
import { Body, Controller, Get, Post } from '@nestjs/common';
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

  @Get('health')
  check() {
    return this.health.check([
      () => this.database.isHealthy('database'),
      () => this.database.isHealthy('audit', 'audit'),
    ]);
  }
}
