// One TypeScript file as the rules read it: what it imports, what it exports, and which names occur in it.
import * as ast from 'typescript/unstable/ast';
import { dirname, join } from 'node:path';

export interface SourceFile {
  /** From the root of the tree, such as `libs/xds/compiler.ts`. */
  readonly path: string;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  /** How often each identifier, string and end of a template occurs, comments not counted. */
  readonly words: ReadonlyMap<string, number>;
}

interface Import {
  /** As written: `./x.ts`, `#libs/x/y.ts`, `node:fs`, `zod`. */
  readonly specifier: string;
  /** The file that is meant, from the root of the tree; undefined for a package. */
  readonly target: string | undefined;
  readonly line: number;
  /** The names that are taken; undefined = all of them (`import * as`, `import()`). */
  readonly names: readonly string[] | undefined;
  /** Whether the file hands on what it imports (`export … from`). */
  readonly isReExport: boolean;
}

interface Export {
  readonly name: string;
  readonly line: number;
  /** Whether it stands in a list (`export { … }`) and not before its declaration. */
  readonly isInList: boolean;
}

/** Reads the facts off a syntax tree. `path` is from the root of the tree. */
export function toSourceFile(path: string, tree: ast.SourceFile): SourceFile {
  const imports: Import[] = [];
  const exports: Export[] = [];
  const words = new Map<string, number>();
  const lineOf = (node: ast.Node): number => tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
  const addImport = (node: ast.Node, specifier: string, names: readonly string[] | undefined): void => {
    const line = lineOf(node);
    const isReExport = ast.isExportDeclaration(node);
    imports.push({ specifier, target: targetOf(path, specifier), line, names, isReExport });
  };
  const visit = (node: ast.Node): void => {
    if (isWord(node)) words.set(node.text, (words.get(node.text) ?? 0) + 1);
    const found = importOf(node);
    if (found !== undefined) addImport(node, found.specifier, found.names);
    node.forEachChild(visit);
  };
  visit(tree);
  for (const statement of tree.statements) {
    const isInList = ast.isExportDeclaration(statement);
    for (const name of exportedNames(statement)) exports.push({ name, line: lineOf(statement), isInList });
  }
  return { path, imports, exports, words };
}

function isWord(node: ast.Node): node is ast.Identifier | ast.StringLiteral | ast.TemplateTail {
  return ast.isIdentifier(node) || ast.isStringLiteral(node) || ast.isTemplateTail(node);
}

function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return specifier.slice(1);
  return specifier.startsWith('.') ? join(dirname(path), specifier) : undefined;
}

/** `import …`, `export … from`, `import()` and `typeof import()`, each with the names that it takes. */
function importOf(node: ast.Node): { specifier: string; names: readonly string[] | undefined } | undefined {
  if (ast.isImportDeclaration(node) && ast.isStringLiteral(node.moduleSpecifier))
    return { specifier: node.moduleSpecifier.text, names: importedNames(node.importClause) };
  if (ast.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ast.isStringLiteral(node.moduleSpecifier))
    return { specifier: node.moduleSpecifier.text, names: undefined };
  if (ast.isCallExpression(node) && node.expression.kind === ast.SyntaxKind.ImportKeyword) {
    const [specifier] = node.arguments;
    return specifier !== undefined && ast.isStringLiteral(specifier)
      ? { specifier: specifier.text, names: undefined }
      : undefined;
  }
  if (ast.isImportTypeNode(node) && ast.isLiteralTypeNode(node.argument) && ast.isStringLiteral(node.argument.literal))
    return { specifier: node.argument.literal.text, names: undefined };
  return undefined;
}

function importedNames(clause: ast.ImportClause | undefined): readonly string[] | undefined {
  if (clause === undefined) return [];
  const names = clause.name === undefined ? [] : ['default'];
  const bindings = clause.namedBindings;
  if (bindings === undefined) return names;
  if (ast.isNamespaceImport(bindings)) return undefined;
  return [...names, ...bindings.elements.map((element) => (element.propertyName ?? element.name).text)];
}

function exportedNames(statement: ast.Statement): readonly string[] {
  if (ast.isExportAssignment(statement)) return ['default'];
  if (ast.isExportDeclaration(statement)) {
    const clause = statement.exportClause;
    return clause !== undefined && ast.isNamedExports(clause) ? clause.elements.map(({ name }) => name.text) : [];
  }
  if (ast.isVariableStatement(statement) && isExported(statement))
    return statement.declarationList.declarations.flatMap(({ name }) => boundNames(name));
  if (!isNamedDeclaration(statement) || !isExported(statement)) return [];
  return isDefault(statement) ? ['default'] : statement.name === undefined ? [] : [statement.name.text];
}

type NamedDeclaration =
  | ast.FunctionDeclaration
  | ast.ClassDeclaration
  | ast.InterfaceDeclaration
  | ast.TypeAliasDeclaration;

function isNamedDeclaration(node: ast.Node): node is NamedDeclaration {
  return (
    ast.isFunctionDeclaration(node) ||
    ast.isClassDeclaration(node) ||
    ast.isInterfaceDeclaration(node) ||
    ast.isTypeAliasDeclaration(node)
  );
}

function isExported(node: ast.VariableStatement | NamedDeclaration): boolean {
  return (node.modifierFlags & ast.ModifierFlags.Export) !== 0;
}

function isDefault(node: NamedDeclaration): boolean {
  return (node.modifierFlags & ast.ModifierFlags.Default) !== 0;
}

/** `a`, or each name of `{ a, b: c }`. */
function boundNames(name: ast.BindingName): readonly string[] {
  if (ast.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (element.name === undefined ? [] : boundNames(element.name)));
}
