interface Folder {
  readonly name: string;
  readonly height: number;
  readonly does: string;
  readonly pure?: boolean;
  readonly also?: readonly string[];
  readonly onlyFrom?: readonly string[];
}

export const folders: readonly Folder[];
export function mayImport(from: string, to: string): boolean;
