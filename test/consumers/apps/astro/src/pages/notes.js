import { exercise } from '../../exercise.js';

export const GET = async () => Response.json(await exercise());
