/** Puts the application together: two databases, their health, their errors. */
import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { SafeSqliteModule } from 'safe-sqlite/nest';
import { DatabaseErrors } from './database-errors.filter.js';
import { NotesController } from './notes.controller.js';
import { Notes } from './notes.service.js';
import { Settings, SettingsModule } from './settings.module.js';
import { StatusController } from './status.controller.js';

@Module({
  imports: [
    TerminusModule,
    SafeSqliteModule.forRootAsync({
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: (settings: Settings) => ({ filename: `${settings.folder}/app.db` }),
    }),
    SafeSqliteModule.forRootAsync({
      name: 'audit',
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: async (settings: Settings) => ({ filename: `${settings.folder}/audit.db` }),
    }),
  ],
  controllers: [NotesController, StatusController],
  providers: [Notes, { provide: APP_FILTER, useClass: DatabaseErrors }],
})
export class AppModule {}
