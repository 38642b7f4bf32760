import { db } from '../../../lib/shared.js';

export const dynamic = 'force-dynamic';

const count = db.prepare('UPDATE loaded SET asked = asked + 1 WHERE pid = ?');

export async function GET() {
  return Response.json({ changes: await db.write(() => count.run(process.pid).changes) });
}
