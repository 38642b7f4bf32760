import { control } from '../../../control.js';

export const dynamic = 'force-dynamic';

export async function GET() {
  return Response.json(await control());
}
