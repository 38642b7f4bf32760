import { Body, Controller, Get, Injectable, Module, Post } from '@nestjs/common';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Database } from 'safe-sqlite';
import { InjectDatabase, SafeSqliteHealthIndicator, SafeSqliteModule } from 'safe-sqlite/nest';

@Injectable()
export class Notes {
  constructor(
    @InjectDatabase() private readonly db: Database,
    @InjectDatabase('audit') private readonly audit: Database,
  ) {
    db.exec('CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)');
    audit.exec('CREATE TABLE IF NOT EXISTS lines (text TEXT NOT NULL)');
  }

  async add(text: string): Promise<number | bigint> {
    const { lastInsertRowid } = await this.db.write(() =>
      this.db.prepare('INSERT INTO notes (text) VALUES (?)').run(text),
    );
    this.audit.prepare('INSERT INTO lines VALUES (?)').run(`added ${lastInsertRowid}`);
    return lastInsertRowid;
  }

  all(): unknown[] {
    return this.db.prepare('SELECT * FROM notes ORDER BY id').all();
  }
}

@Controller()
export class AppController {
  constructor(
    private readonly notes: Notes,
    private readonly health: HealthCheckService,
    private readonly indicator: SafeSqliteHealthIndicator,
  ) {}

  @Post('notes')
  async add(@Body() body: { text: string }): Promise<{ id: number }> {
    return { id: Number(await this.notes.add(body.text)) };
  }

  @Get('notes')
  all(): unknown[] {
    return this.notes.all();
  }

  @Get('health')
  check() {
    return this.health.check([
      () => this.indicator.isHealthy('database'),
      () => this.indicator.isHealthy('audit', 'audit'),
    ]);
  }
}

export class Settings {
  constructor(readonly folder: string) {}
}

@Module({
  providers: [{ provide: Settings, useFactory: () => new Settings(process.env['DATA'] ?? '.') }],
  exports: [Settings],
})
export class SettingsModule {}

@Module({
  imports: [
    TerminusModule,
    SafeSqliteModule.forRootAsync({
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: (settings: Settings) => ({ filename: `${settings.folder}/app.db`, logger: false }),
    }),
    SafeSqliteModule.forRootAsync({
      name: 'audit',
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: async (settings: Settings) => ({ filename: `${settings.folder}/audit.db`, logger: false }),
    }),
  ],
  controllers: [AppController],
  providers: [Notes],
})
export class AppModule {}
