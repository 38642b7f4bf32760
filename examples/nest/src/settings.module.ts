/** Where the databases are: from the environment, and from a test what the test says. */
import { Module } from '@nestjs/common';

export class Settings {
  constructor(readonly folder: string) {}
}

@Module({
  providers: [{ provide: Settings, useFactory: () => new Settings(process.env['DATA'] ?? '.') }],
  exports: [Settings],
})
export class SettingsModule {}
