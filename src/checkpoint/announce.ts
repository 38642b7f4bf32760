/** Tells an event of a file to every connection that has it open, and writes it to each log once. */
import type { EventFactsOf } from '../events/event-hub';
import type { EventName } from '../events/event-map';
import type { Logger } from '../events/logger';
import type { FileUser } from './file-user';

export function announce<Name extends EventName>(
  users: Iterable<FileUser>,
  name: Name,
  facts: EventFactsOf<Name>,
): void {
  const told = new Set<Logger>();
  // Those of this moment: a listener may close one and open another, which would be told as well, without an end. A
  // connection that has the file under several names is told once.
  const hubs = new Map([...users].map(({ connection }) => [connection.hub, connection.options.logger]));
  for (const [hub, logger] of hubs) {
    if (told.has(logger)) hub.relay(name, facts);
    else hub.publish(name, facts);
    told.add(logger);
  }
}
