import { defineEventHandler } from 'h3';
import { control } from '../control.js';

export default defineEventHandler(() => control());
