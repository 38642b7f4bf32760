import { defineEventHandler } from 'h3';
import { exercise } from '../exercise.js';

export default defineEventHandler(() => exercise());
