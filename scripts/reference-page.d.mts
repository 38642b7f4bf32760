/** Types of reference-page.mjs. */
export interface ReferenceItem {
  readonly name: string;
  readonly kind: 'function' | 'class' | 'constant' | 'type';
  readonly isError: boolean;
  readonly docs: string;
  readonly signature: string;
  readonly members: readonly ReferenceItem[];
}

export function readReference(): readonly { readonly entry: string; readonly items: readonly ReferenceItem[] }[];

export function referencePage(): Promise<string>;
