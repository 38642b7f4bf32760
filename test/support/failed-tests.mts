/** A reporter of node:test that writes the name of each test that failed, and not those of the groups around it. */
import type { TestEvent } from 'node:test/reporters';

export default async function* failedTests(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (type !== 'test:fail') continue;
    const error: unknown = data.details.error;
    if (error instanceof Error && 'failureType' in error && error.failureType === 'subtestsFailed') continue;
    yield `${data.name}\n`;
  }
}
