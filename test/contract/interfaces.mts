/** The fields of the interfaces of a source file, with those that they extend. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript-5';
import { root } from '../../scripts/pack.mjs';

export interface Interfaces {
  readonly fieldsOf: (name: string) => string[];
  /** Of each member of a type alias that is one object type: its name and the text of its type. */
  readonly membersOf: (alias: string) => [name: string, type: string][];
}

export function interfacesOf(path: string): Interfaces {
  const text = readFileSync(join(root, path), 'utf8');
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const interfaces = new Map<string, ts.InterfaceDeclaration>();
  const aliases = new Map<string, ts.TypeLiteralNode>();
  for (const statement of source.statements) {
    if (ts.isInterfaceDeclaration(statement)) interfaces.set(statement.name.text, statement);
    if (ts.isTypeAliasDeclaration(statement) && ts.isTypeLiteralNode(statement.type)) {
      aliases.set(statement.name.text, statement.type);
    }
  }
  const nameOf = (member: ts.TypeElement): string => member.name?.getText() ?? '';
  const fieldsOf = (name: string): string[] => {
    const declaration = interfaces.get(name);
    if (declaration === undefined) throw new Error(`${path} has no interface ${name}`);
    const inherited = (declaration.heritageClauses ?? []).flatMap(({ types }) =>
      types.flatMap(({ expression }) => fieldsOf(expression.getText())),
    );
    return [...inherited, ...declaration.members.map(nameOf)];
  };
  return {
    fieldsOf,
    membersOf: alias =>
      (aliases.get(alias)?.members ?? []).map(member => [
        nameOf(member),
        ts.isPropertySignature(member) ? (member.type?.getText() ?? '') : '',
      ]),
  };
}
