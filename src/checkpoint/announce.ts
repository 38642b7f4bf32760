/** Tells an event of a file to every connection that has it open, and writes it to each log once. */
import type { EventFactsOf } from '../events/event-hub';
import type { EventName } from '../events/event-map';
import type { Logger } from '../events/logger';
import type { FileUser } from './user';

export function announce<Name extends EventName>(
  users: Iterable<FileUser>,
  name: Name,
  facts: EventFactsOf<Name>,
): void {
  const told = new Set<Logger>();
  for (const { connection } of users) {
    const { hub, options } = connection;
    if (told.has(options.logger)) hub.relay(name, facts);
    else hub.publish(name, facts);
    told.add(options.logger);
  }
}
