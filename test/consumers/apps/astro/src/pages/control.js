import { control } from '../../control.js';

export const GET = async () => Response.json(await control());
