/** Provides the paths of the databases, from the environment or from a test. */
import { Module } from '@nestjs/common';

export class Settings {
  constructor(readonly folder: string) {}
}

@Module({
  providers: [{ provide: Settings, useFactory: () => new Settings(process.env['DATA'] ?? '.') }],
  exports: [Settings],
})
export class SettingsModule {}
