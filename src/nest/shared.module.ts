/** Provides what all databases of an application share: the list of their names, and the health indicator. */
import { Global, Module } from '@nestjs/common';
import { Databases } from './databases.js';
import { SafeSqliteHealthIndicator } from './health-indicator.js';

@Global()
@Module({ providers: [Databases, SafeSqliteHealthIndicator], exports: [Databases, SafeSqliteHealthIndicator] })
export class SharedModule {}
