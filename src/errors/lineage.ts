/**
 * `instanceof` that holds across copies of this package: each class carries the names of itself and its ancestors,
 * and the check compares names instead of identities.
 */

const lineageKey = Symbol.for('safe-sqlite.error.lineage');

interface LineageClass {
  readonly prototype: object;
  readonly lineage: readonly string[];
}

/**
 * Gives `errorClass` its lineage (own name first, then the names of its families) and its `instanceof` check.
 *
 * A subclass written by a user has no lineage of its own, so its check falls back to the prototype chain.
 */
export function brand(
  errorClass: { readonly prototype: object; readonly name: string },
  families: readonly string[],
): void {
  const lineage = Object.freeze([errorClass.name, ...families]);
  Object.defineProperty(errorClass, 'lineage', { value: lineage });
  Object.defineProperty(errorClass.prototype, lineageKey, { value: lineage });
  Object.defineProperty(errorClass.prototype, 'name', { value: errorClass.name, writable: true, configurable: true });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: LineageClass, candidate: unknown): boolean {
      if (typeof candidate !== 'object' || candidate === null) return false;
      if (!Object.hasOwn(this, 'lineage')) return Object.prototype.isPrototypeOf.call(this.prototype, candidate);
      return lineageOf(candidate).includes(this.lineage[0] ?? '');
    },
  });
}

/** The names of the classes that `error` belongs to, most specific first; empty for an error of somebody else. */
export function lineageOf(error: unknown): readonly string[] {
  if (typeof error !== 'object' || error === null) return [];
  const lineage: unknown = Reflect.get(error, lineageKey);
  return Array.isArray(lineage) ? lineage : [];
}
