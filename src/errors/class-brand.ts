/**
 * Implements an `instanceof` that holds across copies of this package: each class carries its own name and those of its
 * ancestors, and the check compares names instead of identities.
 */

const lineageKey = Symbol.for('safe-sqlite.error.lineage');

interface LineageClass {
  readonly prototype: object;
  readonly lineage: readonly string[];
}

/**
 * Gives `errorClass` its lineage (own name first, then the names of its families) and its `instanceof` check.
 *
 * The names are passed as texts because bundlers rename classes. A subclass written by a user has no lineage of its
 * own; its check falls back to the prototype chain.
 */
export function brand(errorClass: { readonly prototype: object }, ...lineage: readonly [string, ...string[]]): void {
  Object.freeze(lineage);
  Object.defineProperty(errorClass, 'lineage', { value: lineage });
  // Loggers print `error.constructor.name`.
  Object.defineProperty(errorClass, 'name', { value: lineage[0], configurable: true });
  Object.defineProperty(errorClass.prototype, lineageKey, { value: lineage });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: LineageClass, candidate: unknown): boolean {
      if (typeof candidate !== 'object' || candidate === null) return false;
      if (!Object.hasOwn(this, 'lineage')) return Object.prototype.isPrototypeOf.call(this.prototype, candidate);
      return lineageOf(candidate).includes(this.lineage[0] ?? '');
    },
  });
}

/** Sets the `name` of the errors of `errorClass` on the prototype, like the built-in errors. */
export function nameErrors(errorClass: { readonly prototype: object }, name: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, writable: true, configurable: true });
}

/**
 * Returns the names of the classes that `error` belongs to, most specific first; empty for a foreign error, including
 * one whose getters throw.
 */
export function lineageOf(error: unknown): readonly string[] {
  if (typeof error !== 'object' || error === null) return [];
  try {
    const lineage: unknown = Reflect.get(error, lineageKey);
    return Array.isArray(lineage) ? lineage : [];
  } catch {
    return [];
  }
}
