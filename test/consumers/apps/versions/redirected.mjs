// Run with safe-sqlite/register.
import { createRequire } from 'node:module';
import Database from 'better-sqlite3';
import Ours from 'safe-sqlite';

console.log(Database === Ours, createRequire(import.meta.url)('better-sqlite3') === Ours);
