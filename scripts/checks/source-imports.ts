/** What a TypeScript file imports, in whatever form: import, export from, import(), and types alone. */
import ts from 'typescript'

export interface SourceImport {
  readonly specifier: string
  /** From 1. */
  readonly line: number
}

export function sourceImports(path: string, text: string): readonly SourceImport[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest)
  const found: SourceImport[] = []
  const visit = (node: ts.Node): void => {
    const literal = moduleOf(node)
    if (literal !== undefined && ts.isStringLiteralLike(literal)) {
      found.push({ specifier: literal.text, line: file.getLineAndCharacterOfPosition(literal.getStart(file)).line + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function moduleOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined
  if (ts.isExternalModuleReference(node)) return node.expression
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return node.arguments[0]
  return undefined
}
